/*
 * Which configuration counts is decided here, by systemd's rules (systemd.syntax(7), "file
 * hierarchies"), and nowhere is a file that is in the way passed over without a word.
 */
#include "io/config_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "build-config.h"
#include "config/values.h"
#include "util/cleanup.h"
#include "util/fd.h"

enum { CONFIG_SIZE_MAX = 1024 * 1024 };

static void closedirp(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* The null device (Documentation/admin-guide/devices.txt: 1, 3): what a masked file is linked to.
 */
static bool is_null_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int read_regular(const char *path, size_t max, char **ret, size_t *ret_size)
{
    struct stat st;

    /* O_NONBLOCK: a FIFO in the file's place must not stop us. */
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode) && !is_null_device(&st))
        return -EINVAL;
    return fd_read_file(fd, max, ret, ret_size);
}

static void complain_about_reading(const struct complaints *complaints, int error, size_t max)
{
    if (error == -EFBIG)
        complain_about(complaints, 0, "this file has more than %zu bytes", max);
    else if (error == -EINVAL)
        complain_about(complaints, 0, "this is no regular file");
    else
        complain_about(complaints, 0, "this file cannot be read: %s", strerror(-error));
}

/* What is passed over may say whose uploads are accepted. */
static void keep_others_out(struct settings *settings, const struct complaints *complaints)
{
    settings_keep_others_out(settings);
    complain_about(complaints, 0,
                   "[Inbox] AllowOwners= may be in it, and RequireSignature=: until this is mended "
                   "only root's uploads are accepted, and only signed ones");
}

static void pass_over_file(struct settings *settings, const struct complaints *complaints,
                           int error)
{
    complain_about_reading(complaints, error, CONFIG_SIZE_MAX);
    keep_others_out(settings, complaints);
}

static void pass_over_folder(struct settings *settings, const struct complaints *complaints,
                             int error)
{
    complain_about(complaints, 0, "this folder cannot be read: %s", strerror(-error));
    keep_others_out(settings, complaints);
}

static int find_user(const char *name, uid_t *ret)
{
    struct passwd entry, *found = NULL;
    char text[4096];

    int r = getpwnam_r(name, &entry, text, sizeof(text), &found);
    if (!found)
        return r > 0 ? -r : -ENOENT;
    *ret = found->pw_uid;
    return 0;
}

static int load_file(struct settings *settings, const struct complaints *complaints)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;

    int r = read_regular(complaints->file, CONFIG_SIZE_MAX, &text, &size);
    if (r < 0)
        return r;
    settings->find_user = find_user;
    return settings_parse(settings, text, size, complaints->file, complaints->complain,
                          complaints->userdata);
}

int config_files_load_one(struct settings *settings, const char *path, config_complain_t complain,
                          void *userdata)
{
    struct complaints complaints = {path, complain, userdata};

    int r = load_file(settings, &complaints);
    if (r < 0 && r != -ENOMEM)
        pass_over_file(settings, &complaints, r);
    return r;
}

/* In the order of their say: of two drop-ins with one name, the earlier folder's counts. */
static const char *const folders[] = {"/etc/m4flash.conf.d", "/usr/lib/m4flash.conf.d"};

struct drop_in {
    size_t folder;
    char *name;
};

struct drop_ins {
    struct drop_in *list;
    size_t n;
};

static void drop_ins_done(struct drop_ins *drop_ins)
{
    for (size_t i = 0; i < drop_ins->n; i++)
        free(drop_ins->list[i].name);
    free(drop_ins->list);
}

