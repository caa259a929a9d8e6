#include "io/signature_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/fd.h"
#include "util/trust.h"
#include "util/utf8.h"

static const char suffix[] = ".pem";

struct names {
    struct dirent **list;
    int n;
};

static void names_done(struct names *names)
{
    for (int i = 0; i < names->n; i++)
        free(names->list[i]);
    free(names->list);
}

/* ---- Keys --------------------------------------------------------------------------------------
 */

static int refuse(const struct complaints *complaints, const char *reason)
{
    complain_about(complaints, 0, "this key is not used: %s", reason);
    return -EINVAL;
}

/* Returns 0; -ENOMEM; or another -errno after complaining. */
static int read_key(int fd, const struct complaints *complaints, uint8_t *ret)
{
    _cleanup_free_ char *text = NULL;
    const char *reason;
    size_t size;

    int r = fd_read_file(fd, SIGNATURE_PEM_MAX, &text, &size);
    if (r >= 0)
        r = signature_key_parse(text, size, ret, &reason);
    if (r == -ENOMEM)
        return r;
    if (r == -EFBIG)
        return refuse(complaints, "it is too long for a key");
    if (r < 0)
        return refuse(complaints, r == -EINVAL ? reason : strerror(-r));
    return 0;
}

static const char *reason_of(int error)
{
    return error == -EMEDIUMTYPE ? "it is no regular file (a link, perhaps)" : strerror(-error);
}

static int read_trusted(int dirfd, const char *name, const struct complaints *complaints,
                        uint8_t *ret)
{
    struct stat status;
    _cleanup_fd_ int fd = fd_open_checked(dirfd, name, O_NOFOLLOW, &status);

    if (fd < 0)
        return refuse(complaints, reason_of(fd));
    const char *reason = trust_refusal(&status);
    return reason ? refuse(complaints, reason) : read_key(fd, complaints, ret);
}

int key_file_read(const char *path, config_complain_t complain, void *userdata,
                  uint8_t ret[static SIGNATURE_KEY_SIZE])
{
    const struct complaints complaints = {path, complain, userdata};
    struct stat status;
    _cleanup_fd_ int fd = fd_open_checked(AT_FDCWD, path, 0, &status);

    return fd < 0 ? refuse(&complaints, reason_of(fd)) : read_key(fd, &complaints, ret);
}

static int is_key(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return entry->d_name[0] != '.' && length > strlen(suffix) &&
           strcmp(entry->d_name + length - strlen(suffix), suffix) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add(int dirfd, const char *directory, const char *name, config_complain_t complain,
               void *userdata, struct key_files *files)
{
    _cleanup_free_ char *path = NULL, *printable = utf8_escape(name);

    if (!printable || asprintf(&path, "%s/%s", directory, printable) < 0)
        return -ENOMEM;
    const struct complaints complaints = {path, complain, userdata};
    if (strlen(printable) > NAME_MAX)
        refuse(&complaints, "its name is too long");
    else if (files->n == SIGNATURE_KEYS_MAX)
        refuse(&complaints, "there are more keys than this service takes");
    else {
        int r = read_trusted(dirfd, name, &complaints, files->keys[files->n]);
        if (r == -ENOMEM)
            return r;
        if (r >= 0)
            strcpy(files->names[files->n++], printable);
    }
    return 0;
}

/* Why the folder cannot be used, or NULL with *ret_fd set. */
static const char *open_folder(const char *directory, int *ret_fd)
{
    struct stat status;
    _cleanup_fd_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status) < 0)
        return strerror(errno);
    const char *reason = trust_refusal(&status);
    if (!reason)
        *ret_fd = TAKE_FD(fd);
    return reason;
}

int key_files_load(const char *directory, config_complain_t complain, void *userdata,
                   struct key_files *ret)
{
    const struct complaints complaints = {directory, complain, userdata};
    _cleanup_(names_done) struct names names = {0};
    _cleanup_fd_ int fd = -EBADF;

    ret->n = 0;
    const char *reason = open_folder(directory, &fd);
    if (!reason) {
        names.n = scandirat(fd, ".", &names.list, is_key, by_name);
        if (names.n < 0) {
            reason = strerror(errno);
            names.n = 0;
        }
    }
    if (reason) {
        complain_about(&complaints, 0, "no key of this folder is used: %s", reason);
        return 0;
    }
    for (int i = 0; i < names.n; i++) {
        int r = add(fd, directory, names.list[i]->d_name, complain, userdata, ret);
        if (r < 0)
            return r;
    }
    return 0;
}

void key_files_order(const struct key_files *files, struct signature_order *ret)
{
    *ret = (struct signature_order){.n_keys = files->n};
    memcpy(ret->keys, files->keys, files->n * sizeof(files->keys[0]));
}

/* ---- Detached signatures -----------------------------------------------------------------------
 */

int signature_file_read(int dirfd, const char *name, uint8_t ret[static SIGNATURE_SIZE])
{
    _cleanup_free_ char *path = NULL;
    uint8_t bytes[SIGNATURE_SIZE + 1];
    struct stat status;

    if (asprintf(&path, "%s.sig", name) < 0)
        return -ENOMEM;
    _cleanup_fd_ int fd = fd_open_checked(dirfd, path, O_NOFOLLOW, &status);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    ssize_t n = fd_read_full(fd, bytes, sizeof(bytes));
    if (n < 0)
        return (int)n;
    if (n != SIGNATURE_SIZE)
        return -EMSGSIZE;
    memcpy(ret, bytes, SIGNATURE_SIZE);
    return 1;
}
