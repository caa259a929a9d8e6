/*
 * The path is walked from the root, a watch on each folder before the next step is looked up, so
 * that nothing can slip in between. Above the inbox a folder is watched for its own removal or
 * renaming only, which costs no wake-up in a busy /tmp; what hides a folder without touching it, a
 * mount, shows in /proc/self/mountinfo. Each of these walks the path anew.
 */
#include "io/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "util/fd.h"

enum {
    DEPTH_MAX = 64,
};

static const uint32_t self_mask = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
static const uint32_t arrival_mask = IN_CREATE | IN_MOVED_TO;
static const uint32_t link_mask = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM;
/* IN_MODIFY also keeps the kernel from merging the closes of two uploads into one event. */
static const uint32_t inbox_mask = IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE |
                                   IN_ATTRIB | IN_DELETE | IN_MOVED_FROM | IN_EXCL_UNLINK;

struct watch {
    sd_event *event;
    char *directory; /* absolute */
    char *name;
    char *missing; /* the component that the last walk did not find, or NULL */
    bool found;    /* the last walk reached the inbox: */
    dev_t device;
    ino_t inode;
    bool refused; /* something else stands in a folder's place */
    bool linked;  /* a link is part of the path, and can be changed without touching a folder */
    int mountinfo;
    sd_event_source *mount_source;
    sd_event_source *folders[DEPTH_MAX + 1]; /* from the root down */
    size_t n_folders;
    watch_callback_t callback;
    void *userdata;
};

static int walk(struct watch *watch);

static void forget(struct watch *watch)
{
    for (size_t i = 0; i < watch->n_folders; i++)
        watch->folders[i] = sd_event_source_disable_unref(watch->folders[i]);
    watch->n_folders = 0;
    free(watch->missing);
    watch->missing = NULL;
    watch->found = false;
}

struct watch *watch_free(struct watch *watch)
{
    if (!watch)
        return NULL;
    sd_event_source_disable_unref(watch->mount_source);
    forget(watch);
    fd_close(watch->mountinfo);
    sd_event_unref(watch->event);
    free(watch->directory);
    free(watch->name);
    free(watch);
    return NULL;
}

/*
 * The inbox is opened for each use and not kept open: the kernel tells of a folder's removal only
 * when nobody holds it any more.
 */
int watch_open(const struct watch *watch)
{
    struct stat status;

    if (!watch->found)
        return -ENOENT;
    _cleanup_fd_ int fd = open(watch->directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (status.st_dev != watch->device || status.st_ino != watch->inode)
        return -ENOENT;
    return TAKE_FD(fd);
}

bool watch_is_refused(const struct watch *watch)
{
    return watch->refused;
}

/* Returns true if a fresh look at the path finds the folder that is watched (or still none). */
static bool is_current(const struct watch *watch)
{
    _cleanup_fd_ int inbox = watch_open(watch);

    if (watch->found)
        return inbox >= 0;
    return watch->refused || access(watch->directory, F_OK) < 0;
}

/* The path leads elsewhere now, perhaps: walk it anew, and let the owner look at what is there. */
static int renew(struct watch *watch)
{
    bool was_refused = watch->refused;

    int r = walk(watch);
    if (r < 0)
        return r;
    if (watch->refused && !was_refused)
        watch->callback(WATCH_REFUSED, watch->userdata);
    if (watch->found)
        watch->callback(WATCH_RESCAN, watch->userdata);
    return 0;
}

static bool says_moved(const struct inotify_event *e)
{
    return e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED);
}

static int on_ancestor(sd_event_source *source, const struct inotify_event *e, void *userdata)
{
    (void)source;
    struct watch *watch = userdata;
    bool arrived = watch->missing && e->len > 0 && strcmp(e->name, watch->missing) == 0;

    if (says_moved(e) || arrived || (e->mask & IN_Q_OVERFLOW) ||
        (watch->linked && !(watch->found && is_current(watch))))
        return renew(watch);
    return 0;
}

/*
 * A regular file that was just created is about to be written: its close will tell. All else (a
 * link, a folder, a second name of a file that exists) is complete as it is.
 */