static int drop_ins_add(struct drop_ins *drop_ins, size_t folder, const char *name)
{
    struct drop_in *list = reallocarray(drop_ins->list, drop_ins->n + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    drop_ins->list = list;
    struct drop_in *added = &list[drop_ins->n];
    added->folder = folder;
    added->name = strdup(name);
    if (!added->name)
        return -ENOMEM;
    drop_ins->n++;
    return 0;
}

/* Hidden files are editors' and package managers' leftovers. */
static bool is_drop_in(const char *name)
{
    static const char suffix[] = ".conf";
    size_t length = strlen(name);

    return name[0] != '.' && length > strlen(suffix) &&
           strcmp(name + length - strlen(suffix), suffix) == 0;
}

/* Returns 0, also if there is no such folder, or -errno. */
static int list_folder(struct drop_ins *drop_ins, size_t folder, const char *path)
{
    _cleanup_(closedirp) DIR *dir = opendir(path);

    if (!dir)
        return errno == ENOENT ? 0 : -errno;
    for (struct dirent *entry; (errno = 0, entry = readdir(dir));) {
        int r = is_drop_in(entry->d_name) ? drop_ins_add(drop_ins, folder, entry->d_name) : 0;
        if (r < 0)
            return r;
    }
    return -errno;
}

static int by_name_and_folder(const void *left, const void *right)
{
    const struct drop_in *a = left, *b = right;

    int order = strcmp(a->name, b->name);
    return order ? order : (a->folder > b->folder) - (a->folder < b->folder);
}

static int load_drop_ins(struct settings *settings, const char *root, config_complain_t complain,
                         void *userdata)
{
    _cleanup_(drop_ins_done) struct drop_ins drop_ins = {0};

    for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s%s", root, folders[i]) < 0)
            return -ENOMEM;
        int r = list_folder(&drop_ins, i, path);
        if (r == -ENOMEM)
            return r;
        if (r < 0)
            pass_over_folder(settings, &(struct complaints){path, complain, userdata}, r);
    }
    if (drop_ins.n > 0)
        qsort(drop_ins.list, drop_ins.n, sizeof(*drop_ins.list), by_name_and_folder);
    for (size_t i = 0; i < drop_ins.n; i++) {
        const struct drop_in *drop_in = &drop_ins.list[i];
        _cleanup_free_ char *path = NULL;
        if (i > 0 && strcmp(drop_ins.list[i - 1].name, drop_in->name) == 0)
            continue;
        if (asprintf(&path, "%s%s/%s", root, folders[drop_in->folder], drop_in->name) < 0)
            return -ENOMEM;
        if (config_files_load_one(settings, path, complain, userdata) == -ENOMEM)
            return -ENOMEM;
    }
    return 0;
}

int config_files_load(struct settings *settings, const char *root, config_complain_t complain,
                      void *userdata)
{
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s/etc/m4flash.conf", root) < 0)
        return -ENOMEM;
    struct complaints complaints = {path, complain, userdata};
    int r = load_file(settings, &complaints);
    if (r == -ENOMEM)
        return r;
    if (r < 0 && r != -ENOENT)
        pass_over_file(settings, &complaints, r);
    return load_drop_ins(settings, root, complain, userdata);
}

static const char *boards_folder(void)
{
    const char *folder = secure_getenv("M4FLASH_BOARDS_DIR");
    return folder && *folder ? folder : BOARDS_DIR;
}

static int find_profile(const char *name_or_path, const struct complaints *complaints, char **ret)
{
    char *path;

    if (!strchr(name_or_path, '/') && !value_is_name(name_or_path)) {
        complain_about(complaints, 0,
                       "this is no board's name (letters, digits, '-', '_' and '.')");
        return -EINVAL;
    }
    int n = strchr(name_or_path, '/')
                ? asprintf(&path, "%s", name_or_path)
                : asprintf(&path, "%s/%s.conf", boards_folder(), name_or_path);
    if (n < 0)
        return -ENOMEM;
    *ret = path;
    return 0;
}

int board_load(const char *name_or_path, config_complain_t complain, void *userdata,
               struct board *ret, char **ret_text, size_t *ret_size)
{
    struct complaints complaints = {name_or_path, complain, userdata};
    _cleanup_free_ char *path = NULL, *text = NULL;
    size_t size = 0;

    int r = find_profile(name_or_path, &complaints, &path);
    if (r < 0)
        return r;
    r = read_regular(path, BOARD_PROFILE_SIZE_MAX, &text, &size);
    if (r == -ENOENT && !strchr(name_or_path, '/'))
        complain_about(&complaints, 0, "there is no profile of this board in %s", boards_folder());
    else if (r < 0 && r != -ENOMEM)
        complain_about_reading(&(struct complaints){path, complain, userdata}, r,
                               BOARD_PROFILE_SIZE_MAX);
    if (r < 0)
        return r;
    r = board_parse(text, size, path, complain, userdata, ret);
    if (r < 0)
        return r;
    if (ret_text)
        *ret_text = TAKE_PTR(text);
    if (ret_size)
        *ret_size = size;
    return 0;
}
