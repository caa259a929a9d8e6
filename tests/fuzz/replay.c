/*
 * Runs a fuzz target over files that are there: seeds and former finds, as an ordinary test, with
 * any compiler. usage: fuzz-TARGET FILE|FOLDER...     (a folder: all files in it)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "util/cleanup.h"
#include "util/fd.h"

enum {
    INPUT_SIZE_MAX = 64 << 20,
};

static unsigned fail(const char *path, int error)
{
    fprintf(stderr, "replay: %s: %s\n", path, strerror(error));
    exit(EXIT_FAILURE);
}

static unsigned replay_file(int dirfd, const char *path)
{
    _cleanup_fd_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
    _cleanup_free_ char *text = NULL;
    size_t size;

    int r = fd < 0 ? -errno : fd_read_file(fd, INPUT_SIZE_MAX, &text, &size);
    if (r < 0)
        return fail(path, -r);
    /* Of its exact size, so that a sanitizer sees a byte too many. */
    _cleanup_free_ uint8_t *input = malloc(size > 0 ? size : 1);
    if (!input)
        return fail(path, ENOMEM);
    memcpy(input, text, size);
    LLVMFuzzerTestOneInput(input, size);
    return 1;
}

static void close_dir(DIR **folder)
{
    closedir(*folder);
}

static unsigned replay_folder(DIR *open_folder)
{
    _cleanup_(close_dir) DIR *folder = open_folder;
    unsigned n = 0;

    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_type == DT_REG)
            n += replay_file(dirfd(folder), entry->d_name);
    return n;
}

static unsigned replay(const char *path)
{
    DIR *folder = opendir(path);

    if (folder)
        return replay_folder(folder);
    return errno == ENOTDIR ? replay_file(AT_FDCWD, path) : fail(path, errno);
}

int main(int argc, char **argv)
{
    unsigned n = 0;

    for (int i = 1; i < argc; i++)
        n += replay(argv[i]);
    printf("%u inputs\n", n);
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
