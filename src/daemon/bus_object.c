#include "daemon/bus_object.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "daemon/bus_access.h"
#include "daemon/bus_dict.h"
#include "daemon/bus_state.h"
#include "daemon/cancel.h"
#include "daemon/handover.h"
#include "daemon/queue.h"
#include "daemon/rollback.h"
#include "io/history.h"

#define PATH      "/org/m4flash"
#define INTERFACE "org.m4flash.Flasher1"

#define ERROR_STOPPING    "org.m4flash.Error.Stopping"
#define ERROR_NO_ROLLBACK "org.m4flash.Error.NoRollback"
#define ERROR_NO_SUCH_JOB "org.m4flash.Error.NoSuchJob"
#define ERROR_TOO_LATE    "org.m4flash.Error.TooLate"

enum {
    ENTRIES_MAX = 100, /* in one answer: 100 take 50 KiB, and under a millisecond to read */
};

/* Of the store's image, all but the image. */
struct installed {
    uint64_t job_id; /* 0: none is known */
    uint32_t image_bytes;
    char sha256[SKETCH_DIGEST_HEX], image_sha256[SKETCH_DIGEST_HEX];
    char time[OUTCOME_TIME_MAX];
};

struct bus_object {
    struct manager *manager;
    sd_bus *bus;
    sd_bus_slot *slot;
    struct bus_access *access;
    struct bus_state told; /* the properties as they were last signalled */
    struct installed installed;
};

/* ---- Properties --------------------------------------------------------------------------------
 */

static int get_state(_unused_ sd_bus *bus, _unused_ const char *path,
                     _unused_ const char *interface, _unused_ const char *property,
                     sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error)
{
    struct bus_object *object = userdata;

    return sd_bus_message_append(reply, "s", bus_state_of(object->manager).state);
}

static int get_stage(_unused_ sd_bus *bus, _unused_ const char *path,
                     _unused_ const char *interface, _unused_ const char *property,
                     sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error)
{
    struct bus_object *object = userdata;

    return sd_bus_message_append(reply, "s", bus_state_of(object->manager).stage);
}

static int get_progress(_unused_ sd_bus *bus, _unused_ const char *path,
                        _unused_ const char *interface, _unused_ const char *property,
                        sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error)
{
    struct bus_object *object = userdata;

    return sd_bus_message_append(reply, "u", bus_state_of(object->manager).progress);
}

