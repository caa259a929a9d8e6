/* A watch on TEMP/inbox for the name "upload", what it has told, and an owner who looks. */
#pragma once

#include <limits.h>

#include "io/watch.h"
#include "tests/unit/io/loop.h"
#include "tests/unit/util/temp_dir.h"

struct watched {
    unsigned fds; /* open before the test */
    struct temp_dir dir;
    sd_event *event;
    struct watch *watch;
    char told[256]; /* one letter an event: see watched_letters */
    size_t n_told;
    bool seen; /* told of a complete file or a rescan while the expected content was there */
    const char *expected;
};

static const char watched_letters[] = {
    [WATCH_CREATED] = 'N', [WATCH_COMPLETE] = 'C', [WATCH_WRITTEN] = 'W', [WATCH_ATTRIBUTES] = 'A',
    [WATCH_GONE] = 'G',    [WATCH_RESCAN] = 'R',   [WATCH_REFUSED] = 'X',
};

/* What the owner of a watch does when it is told to: looks whether the file is there. */
static inline bool watched_look(const struct watched *w)
{
    _cleanup_fd_ int inbox = watch_open(w->watch);
    char text[64] = "";

    if (inbox < 0 || !w->expected)
        return false;
    _cleanup_fd_ int fd = openat(inbox, "upload", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && fd_read_full(fd, text, sizeof(text) - 1) >= 0 &&
           strcmp(text, w->expected) == 0;
}

static inline void watched_hear(enum watch_event what, void *userdata)
{
    struct watched *w = userdata;

    if (w->n_told < sizeof(w->told) - 1)
        w->told[w->n_told++] = watched_letters[what];
    if (what == WATCH_COMPLETE || what == WATCH_RESCAN)
        w->seen = w->seen || watched_look(w);
}

/* TEMP/name, valid until the next but one call. */
static inline const char *watched_path(const struct watched *w, const char *name)
{
    static char paths[2][PATH_MAX];
    static unsigned i;

    i ^= 1;
    snprintf(paths[i], sizeof(paths[i]), "%s/%s", w->dir.path, name);
    return paths[i];
}

static inline void watched_make(struct watched *w)
{
    *w = (struct watched){.fds = count_fds()};
    w->dir = temp_dir_make();
    w->event = loop_make();
}

/* Begins to watch TEMP/directory. */
static inline int watched_begin(struct watched *w, const char *directory)
{
    return watch_new(w->event, watched_path(w, directory), "upload", watched_hear, w, &w->watch);
}

/* Returns true if no descriptor is left. */
static inline bool watched_free(struct watched *w)
{
    w->watch = watch_free(w->watch);
    sd_event_unref(w->event);
    temp_dir_remove(&w->dir);
    return count_fds() == w->fds;
}

/* What was told since the last call. */
static inline const char *watched_told(struct watched *w)
{
    static char told[sizeof(w->told)];

    loop_drain(w->event);
    memcpy(told, w->told, sizeof(told));
    memset(w->told, 0, sizeof(w->told));
    w->n_told = 0;
    return told;
}

/* Puts an upload with this content where it belongs; is it found? */
static inline bool watched_finds(struct watched *w, const char *directory, const char *content)
{
    char name[64];

    w->seen = false;
    w->expected = content;
    snprintf(name, sizeof(name), "%s/upload", directory);
    temp_dir_write(&w->dir, name, content, strlen(content));
    bool found = loop_until(w->event, &w->seen);
    watched_told(w);
    return found;
}
