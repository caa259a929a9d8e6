/*
 * From the outside to the inside, since each wall takes away what would be needed to build one
 * further out. The system call filter alone would do; what stands behind it is for kernels and
 * builds without one, and for the day on which an allowed call has a bug.
 */
#include "checker/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "build-config.h"
#include "checker/filter.h"
#include "sketch/answer.h"
#include "util/capabilities.h"
#include "util/cleanup.h"
#include "util/landlock.h"

enum {
    CPU_SECONDS = 30,         /* a 64 MiB upload takes well under one on a board */
    PROGRAM_SIZE = 128 << 20, /* address space of the program, its libraries and stack */
};

/* Without a filter there is still no network and nobody to talk to. With one it is left out: a new
 * network takes the kernel milliseconds, which an upload would have to wait for. */
static void leave_namespaces(void)
{
    static const int namespaces[] = {CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWNS};

    for (size_t i = 0; i < ELEMENTSOF(namespaces); i++)
        unshare(
            namespaces[i]); /* may be refused: what there is to tell is that there is no filter */
}

/* ---- Files -------------------------------------------------------------------------------------
 */

/* Rules that allow nothing. What this kernel's Landlock does not know of is left to the user who
 * owns nothing, and to the filter. */
static bool close_files_by_landlock(void)
{
    _cleanup_fd_ int rules = landlock_rules_new(LANDLOCK_ALL);

    return rules >= 0 && landlock_rules_enter(rules) >= 0;
}

/* A folder that is always there, in which nothing can be made, and which only tells what we have
 * open. Older kernels have no other way, and only root can go it. */
static bool close_files_by_chroot(void)
{
    return chroot("/proc/self/fdinfo") == 0 && chdir("/") == 0;
}

static uint32_t close_files(void)
{
    return close_files_by_landlock() || close_files_by_chroot() ? ANSWER_CAGE_FILES : 0;
}

/* ---- User and capabilities ---------------------------------------------------------------------
 */

static void drop_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0;)
        capability++;
}

static bool become(uid_t uid, gid_t gid)
{
    return setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
           setresuid(uid, uid, uid) == 0;
}

/* A new user takes away the signal that the parent's death is to send, hence it is asked for anew;
 * a parent that died meanwhile would never send it. */
static int change_user(const struct cage_spec *spec, uint32_t *cage)
{
    const pid_t parent = getppid();

    drop_bounding_set();
    bool changed = geteuid() == 0 && become(spec->uid, spec->gid);
    int r = capabilities_keep(0, CAPABILITIES_ALL_SETS);
    if (r < 0)
        return r;
    if (changed)
        *cage |= ANSWER_CAGE_USER;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

/* ---- Limits ------------------------------------------------------------------------------------
 */

static bool limit(__rlimit_resource_t resource, uint64_t value)
{
    struct rlimit limit = {0, 0};

    if (getrlimit(resource, &limit) < 0)
        return false;
    if (value < limit.rlim_max)
        limit.rlim_max = value;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(resource, &limit) == 0;
}

static uint32_t set_limits(const struct cage_spec *spec)
{
    const struct {
        __rlimit_resource_t resource;
        uint64_t value;
    } limits[] = {
        {RLIMIT_CORE, 0},
        {RLIMIT_FSIZE, 0},
        {RLIMIT_NPROC, 0},
        {RLIMIT_MEMLOCK, 0},
        {RLIMIT_MSGQUEUE, 0},
        {RLIMIT_NOFILE, (uint64_t)spec->socket + 2}, /* what it has, and the upload */
        {RLIMIT_CPU, CPU_SECONDS},
        {RLIMIT_DATA, spec->memory_max},
        {RLIMIT_AS, spec->memory_max + spec->read_only_max + PROGRAM_SIZE},
    };
    bool all = true;

    for (size_t i = 0; i < ELEMENTSOF(limits); i++)
        all &= limit(limits[i].resource, limits[i].value);
    return all && prctl(PR_SET_DUMPABLE, 0) == 0 ? ANSWER_CAGE_LIMITS : 0;
}

int cage_enter(const struct cage_spec *spec)
{
    uint32_t cage = 0;

    if (!WITH_CAGE)
        return 0;
    if (close_range((unsigned)spec->socket + 1, ~0U, 0) < 0)
        return -errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    if (!filter_is_possible())
        leave_namespaces();
    cage |= close_files();
    int r = change_user(spec, &cage);
    if (r < 0)
        return r;
    cage |= set_limits(spec);
    if (filter_load(spec->socket) >= 0)
        cage |= ANSWER_CAGE_SYSCALLS;
    return (int)cage;
}
