#include "checker/filter.h"

#include <errno.h>

#include "build-config.h"

#if WITH_SECCOMP

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"

bool filter_is_possible(void)
{
    const uint32_t action = SECCOMP_RET_KILL_PROCESS;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static void releasep(scmp_filter_ctx *filter)
{
    seccomp_release(*filter); /* which takes NULL, too */
}

static int allow(scmp_filter_ctx filter, int call)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

static int allow_for_fd(scmp_filter_ctx filter, int call, int fd)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                            SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd, 0));
}

/* The order to go with its descriptor; the answer; and what there is to complain of. */
static int allow_talk(scmp_filter_ctx filter, int socket)
{
    int r = allow_for_fd(filter, SCMP_SYS(recvmsg), socket);

    if (r >= 0)
        r = allow_for_fd(filter, SCMP_SYS(write), socket);
    return r >= 0 ? allow_for_fd(filter, SCMP_SYS(write), STDERR_FILENO) : r;
}

/* Nothing that could be run; and nothing shared, which RLIMIT_DATA would not count. A 32-bit
 * machine's call has another name, and libseccomp ignores names that a machine does not have. */
static int allow_mapping(scmp_filter_ctx filter, int call)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 2,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                            SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_SHARED, 0));
}

static int allow_memory(scmp_filter_ctx filter)
{
    int r = allow_mapping(filter, SCMP_SYS(mmap));

    return r >= 0 ? allow_mapping(filter, SCMP_SYS(mmap2)) : r;
}

/* What needs no look at its arguments. sysinfo: glibc's qsort() asks how much memory there is. */
static int allow_rest(scmp_filter_ctx filter)
{
    static const int calls[] = {
        SCMP_SYS(munmap),  SCMP_SYS(mremap), SCMP_SYS(brk),        SCMP_SYS(lseek),
        SCMP_SYS(_llseek), SCMP_SYS(close),  SCMP_SYS(exit_group), SCMP_SYS(sysinfo),
    };
    int r = 0;

    for (size_t i = 0; i < ELEMENTSOF(calls) && r >= 0; i++)
        r = allow(filter, calls[i]);
    return r;
}

int filter_load(int socket)
{
    /* A call by another machine's numbers (x86's 32-bit ones, say) is none that it needs either. */
    _cleanup_(releasep) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

    if (!filter)
        return -ENOMEM;
    int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r >= 0)
        r = allow_talk(filter, socket);
    if (r >= 0)
        r = allow_memory(filter);
    if (r >= 0)
        r = allow_rest(filter);
    return r >= 0 ? seccomp_load(filter) : r;
}

#else

bool filter_is_possible(void)
{
    return false;
}

int filter_load(int socket)
{
    (void)socket;
    return -EOPNOTSUPP;
}

#endif