static int append_job(sd_bus_message *reply, const struct bus_job *job)
{
    int r = sd_bus_message_open_container(reply, 'a', "{sv}");

    if (r >= 0)
        r = bus_dict_add_number(reply, "id", job->id);
    if (r >= 0)
        r = bus_dict_add_string(reply, "kind", job->kind);
    if (r >= 0)
        r = bus_dict_add_string(reply, "state", job->state);
    if (r >= 0)
        r = bus_dict_add_number(reply, "elapsed_ms", job->elapsed_msec);
    if (r >= 0)
        r = bus_dict_add_number(reply, "bytes", job->bytes);
    if (r >= 0)
        r = bus_dict_add_string(reply, "sha256", job->sha256);
    if (r >= 0)
        r = bus_dict_add_number(reply, "image_bytes", job->image_bytes);
    if (r >= 0)
        r = bus_dict_add_number(reply, "sectors", job->sectors);
    if (r >= 0)
        r = bus_dict_add_number(reply, "bytes_done", job->bytes_done);
    if (r >= 0)
        r = bus_dict_add_number(reply, "bytes_total", job->bytes_total);
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_jobs(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
                    _unused_ const char *property, sd_bus_message *reply, void *userdata,
                    _unused_ sd_bus_error *error)
{
    struct bus_object *object = userdata;
    struct bus_state state = bus_state_of(object->manager);

    int r = sd_bus_message_open_container(reply, 'a', "a{sv}");
    for (size_t i = 0; i < state.n_jobs && r >= 0; i++)
        r = append_job(reply, &state.jobs[i]);
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_installed(_unused_ sd_bus *bus, _unused_ const char *path,
                         _unused_ const char *interface, _unused_ const char *property,
                         sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error)
{
    struct bus_object *object = userdata;
    const struct installed *installed = &object->installed;

    int r = sd_bus_message_open_container(reply, 'a', "{sv}");
    if (installed->job_id == 0)
        return r < 0 ? r : sd_bus_message_close_container(reply);
    if (r >= 0)
        r = bus_dict_add_number(reply, "id", installed->job_id);
    if (r >= 0)
        r = bus_dict_add_string(reply, "time", installed->time);
    if (r >= 0)
        r = bus_dict_add_string(reply, "sha256", installed->sha256);
    if (r >= 0)
        r = bus_dict_add_string(reply, "image_sha256", installed->image_sha256);
    if (r >= 0)
        r = bus_dict_add_number(reply, "image_bytes", installed->image_bytes);
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_last(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
                    _unused_ const char *property, sd_bus_message *reply, void *userdata,
                    _unused_ sd_bus_error *error)
{
    struct bus_object *object = userdata;

    return bus_dict_append_entry(reply, ledger_last_entry(object->manager->ledger));
}

/* ---- Methods -----------------------------------------------------------------------------------
 */

/* Reads options, of which there is at most this one. An unknown one may be meant to matter. */
static int read_options(sd_bus_message *call, const char *known, bool *ret, sd_bus_error *ret_error)
{
    const char *name;
    int value, r;

    r = sd_bus_message_enter_container(call, 'a', "{sv}");
    if (r < 0)
        return r;
    while ((r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
        r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
            return r;
        if (!known || strcmp(name, known) != 0)
            return sd_bus_error_setf(ret_error, SD_BUS_ERROR_INVALID_ARGS,
                                     "There is no option \"%s\".", name);
        if (sd_bus_message_read(call, "v", "b", &value) < 0)
            return sd_bus_error_setf(ret_error, SD_BUS_ERROR_INVALID_ARGS,
                                     "The option \"%s\" is a boolean.", name);
        *ret = value;
        r = sd_bus_message_exit_container(call);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : sd_bus_message_exit_container(call);
}

/* The caller knows its job's number before it can hear of it. */
static int program(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
    struct bus_object *object = userdata;
    struct manager *manager = object->manager;
    struct handover handover;
    bool force = false;
    int fd;

    int r = sd_bus_message_read(call, "h", &fd);
    if (r >= 0)
        r = read_options(call, "force", &force, ret_error);
    if (r < 0)
        return r;
    r = handover_open(manager, fd, force, &handover);
    if (r == -ESHUTDOWN)
        return sd_bus_error_set(ret_error, ERROR_STOPPING, rollback_refusal(ROLLBACK_STOPPING));
    if (r < 0)
        return r;
    sd_bus_reply_method_return(call, "t", handover.job->id);
    handover_settle(manager, &handover);
    queue_run(manager);
    return 1;
}

static int roll_back(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
    struct bus_object *object = userdata;
    struct manager *manager = object->manager;
    uint64_t id;

    int r = read_options(call, NULL, NULL, ret_error);
    if (r < 0)
        return r;
    r = rollback_open(manager, &id);
    if (r < 0)
        return r;
    if (r != ROLLBACK_OPENED)
        return sd_bus_error_set(ret_error,
                                r == ROLLBACK_STOPPING ? ERROR_STOPPING : ERROR_NO_ROLLBACK,
                                rollback_refusal(r));
    sd_bus_reply_method_return(call, "t", id);
    queue_run(manager);
    return 1;
}

static int cancel(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
    struct bus_object *object = userdata;
    uint64_t id;

    int r = sd_bus_message_read(call, "t", &id);
    if (r < 0)
        return r;
    switch (cancel_job(object->manager, id)) {
    case CANCEL_UNKNOWN:
        return sd_bus_error_setf(ret_error, ERROR_NO_SUCH_JOB,
                                 "No job %" PRIu64 " is under way; it may have ended already.", id);
    case CANCEL_TOO_LATE:
        return sd_bus_error_setf(ret_error, ERROR_TOO_LATE,
                                 "Job %" PRIu64 " is being programmed: broken off, it would leave "
                                 "the M4 without a sketch.",
                                 id);
    case CANCEL_DONE:
        break;
    }
    sd_bus_reply_method_return(call, NULL);
    queue_run(object->manager);
    return 1;
}

static int on_program(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
    struct bus_object *object = userdata;

    return bus_access_check(object->access, BUS_RIGHT_MEMBER, call, program, object, ret_error);
}

static int on_rollback(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
    struct bus_object *object = userdata;
    const struct settings *settings = object->manager->orders->settings;
    /* An older sketch may be signed, and have the mistake that a newer one mends. */
    enum bus_right right = settings->require_signature ? BUS_RIGHT_ROOT : BUS_RIGHT_MEMBER;

    return bus_access_check(object->access, right, call, roll_back, object, ret_error);
}

static int on_cancel(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
    struct bus_object *object = userdata;

    return bus_access_check(object->access, BUS_RIGHT_MEMBER, call, cancel, object, ret_error);
}

static int append_entries(sd_bus_message *reply, char *lines)
{
    int r = sd_bus_message_open_container(reply, 'a', "a{sv}");

    for (char *line; r >= 0 && (line = strsep(&lines, "\n"));)
        if (*line)
            r = bus_dict_append_entry(reply, line);
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int on_history(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
    (void)ret_error;
    struct bus_object *object = userdata;
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
    _cleanup_free_ char *lines = NULL;
    uint32_t count;

    int r = sd_bus_message_read(call, "u", &count);
    if (r >= 0)
        r = history_tail(ledger_state_dir(object->manager->ledger),
                         count < ENTRIES_MAX ? count : ENTRIES_MAX, &lines);
    if (r >= 0)
        r = sd_bus_message_new_method_return(call, &reply);
    if (r >= 0)
        r = append_entries(reply, lines);
    return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* Methods are all unprivileged to sd-bus, which would ask for capabilities: bus_access judges. */
static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Stage", "s", get_stage, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Progress", "u", get_progress, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Jobs", "aa{sv}", get_jobs, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Installed", "a{sv}", get_installed, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Last", "a{sv}", get_last, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_METHOD_WITH_ARGS("Program", SD_BUS_ARGS("h", file, "a{sv}", options),
                            SD_BUS_RESULT("t", id), on_program, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Rollback", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("t", id),
                            on_rollback, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_ARGS("t", id), SD_BUS_NO_RESULT, on_cancel,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("History", SD_BUS_ARGS("u", count), SD_BUS_RESULT("aa{sv}", entries),
                            on_history, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL_WITH_ARGS("Finished", SD_BUS_ARGS("t", id, "a{sv}", outcome), 0),
    SD_BUS_VTABLE_END,
};

/* ---- Signals -----------------------------------------------------------------------------------
 */

/* names ends with a NULL. What cannot be signalled can still be asked for. */
static void signal_changes(struct bus_object *object, const char **names)
{
    if (names[0])
        sd_bus_emit_properties_changed_strv(object->bus, PATH, INTERFACE, (char **)names);
}

void bus_object_update(struct bus_object *object)
{
    struct bus_state now = bus_state_of(object->manager);
    const struct bus_state *told = &object->told;
    const char *names[5];
    size_t n = 0;

    if (strcmp(now.state, told->state) != 0)
        names[n++] = "State";
    if (strcmp(now.stage, told->stage) != 0)
        names[n++] = "Stage";
    if (now.progress != told->progress)
        names[n++] = "Progress";
    if (now.progress != told->progress || !bus_state_same_jobs(&now, told))
        names[n++] = "Jobs";
    names[n] = NULL;
    object->told = now;
    signal_changes(object, names);
}

static void load_installed(struct bus_object *object)
{
    const struct manager *manager = object->manager;
    struct installed *installed = &object->installed;
    struct store_image image;

    *installed = (struct installed){.job_id = 0};
    int r = store_load(ledger_state_dir(manager->ledger), STORE_INSTALLED,
                       manager->orders->board.flash.size, &image);
    if (r == STORE_CORRUPT)
        journal_log(manager->journal, LOG_WARNING,
                    "The installed image is damaged and not trusted: set aside as "
                    "installed.corrupt");
    if (r != STORE_FOUND)
        return;
    installed->job_id = image.job_id;
    installed->image_bytes = image.image_size;
    memcpy(installed->sha256, image.sha256, sizeof(installed->sha256));
    memcpy(installed->image_sha256, image.image_sha256, sizeof(installed->image_sha256));
    outcome_format_time(image.time_msec, installed->time);
    store_image_clear(&image);
}

void bus_object_update_installed(struct bus_object *object)
{
    const char *names[] = {"Installed", NULL};
    struct installed before = object->installed;

    load_installed(object);
    if (before.job_id != object->installed.job_id)
        signal_changes(object, names);
}

void bus_object_tell(struct bus_object *object, uint64_t job_id, const char *entry)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
    const char *names[] = {"Last", NULL};

    signal_changes(object, names);
    int r = sd_bus_message_new_signal(object->bus, &message, PATH, INTERFACE, "Finished");
    if (r >= 0)
        r = sd_bus_message_append(message, "t", job_id);
    if (r >= 0)
        r = bus_dict_append_entry(message, entry);
    if (r >= 0)
        sd_bus_send(object->bus, message, NULL);
}

/* ---- Life --------------------------------------------------------------------------------------
 */

struct bus_object *bus_object_free(struct bus_object *object)
{
    if (!object)
        return NULL;
    sd_bus_slot_unref(object->slot);
    bus_access_free(object->access);
    free(object);
    return NULL;
}

int bus_object_new(struct manager *manager, sd_bus *bus, struct bus_object **ret)
{
    _cleanup_(bus_object_freep) struct bus_object *object = calloc(1, sizeof(*object));

    if (!object)
        return -ENOMEM;
    object->manager = manager;
    object->bus = bus;
    object->told = bus_state_of(manager);
    int r = bus_access_new(bus, &object->access);
    if (r >= 0)
        r = sd_bus_add_object_vtable(bus, &object->slot, PATH, INTERFACE, vtable, object);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(object);
    return 0;
}
