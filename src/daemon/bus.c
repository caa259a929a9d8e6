/*
 * A connection is an sd_bus that waits by itself until there is a bus (inotify, no polling), so
 * that beginning one never blocks. One that ends is thrown away and another is begun.
 */
#include "daemon/bus.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-bus.h>

#include "daemon/bus_object.h"

#define NAME  "org.m4flash"
#define LOCAL "org.freedesktop.DBus.Local"

enum {
    /* After all else, the inbox's look (intake.c) above all: no flood of calls delays an upload,
     * and no call is answered as if an upload before it had not been seen. */
    PRIORITY = SD_EVENT_PRIORITY_NORMAL + 20,
    /* Messages that the bus has not taken; a whole programming signals about as many, and the
     * kernel has room for most of those. */
    UNSENT_MAX = 256,
    PAUSE_MIN_USEC = 100 * 1000, /* before another connection; doubled up to */
    PAUSE_MAX_USEC = 60 * 1000 * 1000,
};

struct bus {
    struct manager *manager;
    sd_bus *connection;
    struct bus_object *object; /* on the connection */
    sd_event_source *pause_source;
    uint64_t pause_usec; /* before the next connection */
    bool named;          /* we have our name: somebody can listen */
    bool complained;     /* about being without it, since we last had it */
};

/* ---- Losing it ---------------------------------------------------------------------------------
 */

static void disconnect(struct bus *bus)
{
    bus->named = false;
    bus->object = bus_object_free(bus->object);
    bus->connection = sd_bus_close_unref(bus->connection);
}

static int connect_to_bus(struct bus *bus);

static int on_pause(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    struct bus *bus = userdata;

    bus->pause_source = sd_event_source_disable_unref(bus->pause_source);
    disconnect(bus);
    return connect_to_bus(bus);
}

/* Not right away: this is also called from within the connection that is given up. */
static int give_up(struct bus *bus)
{
    bus->named = false;
    if (bus->pause_source)
        return 0;
    int r = sd_event_add_time_relative(bus->manager->event, &bus->pause_source, CLOCK_MONOTONIC,
                                       bus->pause_usec, 0, on_pause, bus);
    if (r < 0)
        return r;
    sd_event_source_set_description(bus->pause_source, "bus-pause");
    bus->pause_usec = bus->pause_usec * 2 < PAUSE_MAX_USEC ? bus->pause_usec * 2 : PAUSE_MAX_USEC;
    return 0;
}

/* Once, and not again before it was better. */
static void complain(struct bus *bus, const char *what, int error)
{
    if (!bus->complained)
        journal_log(bus->manager->journal, LOG_WARNING, "%s: %s", what, strerror(-error));
    bus->complained = true;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    (void)message;
    (void)error;
    struct bus *bus = userdata;

    if (bus->named)
        journal_log(bus->manager->journal, LOG_NOTICE,
                    "The system bus is gone; uploads go on through the inbox.");
    return give_up(bus);
}

/* A bus that takes nothing any more (it was stopped, or somebody stalls it) must not fill our
 * memory. */
static bool is_overfull(struct bus *bus)
{
    uint64_t unsent;

    if (!bus->connection || sd_bus_get_n_queued_write(bus->connection, &unsent) < 0 ||
        unsent <= UNSENT_MAX)
        return false;
    if (bus->named)
        complain(bus, "The system bus does not take messages, its connection is given up", -EBUSY);
    give_up(bus);
    return true;
}

/* Sees each message that comes in, before anything is made of it. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    (void)message;
    (void)error;

    return is_overfull(userdata);
}

/* ---- Getting it --------------------------------------------------------------------------------
 */

