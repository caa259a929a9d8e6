/*
 * What a checker does that an upload has taken over: linked into the real one in place of
 * sketch_check_part(), it is called where the upload is parsed, with the cage closed. The upload
 * says what to try: "!socket", say. If that is survived the verdict says so.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sketch/answer.h"
#include "util/cleanup.h"

int __real_sketch_check_part(const struct board *board, const void *elf, size_t size,
                             const struct sketch_gap *gap, struct sketch_report *ret_report,
                             uint8_t **ret_image, uint64_t *ret_needed);
int __wrap_sketch_check_part(const struct board *board, const void *elf, size_t size,
                             const struct sketch_gap *gap, struct sketch_report *ret_report,
                             uint8_t **ret_image, uint64_t *ret_needed);

enum {
    PAGE = 4096,
    MEBIBYTE = 1 << 20,
    MEMORY_MIB = 1024, /* what it asks for, for "memory" */
};

static void try_execve(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void try_thread(void)
{
    syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, NULL, NULL, NULL, NULL);
}

static void try_fork(void)
{
    if (fork() == 0)
        _exit(0);
}

static void try_open(void)
{
    syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static void try_socket(void)
{
    socket(AF_UNIX, SOCK_STREAM, 0);
}

static void try_inet(void)
{
    socket(AF_INET, SOCK_DGRAM, 0);
}

static void try_ptrace(void)
{
    ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void try_kill(void)
{
    kill(getppid(), 0);
}

static void try_stat(void)
{
    struct statx status;

    syscall(SYS_statx, AT_FDCWD, "/etc/shadow", 0, STATX_SIZE, &status);
}

static void try_unlink(void)
{
    syscall(SYS_unlinkat, AT_FDCWD, "/nowhere", 0);
}

static void try_mount(void)
{
    mount("none", "/", "tmpfs", 0, NULL);
}

static void try_setuid(void)
{
    syscall(SYS_setresuid, 0, 0, 0);
}

static void try_unshare(void)
{
    unshare(CLONE_NEWUSER);
}

static void try_prctl(void)
{
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void try_prlimit(void)
{
    syscall(SYS_prlimit64, 0, 0, NULL, NULL);
}

static void try_memory_that_runs(void)
{
    mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_mprotect(void)
{
    syscall(SYS_mprotect, (uintptr_t)&try_mprotect & ~(uintptr_t)(PAGE - 1), PAGE,
            PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void try_shared_memory(void)
{
    mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void try_another_descriptor(void)
{
    syscall(SYS_write, ANSWER_FD_SOCKET + 1, "x", 1);
}

static void try_passing_a_descriptor(void)
{
    struct msghdr message = {.msg_iovlen = 0};

    sendmsg(ANSWER_FD_SOCKET, &message, 0);
}

static void try_dup(void)
{
    syscall(SYS_dup, ANSWER_FD_SOCKET);
}

static void try_sleep(void)
{
    sleep(1);
}

#ifdef __x86_64__
/* getpid() by the numbers of 32-bit programs, of which another table of calls decides. */
static void try_other_abi(void)
{
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    (void)result;
}
#endif

static const struct {
    const char *name;
    void (*attempt)(void);
} attempts[] = {
    {"execve", try_execve},
    {"thread", try_thread},
    {"fork", try_fork},
    {"open", try_open},
    {"socket", try_socket},
    {"inet", try_inet},
    {"ptrace", try_ptrace},
    {"kill", try_kill},
    {"stat", try_stat},
    {"unlink", try_unlink},
    {"mount", try_mount},
    {"setuid", try_setuid},
    {"unshare", try_unshare},
    {"prctl", try_prctl},
    {"prlimit", try_prlimit},
    {"memory-that-runs", try_memory_that_runs},
    {"mprotect", try_mprotect},
    {"shared-memory", try_shared_memory},
    {"another-descriptor", try_another_descriptor},
    {"passing-a-descriptor", try_passing_a_descriptor},
    {"dup", try_dup},
    {"sleep", try_sleep},
#ifdef __x86_64__
    {"other-abi", try_other_abi},
#endif
};

/* Takes memory until there is no more. */
static bool memory_ends(void)
{
    for (size_t i = 0; i < MEMORY_MIB; i++) {
        char *block = malloc(MEBIBYTE);
        if (!block)
            return true;
        memset(block, 1, MEBIBYTE);
        __asm__ volatile("" : : "r"(block) : "memory"); /* so that it is not left out */
    }
    return false;
}

static bool is(const char *upload, size_t size, const char *name)
{
    return size == strlen(name) + 1 && memcmp(upload + 1, name, size - 1) == 0;
}

/* Returns false if there is nothing to try in it, or what is tried was refused without being
 * killed. */
static bool misbehave(const char *upload, size_t size)
{
    if (size == 0 || upload[0] != '!')
        return false;
    for (size_t i = 0; i < ELEMENTSOF(attempts); i++)
        if (is(upload, size, attempts[i].name))
            attempts[i].attempt();
    return !(is(upload, size, "memory") && memory_ends());
}

int __wrap_sketch_check_part(const struct board *board, const void *elf, size_t size,
                             const struct sketch_gap *gap, struct sketch_report *ret_report,
                             uint8_t **ret_image, uint64_t *ret_needed)
{
    if (!misbehave(elf, size))
        return __real_sketch_check_part(board, elf, size, gap, ret_report, ret_image, ret_needed);
    *ret_report = (struct sketch_report){
        .code = SKETCH_NO_CODE, .sentence = "That was survived.", .hint = "Run."};
    *ret_image = NULL;
    return 0;
}
