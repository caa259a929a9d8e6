#include "cli/client.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "cli/bus_json.h"

#define NAME       "org.m4flash"
#define PATH       "/org/m4flash"
#define INTERFACE  "org.m4flash.Flasher1"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define SERVICE    "monitor-m4-elf-file.service"

enum {
    ANSWER_USEC = 25 * 1000 * 1000, /* D-Bus's own limit for an answer */
};

struct client {
    sd_bus *bus;
    bool changed;   /* something was told since the last wait */
    bool restarted; /* the service came or went */
    struct json_object *finished;
};

/* ---- What goes wrong ---------------------------------------------------------------------------
 */

/* There was a bus, and it does not speak to us any more, or never did. */
static int no_bus(int error, struct problem *problem)
{
    problem_set(problem, "no-bus",
                "Look at 'systemctl status dbus'. Uploads through the inbox and 'm4flash history' "
                "work without it.",
                "The system bus cannot be reached: %s.", strerror(-error));
    return error;
}

static bool is_absent(const sd_bus_error *error)
{
    return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
           sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
           sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY);
}

static bool is_refusal(const sd_bus_error *error)
{
    return error->name && strncmp(error->name, NAME ".", strlen(NAME ".")) == 0;
}

/* What an error that came back means. r is what sd-bus made of it. */
static int explain(int r, const sd_bus_error *error, struct problem *problem)
{
    if (is_absent(error)) {
        problem_set(problem, "no-service",
                    "Start it: systemctl start " SERVICE ". 'm4flash history' works without it.",
                    "The service does not run (nobody is " NAME " on the system bus).");
        return -ESRCH;
    }
    if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED)) {
        problem_set(problem, "not-permitted", "Try again with sudo, or become a member of it.",
                    "This is for root and the members of the group m4flash.");
        return -EACCES;
    }
    if (is_refusal(error)) {
        problem_set(problem, "refused", "", "%s", error->message ? error->message : error->name);
        return 1;
    }
    if (r == -ETIMEDOUT || sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT)) {
        problem_set(problem, "no-answer",
                    "Look at 'systemctl status " SERVICE "'; restart it if it hangs.",
                    "The service does not answer.");
        return -ETIMEDOUT;
    }
    if (r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE)
        return no_bus(r, problem);
    problem_set(problem, "bus-error", "The journal may say more: journalctl -u " SERVICE,
                "The service could not do it: %s.", error->message ? error->message : strerror(-r));
    return r;
}

static int bad_answer(int r, struct problem *problem)
{
    if (r == -ENOMEM)
        return problem_set_memory(problem);
    problem_set(problem, "bus-error", "Install m4flash and m4flashd of the same version.",
                "The service's answer is not understood: %s.", strerror(-r));
    return r;
}

/* ---- What is told ------------------------------------------------------------------------------
 */

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    (void)error;
    struct client *client = userdata;
    struct json_object *entry;
    uint64_t id;

    client->changed = true;
    if (sd_bus_message_is_signal(message, INTERFACE, "Finished") &&
        sd_bus_message_read(message, "t", &id) >= 0 && bus_json_read_object(message, &entry) >= 0 &&
        json_object_array_add(client->finished, entry) < 0) {
        json_object_put(entry);
        return -ENOMEM;
    }
    return 0;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    (void)message;
    (void)error;
    struct client *client = userdata;

    client->changed = client->restarted = true;
    return 0;
}

int client_listen(struct client *client, struct problem *problem)
{
    int r;

    while ((r = sd_bus_process(client->bus, NULL)) > 0)
        ;
    return r < 0 ? no_bus(r, problem) : 0;
}

int client_wait(struct client *client, uint64_t timeout_usec, struct problem *problem)
{
    int r = client_listen(client, problem);

    if (r >= 0 && !client->changed) {
        r = sd_bus_wait(client->bus, timeout_usec);
        r = r < 0 ? no_bus(r, problem) : client_listen(client, problem);
    }
    client->changed = false;
    return r;
}

struct json_object *client_take_finished(struct client *client)
{
    struct json_object *fresh = json_object_new_array();

    if (!fresh)
        return NULL;
    struct json_object *finished = client->finished;
    client->finished = fresh;
    return finished;
}

bool client_take_restarted(struct client *client)
{
    bool restarted = client->restarted;

    client->restarted = false;
    return restarted;
}

/* ---- Calls -------------------------------------------------------------------------------------
 */

