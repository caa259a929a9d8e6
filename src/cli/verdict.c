/* From a file's name to its verdict: the rules about files are judged here, those about ELF below.
 */
#include "cli/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fd.h"

static int reject(enum sketch_code code, uint64_t bytes, struct verdict *ret)
{
    *ret = (struct verdict){.report.code = code, .bytes = bytes};
    snprintf(ret->report.sentence, sizeof(ret->report.sentence), "%s", sketch_code_sentence(code));
    snprintf(ret->report.hint, sizeof(ret->report.hint), "%s", sketch_code_hint(code));
    return 0;
}

/* A file that cannot be read for its own sake has a verdict; a name that leads nowhere has none. */
static int judge_error(int error, uint64_t bytes, struct verdict *ret)
{
    if (error == -EACCES || error == -EPERM || error == -EIO)
        return reject(SKETCH_UNREADABLE, bytes, ret);
    return error;
}

/* What people want to see of an accepted sketch, which its image is. */
static int look_at_sketch(const struct board *board, const char *bytes, size_t size,
                          const uint8_t *image, const char *state_dir, struct verdict *verdict)
{
    const struct sketch_report *report = &verdict->report;

    int r = sketch_digest(image, report->image_size, verdict->image_sha256);
    if (r >= 0)
        r = sketch_map(board, bytes, size, report->stack_pointer, &verdict->map);
    if (r >= 0 && state_dir)
        r = changes_find(state_dir, board, image, report->image_size, &verdict->changes);
    return r;
}

static int judge_content(const struct board *board, const char *bytes, size_t size,
                         const char *state_dir, struct verdict *ret)
{
    _cleanup_free_ uint8_t *image = NULL;
    struct verdict verdict = {.bytes = size};

    int r = sketch_check(board, bytes, size, &verdict.report, &image);
    if (r >= 0)
        r = sketch_digest(bytes, size, verdict.sha256);
    if (r >= 0 && image)
        r = look_at_sketch(board, bytes, size, image, state_dir, &verdict);
    if (r < 0)
        return r;
    *ret = verdict;
    return 0;
}

int verdict_of_file(const struct board *board, const char *path, uint64_t max_size,
                    const char *state_dir, struct verdict *ret)
{
    _cleanup_free_ char *bytes = NULL;
    struct stat st;
    size_t size;

    /* Opening some devices sets them going, so first look, then open, then look what it was. */
    if (stat(path, &st) < 0)
        return judge_error(-errno, 0, ret);
    if (!S_ISREG(st.st_mode))
        return reject(SKETCH_NOT_REGULAR, 0, ret);
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return judge_error(-errno, (uint64_t)st.st_size, ret);
    if (!S_ISREG(st.st_mode))
        return reject(SKETCH_NOT_REGULAR, 0, ret);
    if (max_size > SIZE_MAX / 4)
        max_size = SIZE_MAX / 4;
    if ((uint64_t)st.st_size > max_size)
        return reject(SKETCH_TOO_LARGE, (uint64_t)st.st_size, ret);
    int r = fd_read_file(fd, (size_t)max_size, &bytes, &size);
    if (r == -EFBIG)
        return reject(SKETCH_TOO_LARGE, max_size, ret);
    if (r < 0)
        return judge_error(r, (uint64_t)st.st_size, ret);
    return judge_content(board, bytes, size, state_dir, ret);
}
