/*
 * Nobody here can hold the daemon up: an answer fits into a fresh socket's buffer, so that it is
 * sent at once or not at all, and who is slow to ask gives way to who comes later.
 */
#include "daemon/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "daemon/queue.h"
#include "daemon/rollback.h"
#include "io/control_socket.h"
#include "util/fd.h"

enum {
    CLIENTS_MAX = 16,
    REQUEST_MAX = 64,      /* bytes of a line, with its end */
    ANSWER_MAX = 4096,     /* bytes of a line of the history, which are half as many, and more */
    CONNECTIONS_MAX = 100, /* a second: a flood of them waits in the kernel */
};

struct client {
    struct control *control;
    int fd;
    sd_event_source *source;
    char request[REQUEST_MAX];
    size_t size;
    uint64_t job_id; /* whose end it waits for; 0: it has not asked yet */
};

struct control {
    struct manager *manager;
    int fd;
    sd_event_source *source;
    struct client *clients[CLIENTS_MAX]; /* in the order of their arrival */
    size_t n_clients;
};

static struct client *client_free(struct client *client)
{
    if (!client)
        return NULL;
    sd_event_source_disable_unref(client->source);
    fd_close(client->fd);
    free(client);
    return NULL;
}
DEFINE_CLEANUP(struct client *, client_free)

static void hang_up(struct client *client)
{
    struct control *control = client->control;
    size_t i = 0;

    while (control->clients[i] != client)
        i++;
    control->n_clients--;
    memmove(&control->clients[i], &control->clients[i + 1],
            (control->n_clients - i) * sizeof(control->clients[0]));
    client_free(client);
}

static void _printf_(2, 3) answer(struct client *client, const char *format, ...)
{
    char text[ANSWER_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)!send(client->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
    hang_up(client);
}

static void obey(struct client *client)
{
    static const char request[] = "rollback\n";
    struct manager *manager = client->control->manager;

    if (client->size != strlen(request) || memcmp(client->request, request, client->size) != 0) {
        answer(client, "error: There is no such request.\n");
        return;
    }
    int r = rollback_open(manager, &client->job_id);
    if (r != ROLLBACK_OPENED) {
        answer(client, "error: %s\n", rollback_refusal(r));
        return;
    }
    /* All else that it says is not read; that it hangs up is always told. */
    sd_event_source_set_io_events(client->source, 0);
    queue_run(manager);
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    struct client *client = userdata;

    if (!(events & EPOLLIN)) {
        hang_up(client);
        return 0;
    }
    ssize_t n = read(fd, client->request + client->size, sizeof(client->request) - client->size);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        hang_up(client);
        return 0;
    }
    client->size += (size_t)n;
    if (memchr(client->request, '\n', client->size) || client->size == sizeof(client->request))
        obey(client);
    return 0;
}

/* The first that has not asked yet. Few have: a newer rollback ends one that waits. */
static void make_room(struct control *control)
{
    for (size_t i = 0; i < control->n_clients; i++)
        if (control->clients[i]->job_id == 0) {
            hang_up(control->clients[i]);
            return;
        }
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)events;
    struct control *control = userdata;
    _cleanup_fd_ int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    _cleanup_(client_freep) struct client *client = calloc(1, sizeof(*client));

    if (connection < 0 || !client)
        return 0;
    client->control = control;
    client->fd = TAKE_FD(connection);
    if (sd_event_add_io(control->manager->event, &client->source, client->fd, EPOLLIN, on_client,
                        client) < 0)
        return 0;
    sd_event_source_set_description(client->source, "control-client");
    if (control->n_clients == CLIENTS_MAX)
        make_room(control);
    if (control->n_clients < CLIENTS_MAX)
        control->clients[control->n_clients++] = TAKE_PTR(client);
    return 0;
}

int control_new(struct manager *manager, struct control **ret)
{
    _cleanup_(control_freep) struct control *control = calloc(1, sizeof(*control));

    if (!control)
        return -ENOMEM;
    control->manager = manager;
    control->fd = control_socket_listen(manager->orders->runtime_dir);
    if (control->fd < 0)
        return control->fd;
    int r = sd_event_add_io(manager->event, &control->source, control->fd, EPOLLIN, on_connection,
                            control);
    if (r < 0)
        return r;
    sd_event_source_set_description(control->source, "control");
    r = sd_event_source_set_ratelimit(control->source, 1000 * 1000, CONNECTIONS_MAX);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(control);
    return 0;
}

void control_tell(struct control *control, uint64_t job_id, const char *entry)
{
    for (size_t i = 0; control && i < control->n_clients; i++)
        if (control->clients[i]->job_id == job_id) {
            answer(control->clients[i], "%s\n", *entry ? entry : "error: There is no memory.");
            return;
        }
}

struct control *control_free(struct control *control)
{
    if (!control)
        return NULL;
    while (control->n_clients > 0)
        hang_up(control->clients[0]);
    sd_event_source_disable_unref(control->source);
    if (control->fd >= 0)
        control_socket_remove(control->manager->orders->runtime_dir);
    fd_close(control->fd);
    free(control);
    return NULL;
}
