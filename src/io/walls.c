#include "io/walls.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "util/landlock.h"

/* ---- Files -------------------------------------------------------------------------------------
 */

static int permit(int rules, enum landlock_scope scope, const char *const *paths)
{
    int r = 0;

    for (; *paths && r >= 0; paths++) {
        r = landlock_rules_permit(rules, scope, *paths);
        if (r == -ENOENT || r == -ENOTDIR)
            r = 0;
    }
    return r;
}

int walls_make(const struct walls_spec *spec, struct walls *ret)
{
    static const char *const always[] = {"/dev/null", NULL};
    _cleanup_fd_ int rules = landlock_rules_new(LANDLOCK_CHANGES);

    *ret = (struct walls){.rules = -EBADF, .local_sockets = spec->local_sockets};
    if (rules < 0)
        return 0;
    int r = permit(rules, LANDLOCK_WRITES, always);
    if (r >= 0)
        r = permit(rules, LANDLOCK_WRITES, spec->devices);
    if (r >= 0)
        r = permit(rules, LANDLOCK_CHANGES, spec->folders);
    if (r < 0)
        return r;
    ret->rules = TAKE_FD(rules);
    return 0;
}

void walls_done(struct walls *walls)
{
    walls->rules = fd_close(walls->rules);
}

/* ---- Sockets -----------------------------------------------------------------------------------
 *
 * A system call filter of a few instructions, by hand: libseccomp takes memory, which a child
 * between clone() and execve() must not, since it is its parent's.
 */

#if defined(__x86_64__)
#define NATIVE_CALLS AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define NATIVE_CALLS AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__)
#define NATIVE_CALLS AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_CALLS AUDIT_ARCH_RISCV64
#endif

#ifdef NATIVE_CALLS

enum {
    X32_CALLS = 0x40000000, /* on x86-64, another table's numbers begin here */
    NO_FAMILY = AF_MAX,     /* which no socket can have */
};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* Over so many of the following instructions, if it is so; else over none. */
#define SKIP_IF_EQUAL(value, n)    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (n), 0)
#define SKIP_IF_AT_LEAST(value, n) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (value), (n), 0)
#define END(action)                BPF_STMT(BPF_RET | BPF_K, (action))

/* Calls by another machine's numbers have tables of their own, hence none of them. io_uring makes
 * sockets past any filter. Of socket()'s first argument the kernel looks at the lower half. */
static int forbid_sockets(bool but_local)
{
    struct sock_filter instructions[] = {
        LOAD(arch),
        SKIP_IF_EQUAL(NATIVE_CALLS, 1),
        END(SECCOMP_RET_ERRNO | ENOSYS),
        LOAD(nr),
        SKIP_IF_EQUAL(SYS_io_uring_setup, 3),
        SKIP_IF_AT_LEAST(X32_CALLS, 2),
        SKIP_IF_EQUAL(SYS_socket, 2),
        END(SECCOMP_RET_ALLOW),
        END(SECCOMP_RET_ERRNO | ENOSYS),
        LOAD(args[0]),
        SKIP_IF_EQUAL(but_local ? AF_UNIX : NO_FAMILY, 1),
        END(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        END(SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {ELEMENTSOF(instructions), instructions};

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0 ? -errno : 0;
}

#else

static int forbid_sockets(bool but_local)
{
    (void)but_local;
    return -EOPNOTSUPP;
}

#endif

int walls_enter(const struct walls *walls)
{
    int missing = 0;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    if (walls->rules < 0 || landlock_rules_enter(walls->rules) < 0)
        missing |= WALLS_FILES;
    if (forbid_sockets(walls->local_sockets) < 0)
        missing |= WALLS_SOCKETS;
    return missing;
}
