/*
 * Scope-bound ownership: a variable marked _cleanup_ gives up what it holds when its scope ends, so
 * that every early return is also a correct one. TAKE_PTR and TAKE_FD hand ownership on.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_       __attribute__((unused))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))

#define TAKE_GENERIC(var, type, nullvalue) \
    __extension__({                        \
        type *_take_p = &(var);            \
        type _take_v = *_take_p;           \
        *_take_p = (nullvalue);            \
        _take_v;                           \
    })
#define TAKE_PTR(ptr) TAKE_GENERIC(ptr, __typeof__(ptr), NULL)
#define TAKE_FD(fd)   TAKE_GENERIC(fd, int, -EBADF)

/* Defines FREEp(), the cleanup function for a pointer whose release function takes and ignores
 * NULL. */
#define DEFINE_CLEANUP(type, free_function)               \
    static inline _unused_ void free_function##p(type *p) \
    {                                                     \
        if (*p)                                           \
            free_function(*p);                            \
    }

static inline void freep(void *p)
{
    free(*(void **)p);
}

/* Closes fd if it is one. Returns -EBADF, so that `fd = fd_close(fd)` leaves no stale number. */
int fd_close(int fd);

static inline void fd_closep(int *fd)
{
    fd_close(*fd);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_fd_   _cleanup_(fd_closep)