static int on_named(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
    (void)error;
    struct bus *bus = userdata;

    if (sd_bus_message_is_method_error(reply, NULL)) {
        complain(bus, "The name " NAME " is not to be had on the system bus",
                 -sd_bus_message_get_errno(reply));
        return 0;
    }
    uint32_t result;
    int r = sd_bus_message_read(reply, "u", &result);
    if (r >= 0 && result != 1) /* DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER */
        r = -EEXIST;
    if (r < 0) {
        complain(bus, "Somebody else is " NAME " on the system bus", r);
        return 0;
    }
    journal_log(bus->manager->journal, LOG_INFO, "On the system bus as " NAME ".");
    bus->named = true;
    bus->complained = false;
    bus->pause_usec = PAUSE_MIN_USEC;
    bus_update(bus);
    bus_update_installed(bus);
    return 0;
}

static int on_connected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
    (void)message;
    (void)error;
    struct bus *bus = userdata;

    return sd_bus_request_name_async(bus->connection, NULL, NAME, 0, on_named, bus);
}

/* As sd_bus_open_system(3) has it, but that it waits for the socket instead of failing. */
static int set_address(sd_bus *connection)
{
    const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

    return sd_bus_set_address(
        connection, address && *address ? address : "unix:path=/run/dbus/system_bus_socket");
}

static int add_matches(struct bus *bus)
{
    int r = sd_bus_match_signal(bus->connection, NULL, LOCAL, NULL, LOCAL, "Connected",
                                on_connected, bus);

    if (r >= 0)
        r = sd_bus_match_signal(bus->connection, NULL, LOCAL, NULL, LOCAL, "Disconnected",
                                on_disconnected, bus);
    if (r >= 0)
        r = sd_bus_add_filter(bus->connection, NULL, on_message, bus);
    return r;
}

static int start(struct bus *bus)
{
    int r = sd_bus_new(&bus->connection);

    if (r >= 0)
        r = set_address(bus->connection);
    if (r >= 0)
        r = sd_bus_set_bus_client(bus->connection, true);
    if (r >= 0)
        r = sd_bus_set_watch_bind(bus->connection, true);
    if (r >= 0)
        r = sd_bus_set_connected_signal(bus->connection, true);
    /* That would wait for the bus to take the last of our messages. */
    if (r >= 0)
        r = sd_bus_set_close_on_exit(bus->connection, false);
    if (r >= 0)
        r = add_matches(bus);
    if (r >= 0)
        r = bus_object_new(bus->manager, bus->connection, &bus->object);
    if (r >= 0)
        r = sd_bus_start(bus->connection);
    if (r >= 0)
        r = sd_bus_attach_event(bus->connection, bus->manager->event, PRIORITY);
    return r;
}

static int connect_to_bus(struct bus *bus)
{
    int r = start(bus);

    if (r >= 0)
        return 0;
    complain(bus, "The system bus cannot be used", r);
    disconnect(bus);
    return give_up(bus);
}

/* ---- What is told ------------------------------------------------------------------------------
 */

void bus_update(struct bus *bus)
{
    if (bus && bus->named && !is_overfull(bus))
        bus_object_update(bus->object);
}

void bus_update_installed(struct bus *bus)
{
    if (bus && bus->named && !is_overfull(bus))
        bus_object_update_installed(bus->object);
}

void bus_tell(struct bus *bus, uint64_t job_id, const char *entry)
{
    if (bus && bus->named && !is_overfull(bus))
        bus_object_tell(bus->object, job_id, entry);
}

/* ---- Life --------------------------------------------------------------------------------------
 */

struct bus *bus_free(struct bus *bus)
{
    if (!bus)
        return NULL;
    sd_event_source_disable_unref(bus->pause_source);
    disconnect(bus);
    free(bus);
    return NULL;
}

int bus_new(struct manager *manager, struct bus **ret)
{
    _cleanup_(bus_freep) struct bus *bus = calloc(1, sizeof(*bus));

    if (!bus)
        return -ENOMEM;
    bus->manager = manager;
    bus->pause_usec = PAUSE_MIN_USEC;
    int r = connect_to_bus(bus);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(bus);
    return 0;
}
