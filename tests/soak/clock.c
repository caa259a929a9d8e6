/*
 * A preloaded library that gives the daemon a wall clock of its own, which a test sets, turns back
 * and holds, as a time server, a flat battery or an administrator does. CLOCK_REALTIME alone: no
 * namespace has one, and timers go by the monotonic clock. The time stamps of files are the
 * kernel's, and stay what they are.
 *
 * SOAK_CLOCK names a file that holds struct soak_clock; only m4flashd looks at it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct soak_clock {
    int64_t nsec; /* since the epoch if held, else what is added to the system's clock */
    int64_t held; /* 1: this clock stands still */
};

enum {
    SECOND_NSEC = 1000000000,
};

static const volatile struct soak_clock *own;

static int system_clock(clockid_t id, struct timespec *ret)
{
    return (__extension__(__typeof__(&clock_gettime)) dlsym(RTLD_NEXT, "clock_gettime"))(id, ret);
}

/* Before main(), and so before any process shuts itself in. */
__attribute__((constructor)) static void find_clock(void)
{
    const char *path = getenv("SOAK_CLOCK");

    if (!path || strcmp(program_invocation_short_name, "m4flashd") != 0)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        abort();
    void *map = mmap(NULL, sizeof(*own), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        abort();
    own = map;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
    int r = system_clock(id, ret);

    if (r < 0 || !own || id != CLOCK_REALTIME)
        return r;
    int64_t nsec = own->nsec;
    if (!own->held)
        nsec += ret->tv_sec * SECOND_NSEC + ret->tv_nsec;
    *ret = (struct timespec){.tv_sec = nsec / SECOND_NSEC, .tv_nsec = nsec % SECOND_NSEC};
    return 0;
}