static bool is_complete_at_creation(const struct watch *watch)
{
    struct stat status;
    _cleanup_fd_ int inbox = watch_open(watch);

    if (inbox < 0 || fstatat(inbox, watch->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    return !S_ISREG(status.st_mode) || status.st_nlink > 1;
}

static int on_inbox(sd_event_source *source, const struct inotify_event *e, void *userdata)
{
    (void)source;
    struct watch *watch = userdata;

    if (says_moved(e))
        return renew(watch);
    if (e->mask & IN_Q_OVERFLOW) {
        watch->callback(WATCH_RESCAN, watch->userdata);
        return 0;
    }
    if (e->len == 0 || strcmp(e->name, watch->name) != 0)
        return 0;
    if (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
        watch->callback(WATCH_COMPLETE, watch->userdata);
    else if (e->mask & (IN_DELETE | IN_MOVED_FROM))
        watch->callback(WATCH_GONE, watch->userdata);
    else if (e->mask & IN_MODIFY)
        watch->callback(WATCH_WRITTEN, watch->userdata);
    else if (e->mask & IN_ATTRIB)
        watch->callback(WATCH_ATTRIBUTES, watch->userdata);
    else if (e->mask & IN_CREATE)
        watch->callback(is_complete_at_creation(watch) ? WATCH_COMPLETE : WATCH_CREATED,
                        watch->userdata);
    return 0;
}

static int add_folder(struct watch *watch, int fd, uint32_t mask,
                      sd_event_inotify_handler_t handler)
{
    sd_event_source **source = &watch->folders[watch->n_folders];

    int r = sd_event_add_inotify_fd(watch->event, source, fd, mask, handler, watch);
    if (r < 0)
        return r;
    sd_event_source_set_description(*source, "inbox-watch");
    watch->n_folders++;
    return 0;
}

/* What to watch a folder on the way for: a link in it can be replaced without touching the folder.
 */
static uint32_t ancestor_mask(struct watch *watch, int parent, const char *component)
{
    struct stat status;

    if (fstatat(parent, component, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(status.st_mode))
        return self_mask;
    watch->linked = true;
    return self_mask | link_mask;
}

/* The last folder found stands in for the inbox until the missing component arrives in it. */
static int await(struct watch *watch, int parent, const char *component)
{
    watch->missing = strdup(component);
    if (!watch->missing)
        return -ENOMEM;
    return add_folder(watch, parent, ancestor_mask(watch, parent, component) | arrival_mask,
                      on_ancestor);
}

static bool is_absent(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EACCES;
}

/*
 * One step down. A link is followed on the way, but not as the inbox itself: who can plant a link
 * in /tmp must not choose the folder that root reads. Returns a descriptor, -ENOENT, or -errno.
 */
static int step(struct watch *watch, int parent, const char *component, bool last)
{
    const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC | (last ? O_NOFOLLOW : 0);

    int fd = openat(parent, component, flags);
    if (fd < 0 && (!is_absent(errno)))
        return -errno;
    if (fd < 0 && errno != ENOENT)
        watch->refused = true;
    return fd < 0 ? -ENOENT : fd;
}

enum progress {
    GO_ON,   /* one folder further */
    ARRIVED, /* nothing more to find: at the inbox, or where the path ends for now */
    AGAIN,   /* it came apart under our feet */
};

/* A watch on the folder, then the step to the next one: in this order, nothing is missed. */
static int advance(struct watch *watch, int *folder, const char *component, bool last)
{
    int next = step(watch, *folder, component, last);

    if (next == -ENOENT) {
        int r = await(watch, *folder, component);
        if (r < 0)
            return r == -ENOENT ? AGAIN : r;
        next = step(watch, *folder, component, last);
        if (next == -ENOENT)
            return ARRIVED;
        fd_close(next);
        return AGAIN;
    }
    if (next < 0)
        return next;
    int r = add_folder(watch, *folder, ancestor_mask(watch, *folder, component), on_ancestor);
    fd_close(*folder);
    *folder = next;
    if (r < 0)
        return r == -ENOENT ? AGAIN : r;
    return GO_ON;
}

static int watch_inbox(struct watch *watch, int folder)
{
    struct stat status;

    int r = add_folder(watch, folder, self_mask | inbox_mask, on_inbox);
    if (r < 0)
        return r == -ENOENT ? AGAIN : r;
    if (fstat(folder, &status) < 0)
        return -errno;
    watch->device = status.st_dev;
    watch->inode = status.st_ino;
    watch->found = true;
    return ARRIVED;
}

/* Walks to the inbox, or as far as the path exists. Returns ARRIVED, AGAIN or -errno. */
static int walk_once(struct watch *watch)
{
    _cleanup_free_ char *path = strdup(watch->directory);
    _cleanup_fd_ int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *rest = path;

    if (!path)
        return -ENOMEM;
    if (folder < 0)
        return -errno;
    forget(watch);
    watch->refused = watch->linked = false;

    for (char *component = strtok_r(path, "/", &rest); component;) {
        char *following = strtok_r(NULL, "/", &rest);
        if (watch->n_folders + 2 > DEPTH_MAX)
            return -ENAMETOOLONG;
        int r = advance(watch, &folder, component, !following);
        if (r != GO_ON)
            return r;
        component = following;
    }
    return watch_inbox(watch, folder);
}

/* A step already taken may be undone while the next one is: so walk until what was found is there.
 */
static int walk(struct watch *watch)
{
    int r;

    do
        r = walk_once(watch);
    while (r == AGAIN || (r == ARRIVED && !is_current(watch)));
    return r < 0 ? r : 0;
}

static int on_mounts(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)fd;
    (void)events;
    struct watch *watch = userdata;

    /* What was refused may be hidden by a folder now. */
    return is_current(watch) && !watch->refused ? 0 : renew(watch);
}

static int watch_mounts(struct watch *watch)
{
    watch->mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (watch->mountinfo < 0)
        return -errno;
    int r = sd_event_add_io(watch->event, &watch->mount_source, watch->mountinfo, EPOLLPRI,
                            on_mounts, watch);
    if (r < 0)
        return r;
    return sd_event_source_set_description(watch->mount_source, "mounts");
}

int watch_new(sd_event *event, const char *directory, const char *name, watch_callback_t callback,
              void *userdata, struct watch **ret)
{
    _cleanup_(watch_freep) struct watch *watch = malloc(sizeof(*watch));

    if (!watch)
        return -ENOMEM;
    *watch = (struct watch){
        .event = sd_event_ref(event),
        .directory = strdup(directory),
        .name = strdup(name),
        .mountinfo = -EBADF,
        .callback = callback,
        .userdata = userdata,
    };
    if (!watch->directory || !watch->name)
        return -ENOMEM;
    int r = watch_mounts(watch);
    if (r < 0)
        return r;
    r = walk(watch);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(watch);
    return 0;
}