static int new_call(struct client *client, const char *interface, const char *member,
                    sd_bus_message **ret)
{
    int r = sd_bus_message_new_method_call(client->bus, ret, NAME, PATH, interface, member);

    return r < 0 ? r : sd_bus_message_set_auto_start(*ret, false);
}

/* r is what became of making the call. */
static int call(struct client *client, int r, sd_bus_message *message, uint64_t timeout_usec,
                sd_bus_message **ret, struct problem *problem)
{
    _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

    if (r >= 0)
        r = sd_bus_call(client->bus, message,
                        timeout_usec < ANSWER_USEC ? timeout_usec : ANSWER_USEC, &error, ret);
    return r < 0 ? explain(r, &error, problem) : 0;
}

/* {State: …, Jobs: …} -> {state: …, jobs: …}; an older service may not have them all. */
static int lower_keys(struct json_object *properties, struct json_object **ret)
{
    _cleanup_(json_putp) struct json_object *status = json_object_new_object();
    struct json_object *jobs;

    if (!status)
        return -ENOMEM;
    struct json_object_iterator at = json_object_iter_begin(properties);
    struct json_object_iterator end = json_object_iter_end(properties);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        char key[32];
        snprintf(key, sizeof(key), "%s", json_object_iter_peek_name(&at));
        key[0] = (char)tolower((unsigned char)key[0]);
        struct json_object *value = json_object_get(json_object_iter_peek_value(&at));
        if (json_object_object_add(status, key, value) < 0) {
            json_object_put(value);
            return -ENOMEM;
        }
    }
    if (!json_object_object_get_ex(status, "jobs", &jobs) ||
        !json_object_is_type(jobs, json_type_array))
        return -EBADMSG;
    *ret = TAKE_PTR(status);
    return 0;
}

int client_get_status(struct client *client, uint64_t timeout_usec, struct json_object **ret,
                      struct problem *problem)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
    _cleanup_(json_putp) struct json_object *properties = NULL;

    int r = new_call(client, PROPERTIES, "GetAll", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "s", INTERFACE);
    r = call(client, r, message, timeout_usec, &reply, problem);
    if (r < 0)
        return r;
    r = bus_json_read_properties(reply, &properties);
    if (r >= 0)
        r = lower_keys(properties, ret);
    return r < 0 ? bad_answer(r, problem) : 0;
}

int client_get_history(struct client *client, unsigned count, uint64_t timeout_usec,
                       struct json_object **ret, struct problem *problem)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;

    int r = new_call(client, INTERFACE, "History", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "u", (uint32_t)count);
    r = call(client, r, message, timeout_usec, &reply, problem);
    if (r < 0)
        return r;
    r = bus_json_read_objects(reply, ret);
    return r < 0 ? bad_answer(r, problem) : 0;
}

int client_program(struct client *client, int fd, bool force, uint64_t *ret_id,
                   struct problem *problem)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;

    int r = new_call(client, INTERFACE, "Program", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ha{sv}", fd, 1, "force", "b", (int)force);
    r = call(client, r, message, UINT64_MAX, &reply, problem);
    if (r != 0)
        return r < 0 ? r : -ESHUTDOWN;
    r = sd_bus_message_read(reply, "t", ret_id);
    return r < 0 ? bad_answer(r, problem) : 0;
}

int client_cancel(struct client *client, uint64_t id, struct problem *problem)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;

    int r = new_call(client, INTERFACE, "Cancel", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "t", id);
    return call(client, r, message, UINT64_MAX, &reply, problem);
}

/* ---- Life --------------------------------------------------------------------------------------
 */

static int add_matches(struct client *client)
{
    int r = sd_bus_match_signal(client->bus, NULL, NAME, PATH, NULL, NULL, on_signal, client);

    if (r < 0)
        return r;
    return sd_bus_add_match(client->bus, NULL,
                            "type='signal',sender='org.freedesktop.DBus',"
                            "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                            "arg0='" NAME "'",
                            on_owner, client);
}

struct client *client_free(struct client *client)
{
    if (!client)
        return NULL;
    sd_bus_close_unref(client->bus);
    json_object_put(client->finished);
    free(client);
    return NULL;
}

int client_new(struct client **ret, struct problem *problem)
{
    _cleanup_(client_freep) struct client *client = calloc(1, sizeof(*client));

    if (client)
        client->finished = json_object_new_array();
    if (!client || !client->finished)
        return problem_set_memory(problem);
    int r = sd_bus_open_system(&client->bus);
    if (r >= 0)
        r = add_matches(client);
    if (r < 0)
        return no_bus(r, problem);
    *ret = TAKE_PTR(client);
    return 0;
}
