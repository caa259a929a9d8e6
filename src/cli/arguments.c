#include "cli/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/values.h"
#include "io/config_files.h"
#include "util/fd.h"
#include "util/utf8.h"

enum {
    FILE_SIZE_MAX = 1024 * 1024 * 1024,
};

int argument_timeout(const char *text, uint64_t *ret_usec)
{
    if (strcmp(text, "infinity") == 0) {
        *ret_usec = UINT64_MAX;
        return 0;
    }
    if (value_parse_time(text, ret_usec) >= 0)
        return 0;
    fprintf(stderr, "m4flash: --timeout needs a time such as 90, \"2min\" or \"infinity\"\n");
    return -EINVAL;
}

/* What getopt has left over. */
static int limit_count(int argc, int most)
{
    if (argc - optind <= most)
        return 0;
    fprintf(stderr, "m4flash: there is an argument too many\n");
    return -EINVAL;
}

int argument_none(int argc)
{
    return limit_count(argc, 0);
}

static int parse_job(const char *text, uint64_t *ret)
{
    char *end = NULL;

    errno = 0;
    unsigned long long id = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : 0;
    if (id > 0 && errno == 0 && *end == '\0') {
        *ret = id;
        return 0;
    }
    fprintf(stderr, "m4flash: a job's number is needed, as 'm4flash history' shows it\n");
    return -EINVAL;
}

int argument_job(int argc, char **argv, uint64_t *ret)
{
    int r = limit_count(argc, 1);

    return r < 0 || optind >= argc ? r : parse_job(argv[optind], ret);
}

int argument_digest(const char *text, char ret[static SKETCH_DIGEST_HEX])
{
    size_t length = strlen(text);

    if (length != SKETCH_DIGEST_HEX - 1 || strspn(text, "0123456789abcdefABCDEF") != length) {
        fprintf(stderr,
                "m4flash: --sha256 needs 64 hexadecimal digits, as sha256sum prints them\n");
        return -EINVAL;
    }
    for (size_t i = 0; i <= length; i++)
        ret[i] = (char)tolower((unsigned char)text[i]);
    return 0;
}

void argument_complain(const char *file, unsigned line, const char *message,
                       _unused_ void *userdata)
{
    _cleanup_free_ char *name = utf8_escape(file);

    if (line > 0)
        fprintf(stderr, "m4flash: %s:%u: %s\n", name ? name : "", line, message);
    else
        fprintf(stderr, "m4flash: %s: %s\n", name ? name : "", message);
}

/* Nobody who does without signatures need hear that there are no keys. */
static void keep_quiet(_unused_ const char *file, _unused_ unsigned line,
                       _unused_ const char *message, _unused_ void *userdata)
{
}

static int find_policy(const struct settings *settings, struct policy *ret)
{
    ret->max_size = settings->inbox_max_size;
    ret->must_be_signed = settings->require_signature;
    return key_files_load(settings->keys_directory,
                          settings->require_signature ? argument_complain : keep_quiet, NULL,
                          &ret->keys);
}

static int load_settings(struct settings **ret)
{
    _cleanup_(settings_freep) struct settings *settings = NULL;

    int r = settings_new(&settings);
    if (r >= 0)
        r = config_files_load(settings, "", argument_complain, NULL);
    if (r >= 0)
        *ret = TAKE_PTR(settings);
    return r;
}

int argument_policy(struct policy *ret)
{
    _cleanup_(settings_freep) struct settings *settings = NULL;

    int r = load_settings(&settings);
    return r < 0 ? r : find_policy(settings, ret);
}

int argument_board(const char *name, struct board *ret, struct policy *ret_policy)
{
    _cleanup_(settings_freep) struct settings *settings = NULL;

    int r = load_settings(&settings);
    if (r >= 0)
        r = board_load(name ? name : settings->board_name, argument_complain, NULL, ret, NULL,
                       NULL);
    return r < 0 ? r : find_policy(settings, ret_policy);
}

int argument_file_digest(const char *path, char ret[static SKETCH_DIGEST_HEX],
                         struct problem *problem)
{
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    _cleanup_free_ char *bytes = NULL;
    size_t size;

    int r = fd < 0 ? -errno : fd_read_file(fd, FILE_SIZE_MAX, &bytes, &size);
    if (r >= 0)
        sketch_digest(bytes, size, ret);
    else
        problem_set(problem, "no-file", "", "%s: %s", path, strerror(-r));
    return r;
}
