/*
 * A preloaded library that kills its process, or lets a call fail, at a call that is chosen by its
 * number or its text: power cuts and broken disks at each point where they matter, again and again
 * at the same ones.
 *
 * The environment says what: SABOTAGE_FOLDER is the folder whose changes are counted, SABOTAGE_LOG
 * where they are listed, one a line; SABOTAGE_KILL=NUMBER kills before that change, and a line on
 * stderr, a change or a call that is named SABOTAGE_KILL_AFTER kills behind it;
 * SABOTAGE_FAIL=NUMBER:ERRNO[:COUNT] lets changes fail (COUNT 0: all from there on).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The next definition of a function, the C library's. */
#define REAL(name, ...) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

static unsigned changes;

static void die(void)
{
    raise(SIGKILL);
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

static void note(const char *text)
{
    const char *path = setting("SABOTAGE_LOG");

    if (!*path)
        return;
    int fd = REAL(openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)!REAL(write, fd, text, strlen(text));
    (void)!REAL(write, fd, "\n", 1);
    close(fd);
}

/* Writes "CALL NAME" for what is being changed: the descriptor's path, and the name in it. */
static bool is_in_folder(const char *call, int fd, const char *name, char text[static 512])
{
    const char *folder = setting("SABOTAGE_FOLDER");
    char self[64], path[256] = "";

    if (!*folder)
        return false;
    if (name && *name == '/') {
        snprintf(path, sizeof(path), "%s", name);
        name = NULL;
    } else {
        snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(self, path, sizeof(path) - 1);
        path[n > 0 ? n : 0] = '\0';
    }
    if (strncmp(path, folder, strlen(folder)) != 0)
        return false;
    snprintf(text, 512, "%s %s%s%s", call, path + strlen(folder), name ? "/" : "",
             name ? name : "");
    return true;
}

/* True if this change is to fail, with errno set. Does not return where it is to be killed. */
static bool meddle(const char *text)
{
    unsigned number, count = 1;
    int error;

    changes++;
    note(text);
    if (strtoul(setting("SABOTAGE_KILL"), NULL, 10) == changes)
        die();
    if (sscanf(setting("SABOTAGE_FAIL"), "%u:%d:%u", &number, &error, &count) < 2)
        return false;
    if (changes < number || (count > 0 && changes >= number + count))
        return false;
    errno = error;
    return true;
}

/* Behind a change or a line on stderr, that the text of it calls for the end. */
static void meddle_after(const char *text, size_t size)
{
    const char *wanted = setting("SABOTAGE_KILL_AFTER");

    if (*wanted && memmem(text, size, wanted, strlen(wanted)))
        die();
}

static int print(FILE *file, const char *format, va_list arguments)
{
    char text[1024];

    int n = vsnprintf(text, sizeof(text), format, arguments);
    if (n < 0 || (size_t)n >= sizeof(text))
        n = sizeof(text) - 1;
    fwrite(text, 1, (size_t)n, file);
    if (file == stderr)
        meddle_after(text, (size_t)n);
    return n;
}

/* How the daemon speaks without a journal: by this, or, built with _FORTIFY_SOURCE, by the next. */
int fprintf(FILE *file, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int n = print(file, format, arguments);
    va_end(arguments);
    return n;
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...);

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
    va_list arguments;

    (void)flag;
    va_start(arguments, format);
    int n = print(file, format, arguments);
    va_end(arguments);
    return n;
}

ssize_t write(int fd, const void *data, size_t size)
{
    char text[512] = "";

    if (is_in_folder("write", fd, NULL, text) && meddle(text))
        return -1;
    ssize_t n = REAL(write, fd, data, size);
    if (*text)
        meddle_after(text, strlen(text));
    return n;
}

#define CHANGE(call, fd, name, ...)                              \
    do {                                                         \
        char text[512] = "";                                     \
        if (is_in_folder(#call, fd, name, text) && meddle(text)) \
            return -1;                                           \
        int r = REAL(call, __VA_ARGS__);                         \
        if (*text)                                               \
            meddle_after(text, strlen(text));                    \
        return r;                                                \
    } while (0)

int openat(int dirfd, const char *name, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;

    if (flags & O_CREAT) {
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    if (!(flags & O_CREAT))
        return REAL(openat, dirfd, name, flags);
    CHANGE(openat, dirfd, name, dirfd, name, flags, mode);
}

int renameat(int from, const char *old, int to, const char *new)
{
    CHANGE(renameat, to, new, from, old, to, new);
}

int unlinkat(int dirfd, const char *name, int flags)
{
    CHANGE(unlinkat, dirfd, name, dirfd, name, flags);
}

int fsync(int fd)
{
    CHANGE(fsync, fd, NULL, fd);
}

int fchmod(int fd, mode_t mode)
{
    CHANGE(fchmod, fd, NULL, fd, mode);
}

/* Where an upload's snapshot begins, and other copies do. */
int memfd_create(const char *name, unsigned flags)
{
    char text[64];

    snprintf(text, sizeof(text), "memfd_create %s", name);
    meddle_after(text, strlen(text));
    return REAL(memfd_create, name, flags);
}

/* Where the checker gets the snapshot and begins. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (message->msg_controllen > 0)
        meddle_after("hand over", strlen("hand over"));
    return REAL(sendmsg, fd, message, flags);
}
