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

struct content {
    const char *bytes;
    size_t size;
    const char *signed_path; /* beside which a detached signature may be, or NULL */
};

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

    sketch_digest(image, report->image_size, verdict->image_sha256);
    int r = sketch_map(board, bytes, size, report->stack_pointer, &verdict->map);
    if (r >= 0 && state_dir)
        r = changes_find(state_dir, board, image, report->image_size, &verdict->changes);
    return r;
}

/* As the daemon does, and nothing else is left of what was accepted. */
static void enforce_signature(const struct policy *policy, struct verdict *verdict)
{
    const struct signature_verdict *signature = &verdict->signature.verdict;

    if (policy->must_be_signed && verdict->report.code == SKETCH_ACCEPTED &&
        signature->state != SIGNATURE_GOOD)
        signature_report(signature, policy->keys.n, &verdict->report);
}

static int judge_content(const struct board *board, const struct content *content,
                         const struct policy *policy, const char *state_dir, struct verdict *ret)
{
    _cleanup_free_ uint8_t *image = NULL;
    const char *bytes = content->bytes;
    size_t size = content->size;
    struct verdict verdict = {.bytes = size};

    sketch_digest(bytes, size, verdict.sha256);
    int r = sketch_check(board, bytes, size, &verdict.report, &image);
    if (r >= 0)
        r = signed_look(&policy->keys, content->signed_path, bytes, size, &verdict.signature);
    if (r >= 0)
        enforce_signature(policy, &verdict);
    if (r >= 0 && verdict.report.code == SKETCH_ACCEPTED)
        r = look_at_sketch(board, bytes, size, image, state_dir, &verdict);
    if (r < 0)
        return r;
    *ret = verdict;
    return 0;
}

int verdict_of_file(const struct board *board, const char *path, const struct policy *policy,
                    bool has_detached, const char *state_dir, struct verdict *ret)
{
    uint64_t max_size = policy->max_size;
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
    const struct content content = {bytes, size, has_detached ? path : NULL};
    return judge_content(board, &content, policy, state_dir, ret);
}
