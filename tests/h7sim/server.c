/* Plain poll(): a listening socket, at most one client, and a signalfd. Further clients wait in the
 * backlog until the first has gone, as they would for a real adapter. */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct server {
    const char *path;
    struct stat socket; /* to remove at the end what we made, not a successor's */
    int signal_fd, listen_fd, client_fd;
    size_t queued, sent;
    char queue[SERVER_BUFFER];
};

int server_block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* Bound under another name and renamed when it listens: nobody finds a socket that refuses. */
static int listen_at(struct server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t room = sizeof(address.sun_path);

    int n = snprintf(address.sun_path, room, "%s.%ld", server->path, (long)getpid());
    if (n < 0 || (size_t)n >= room)
        return -ENAMETOOLONG;
    server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listen_fd < 0)
        return -errno;
    if (bind(server->listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    if (listen(server->listen_fd, 16) < 0 || stat(address.sun_path, &server->socket) < 0 ||
        rename(address.sun_path, server->path) < 0) {
        int r = -errno;
        unlink(address.sun_path);
        return r;
    }
    return 0;
}

int server_new(const char *path, int signal_fd, struct server **ret)
{
    struct server *server = calloc(1, sizeof(*server));
    if (!server) {
        close(signal_fd);
        return -ENOMEM;
    }
    server->path = path;
    server->signal_fd = signal_fd;
    server->listen_fd = server->client_fd = -EBADF;
    int r = listen_at(server);
    if (r < 0) {
        server_free(server);
        return r;
    }
    *ret = server;
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -EBADF;
}

void server_free(struct server *server)
{
    struct stat st;

    if (!server)
        return;
    if (server->socket.st_ino != 0 && stat(server->path, &st) == 0 &&
        st.st_ino == server->socket.st_ino && st.st_dev == server->socket.st_dev)
        unlink(server->path);
    close_fd(&server->client_fd);
    close_fd(&server->listen_fd);
    close_fd(&server->signal_fd);
    free(server);
}

/* True: an event came of it. */
static bool take_signal(struct server *server, enum server_event *ret_event)
{
    struct signalfd_siginfo info;

    if (read(server->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return false;
    *ret_event = info.ssi_signo == SIGUSR1 ? SERVER_REPORT : SERVER_END;
    return true;
}

static bool take_client(struct server *server, enum server_event *ret_event)
{
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return false;
    server->client_fd = fd;
    *ret_event = SERVER_CLIENT_CAME;
    return true;
}

static bool client_left(struct server *server, enum server_event *ret_event)
{
    close_fd(&server->client_fd);
    server->queued = server->sent = 0;
    *ret_event = SERVER_CLIENT_LEFT;
    return true;
}

static bool take_bytes(struct server *server, char *buffer, enum server_event *ret_event,
                       size_t *ret_size)
{
    ssize_t n = read(server->client_fd, buffer, SERVER_BUFFER);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        return client_left(server, ret_event);
    *ret_event = SERVER_CLIENT_SENT;
    *ret_size = (size_t)n;
    return true;
}

/* Sends what can be sent; true: the client is gone. */
static bool flush(struct server *server)
{
    while (server->sent < server->queued) {
        ssize_t n = send(server->client_fd, server->queue + server->sent,
                         server->queued - server->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno != EAGAIN;
        server->sent += (size_t)n;
    }
    server->queued = server->sent = 0;
    return false;
}

int server_next(struct server *server, char *buffer, enum server_event *ret_event, size_t *ret_size)
{
    for (;;) {
        bool has_client = server->client_fd >= 0;
        if (has_client && flush(server) && client_left(server, ret_event))
            return 0;

        struct pollfd fds[] = {
            {.fd = server->signal_fd, .events = POLLIN},
            {.fd = has_client ? server->client_fd : server->listen_fd,
             .events = server->queued > 0 ? POLLOUT : POLLIN},
        };
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -errno;
        if (fds[0].revents && take_signal(server, ret_event))
            return 0;
        if (!fds[1].revents || server->queued > 0)
            continue;
        if (has_client ? take_bytes(server, buffer, ret_event, ret_size)
                       : take_client(server, ret_event))
            return 0;
    }
}

void server_send(struct server *server, const char *bytes, size_t size)
{
    memcpy(server->queue, bytes, size);
    server->queued = size;
    server->sent = 0;
}

void server_close_client(struct server *server)
{
    enum server_event event;

    flush(server);
    client_left(server, &event);
}
