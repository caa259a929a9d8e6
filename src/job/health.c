#include "job/health.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "util/fd.h"

enum {
    INTERVAL_USEC = 50 * 1000,
    ACCURACY_USEC = 1000,
};

struct health {
    const char *path;
    uint64_t deadline_usec; /* CLOCK_MONOTONIC */
    sd_event_source *timer;
    health_callback_t callback;
    void *userdata;
};

struct health *health_free(struct health *health)
{
    if (!health)
        return NULL;
    sd_event_source_disable_unref(health->timer);
    free(health);
    return NULL;
}

/* Not blocking: a sick bridge must not hold the daemon. */
static bool is_readable(const char *path)
{
    char byte;
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    return fd >= 0 && read(fd, &byte, 1) == 1;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct health *health = userdata;
    bool healthy = is_readable(health->path);

    if (healthy || usec >= health->deadline_usec) {
        health->callback(healthy, health->userdata);
        return 0;
    }
    uint64_t next = usec + INTERVAL_USEC;
    int r = sd_event_source_set_time(source,
                                     next < health->deadline_usec ? next : health->deadline_usec);
    if (r < 0)
        return r;
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int health_new(sd_event *event, const char *path, uint64_t timeout_usec, health_callback_t callback,
               void *userdata, struct health **ret)
{
    _cleanup_(health_freep) struct health *health = malloc(sizeof(*health));

    if (!health)
        return -ENOMEM;
    *health = (struct health){
        .path = path,
        .callback = callback,
        .userdata = userdata,
    };
    uint64_t now;
    int r = sd_event_now(event, CLOCK_MONOTONIC, &now);
    if (r < 0)
        return r;
    health->deadline_usec = now + timeout_usec;
    r = sd_event_add_time(event, &health->timer, CLOCK_MONOTONIC, now, ACCURACY_USEC, on_timer,
                          health);
    if (r < 0)
        return r;
    sd_event_source_set_description(health->timer, "health");
    *ret = TAKE_PTR(health);
    return 0;
}
