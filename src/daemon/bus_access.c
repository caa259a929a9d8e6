#include "daemon/bus_access.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    CALLS_MAX = 16,         /* that wait for the bus to say who their sender is */
    GROUP_TEXT_MAX = 65536, /* bytes of the group's line: its members' names */
};

static const char group_name[] = "m4flash";

struct call {
    struct bus_access *access;
    enum bus_right right;
    sd_bus_message *message;
    sd_bus_slot *slot;
    sd_bus_message_handler_t act;
    void *userdata;
};

struct bus_access {
    sd_bus *bus; /* whoever has us has it */
    struct call *calls[CALLS_MAX];
    size_t n_calls;
};

struct sender {
    bool known; /* the bus told of its user */
    uid_t uid;
    const gid_t *gids;
    size_t n_gids;
};

static struct call *call_free(struct call *call)
{
    if (!call)
        return NULL;
    sd_bus_slot_unref(call->slot);
    sd_bus_message_unref(call->message);
    free(call);
    return NULL;
}
DEFINE_CLEANUP(struct call *, call_free)

static void remove_call(struct call *call)
{
    struct bus_access *access = call->access;
    size_t i = 0;

    while (access->calls[i] != call)
        i++;
    access->n_calls--;
    memmove(&access->calls[i], &access->calls[i + 1],
            (access->n_calls - i) * sizeof(access->calls[0]));
    call_free(call);
}

int bus_access_new(sd_bus *bus, struct bus_access **ret)
{
    struct bus_access *access = calloc(1, sizeof(*access));

    if (!access)
        return -ENOMEM;
    access->bus = bus;
    *ret = access;
    return 0;
}

struct bus_access *bus_access_free(struct bus_access *access)
{
    if (!access)
        return NULL;
    while (access->n_calls > 0)
        remove_call(access->calls[0]);
    free(access);
    return NULL;
}

static bool is_member(const gid_t *gids, size_t n_gids)
{
    _cleanup_free_ char *text = malloc(GROUP_TEXT_MAX);
    struct group group, *found = NULL;

    if (!text || getgrnam_r(group_name, &group, text, GROUP_TEXT_MAX, &found) != 0 || !found)
        return false;
    for (size_t i = 0; i < n_gids; i++)
        if (gids[i] == group.gr_gid)
            return true;
    return false;
}

static bool may(const struct sender *sender, enum bus_right right)
{
    if (!sender->known)
        return false;
    return sender->uid == 0 || sender->uid == geteuid() ||
           (right == BUS_RIGHT_MEMBER && is_member(sender->gids, sender->n_gids));
}

/* One value of GetConnectionCredentials(); the keys that count have these types by specification.
 */
static int read_credential(sd_bus_message *reply, const char *key, struct sender *sender)
{
    const void *gids;
    size_t size;
    uint32_t uid;
    int r;

    if (strcmp(key, "UnixUserID") == 0) {
        r = sd_bus_message_read(reply, "v", "u", &uid);
        sender->uid = uid;
        sender->known = r >= 0;
        return r;
    }
    if (strcmp(key, "UnixGroupIDs") != 0)
        return sd_bus_message_skip(reply, "v");
    r = sd_bus_message_enter_container(reply, 'v', "au");
    if (r >= 0)
        r = sd_bus_message_read_array(reply, 'u', &gids, &size);
    if (r < 0)
        return r;
    sender->gids = gids;
    sender->n_gids = size / sizeof(gid_t);
    return sd_bus_message_exit_container(reply);
}

static int read_credentials(sd_bus_message *reply, struct sender *ret)
{
    struct sender sender = {.known = false};
    const char *key;

    _Static_assert(sizeof(gid_t) == sizeof(uint32_t), "a group's number is D-Bus's type u");
    int r = sd_bus_message_enter_container(reply, 'a', "{sv}");
    if (r < 0)
        return r;
    while ((r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
        r = sd_bus_message_read(reply, "s", &key);
        if (r >= 0)
            r = read_credential(reply, key, &sender);
        if (r >= 0)
            r = sd_bus_message_exit_container(reply);
        if (r < 0)
            return r;
    }
    *ret = sender;
    return r;
}

static int refuse(enum bus_right right, sd_bus_error *ret_error)
{
    if (right == BUS_RIGHT_ROOT)
        return sd_bus_error_set(ret_error, SD_BUS_ERROR_ACCESS_DENIED,
                                "Only root may go back to an older sketch where sketches must be "
                                "signed (RequireSignature=).");
    return sd_bus_error_setf(ret_error, SD_BUS_ERROR_ACCESS_DENIED,
                             "Only root and members of the group %s may do this.", group_name);
}

static int on_credentials(sd_bus_message *reply, void *userdata, sd_bus_error *unused)
{
    (void)unused;
    struct call *call = userdata;
    _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
    struct sender sender;

    /* A sender that is gone by now is nobody. */
    int r =
        sd_bus_message_is_method_error(reply, NULL) ? -EACCES : read_credentials(reply, &sender);
    r = r >= 0 && may(&sender, call->right) ? call->act(call->message, call->userdata, &error)
                                            : refuse(call->right, &error);
    if (r < 0)
        sd_bus_reply_method_errno(call->message, r, &error);
    remove_call(call);
    return 0;
}

int bus_access_check(struct bus_access *access, enum bus_right right, sd_bus_message *message,
                     sd_bus_message_handler_t act, void *userdata, sd_bus_error *ret_error)
{
    if (access->n_calls == CALLS_MAX)
        return sd_bus_error_set(ret_error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                "Too many calls at once: try again.");
    _cleanup_(call_freep) struct call *call = calloc(1, sizeof(*call));
    if (!call)
        return -ENOMEM;
    *call = (struct call){
        .access = access,
        .right = right,
        .message = sd_bus_message_ref(message),
        .act = act,
        .userdata = userdata,
    };
    int r = sd_bus_call_method_async(access->bus, &call->slot, "org.freedesktop.DBus",
                                     "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                     "GetConnectionCredentials", on_credentials, call, "s",
                                     sd_bus_message_get_sender(message));
    if (r < 0)
        return r;
    access->calls[access->n_calls++] = TAKE_PTR(call);
    return 1;
}
