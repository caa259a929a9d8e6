/* A deploy for a test: an image 'c' on its way to the stand-in's chip, and all around it told in
 * letters. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/wait.h>
#include <syslog.h>

#include "job/deploy.h"
#include "job/record.h"
#include "tests/unit/io/loop.h"
#include "tests/unit/util/temp_dir.h"

enum {
    FLASH = 0x08000000, /* of the chip, whose second half is the window */
    SECTOR = 0x20000,
    SIZE = 5000,      /* bytes of an image */
    SECOND = 1000000, /* microseconds */
    JOB = 5,
};

static const struct board board = {
    .flash = {.name = "flash", .start = 0x08100000, .size = 0x100000},
    .sector_size = SECTOR,
    .word_size = 32,
};

struct fixture {
    unsigned fds;
    struct temp_dir dir, state; /* state is a folder in dir */
    sd_event *event;
    struct deploy *deploy;
    struct deploy_spec spec;
    char openocd[64], config[64], pre[64], post[64];
    bool told, ended, writing;
    unsigned warnings;
    char lines[4096];
    char state_at_result[8]; /* as state() tells it */
    struct deploy_result result;
};

/* ---- The state directory, in a few letters --------------------------------------------------- */

static inline _unused_ struct store_image make_image(char fill)
{
    struct store_image image = {.job_id = JOB, .image = malloc(SIZE), .image_size = SIZE};

    assert_non_null(image.image);
    memset(image.image, fill, SIZE);
    sketch_digest(image.image, SIZE, image.image_sha256);
    return image;
}

static inline _unused_ void put(const struct fixture *f, enum store_slot slot, char fill)
{
    struct store_image image = make_image(fill);

    assert_int_equal(store_save(f->state.fd, slot, &image), 0);
    store_image_clear(&image);
}

/* What is in installed, previous and pending ('-': nothing), and whether there is a record ('i').
 */
static inline _unused_ const char *state(const struct fixture *f)
{
    static char text[_STORE_SLOT_MAX + 2];
    struct store_image image;
    struct store_intent intent;

    for (enum store_slot slot = 0; slot < _STORE_SLOT_MAX; slot++) {
        text[slot] = '-';
        if (store_load(f->state.fd, slot, board.flash.size, &image) != STORE_FOUND)
            continue;
        text[slot] = (char)image.image[0];
        store_image_clear(&image);
    }
    text[_STORE_SLOT_MAX] = store_load_intent(f->state.fd, &intent) == STORE_FOUND ? 'i' : '-';
    return text;
}

static inline _unused_ void assert_intent(const struct fixture *f, enum store_slot slot,
                                          unsigned attempts)
{
    struct store_intent intent;

    assert_int_equal(store_load_intent(f->state.fd, &intent), STORE_FOUND);
    assert_true(intent.job_id == JOB);
    assert_int_equal(intent.slot, slot);
    assert_int_equal(intent.attempts, attempts);
}

/* ---- Fixture --------------------------------------------------------------------------------- */

static inline _unused_ void on_progress(const struct transcript *transcript, void *userdata)
{
    struct fixture *f = userdata;

    assert_false(f->told);
    f->writing = f->writing || transcript->stage == OPENOCD_STAGE_WRITE;
}

static inline _unused_ void on_line(int priority, const char *line, void *userdata)
{
    struct fixture *f = userdata;
    size_t used = strlen(f->lines);

    if (strstr(line, "openocd: ") == line)
        return;
    f->warnings += priority <= LOG_WARNING;
    snprintf(f->lines + used, sizeof(f->lines) - used, "%s\n", line);
}

static inline _unused_ void on_result(const struct deploy_result *result, void *userdata)
{
    struct fixture *f = userdata;

    assert_false(f->told);
    f->told = true;
    f->result = *result;
    snprintf(f->state_at_result, sizeof(f->state_at_result), "%s", state(f));
}

static inline _unused_ void on_end(void *userdata)
{
    struct fixture *f = userdata;

    assert_true(f->told);
    assert_false(f->ended);
    f->ended = true;
    f->deploy = deploy_free(f->deploy);
}

/* An executable, as hooks and our way to OpenOCD are. */
static inline _unused_ void write_script(const struct fixture *f, const char *name,
                                         const char *text)
{
    char script[1024];

    int size = snprintf(script, sizeof(script), "#!/bin/sh\ncd %s\n%s\n", f->dir.path, text);
    temp_dir_write(&f->dir, name, script, (size_t)size);
    assert_int_equal(fchmodat(f->dir.fd, name, 0755, 0), 0);
}

/* OpenOCD sees the record that is on disk when it starts, and so does the test that way. */
static inline _unused_ void write_openocd(struct fixture *f)
{
    char text[512];

    snprintf(text, sizeof(text),
             "case $* in\n"
             "*m4flash_release*) ;;\n"
             "*) until ls job-*/plan >/dev/null 2>&1; do sleep 0.01; done ;;\n"
             "esac\n"
             "tail -n +2 state/intent >>seen || echo none >>seen\nexec %s \"$@\"",
             getenv("OPENOCD"));
    write_script(f, "openocd", text);
    snprintf(f->openocd, sizeof(f->openocd), "%s/openocd", f->dir.path);
}

static inline _unused_ void make_folders(struct fixture *f)
{
    f->dir = temp_dir_make();
    assert_int_equal(mkdirat(f->dir.fd, "state", 0755), 0);
    assert_int_equal(mkdirat(f->dir.fd, "pre.d", 0755), 0);
    assert_int_equal(mkdirat(f->dir.fd, "post.d", 0755), 0);
    f->state.fd = openat(f->dir.fd, "state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(f->config, sizeof(f->config), "%s/openocd.cfg", f->dir.path);
    snprintf(f->pre, sizeof(f->pre), "%s/pre.d", f->dir.path);
    snprintf(f->post, sizeof(f->post), "%s/post.d", f->dir.path);
}

/* The image 'c' on its way to the chip. */
static inline _unused_ int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds()};
    umask(022);
    make_folders(&f);
    write_openocd(&f);
    f.event = loop_make();
    f.spec = (struct deploy_spec){
        .program =
            {
                .board = &board,
                .openocd = f.openocd,
                .script = getenv("M4FLASH_OPENOCD_SCRIPT"),
                .config = f.config,
                .runtime_dir = f.dir.path,
                .chip_dir = f.dir.path,
                .timeout_usec = 60 * SECOND,
                .health_file = "",
            },
        .state_dir = f.state.fd,
        .image = make_image('c'),
        .intent = {.job_id = JOB, .slot = STORE_PENDING},
        .pre_hooks = f.pre,
        .post_hooks = f.post,
        .hooks_timeout_usec = 60 * SECOND,
        .restore = true,
        .pause_usec = SECOND / 100,
        .on_progress = on_progress,
        .on_line = on_line,
        .on_result = on_result,
        .on_end = on_end,
        .userdata = &f,
    };
    memcpy(f.spec.intent.image_sha256, f.spec.image.image_sha256, SKETCH_DIGEST_HEX);
    *state = &f;
    return 0;
}

/* Neither a process nor a folder nor a descriptor is left. */
static inline _unused_ int tear_down(void **state)
{
    struct fixture *f = *state;

    deploy_free(f->deploy);
    bool folder_left = faccessat(f->dir.fd, "job-5", F_OK, 0) == 0;
    bool process_left = waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD;
    sd_event_unref(f->event);
    store_image_clear(&f->spec.image);
    fd_close(f->state.fd);
    temp_dir_remove(&f->dir);
    return folder_left || process_left || count_fds() != f->fds ? -1 : 0;
}

/* Writes the stand-in's control file. */
static inline _unused_ void control(struct fixture *f, const char *settings)
{
    char text[512];

    snprintf(text, sizeof(text), "flash=%s/flash\nlog=%s/log\n%s\n", f->dir.path, f->dir.path,
             settings);
    temp_dir_write(&f->dir, "openocd.cfg", text, strlen(text));
}

static inline _unused_ void start(struct fixture *f, const char *settings)
{
    control(f, settings);
    f->told = f->ended = f->writing = false;
    f->lines[0] = '\0';
    f->warnings = 0;
    unlinkat(f->dir.fd, "log", 0);
    unlinkat(f->dir.fd, "log.runs", 0);
    unlinkat(f->dir.fd, "seen", 0);
    if (!f->spec.image.image)
        f->spec.image.image = make_image('c').image;
    assert_int_equal(deploy_new(f->event, &f->spec, &f->deploy), 0);
    f->spec.image.image = NULL; /* the deploy's now */
    assert_false(f->told);
}

static inline _unused_ void run(struct fixture *f, const char *settings)
{
    start(f, settings);
    assert_true(loop_until(f->event, &f->ended));
}

/* An earlier start's record of it is on disk, with so many attempts to mend it. */
static inline _unused_ void interrupt(struct fixture *f, enum store_slot slot, unsigned attempts)
{
    f->spec.recovery = true;
    f->spec.intent.slot = slot;
    f->spec.intent.attempts = attempts;
    assert_int_equal(store_save_intent(f->state.fd, &f->spec.intent), 0);
}

/* How many runs of this kind ("program", "update", "release") were begun. */
static inline _unused_ unsigned runs(const struct fixture *f, const char *action)
{
    char *rest = NULL;
    char wanted[64];
    unsigned n = 0;
    size_t size;

    snprintf(wanted, sizeof(wanted), "\"action\": \"%s\"", action);
    _cleanup_free_ char *log = temp_dir_read(&f->dir, "log", &size);
    for (char *line = log ? strtok_r(log, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest))
        n += strstr(line, wanted) && strstr(line, "\"event\": \"start\"");
    return n;
}

/* The records that OpenOCD's runs found on disk: "pending 0, installed 1, none, …". */
static inline _unused_ const char *seen(const struct fixture *f)
{
    static char text[256];
    char *rest = NULL;
    size_t size, used = 0;

    text[0] = '\0';
    _cleanup_free_ char *lines = temp_dir_read(&f->dir, "seen", &size);
    for (char *line = lines ? strtok_r(lines, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        const char *slot = strstr(line, "\"slot\":\""), *attempts = strstr(line, "\"attempts\":");
        used +=
            slot && attempts
                ? (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s %d", used ? ", " : "",
                                   (int)strcspn(slot + 8, "\""), slot + 8, atoi(attempts + 11))
                : (size_t)snprintf(text + used, sizeof(text) - used, "%snone", used ? ", " : "");
    }
    return text;
}

/* The chip's window begins with an image of that letter, or is not made yet ('-'). */
static inline _unused_ void assert_chip(const struct fixture *f, char fill)
{
    size_t size, window = board.flash.start - FLASH;
    _cleanup_free_ char *flash = temp_dir_read(&f->dir, "flash", &size);

    if (fill == '-') {
        assert_null(flash);
        return;
    }
    assert_non_null(flash);
    for (size_t i = 0; i < SECTOR; i++)
        assert_int_equal((unsigned char)flash[window + i], i < SIZE ? fill : 0xFF);
}

static inline _unused_ void assert_lost(const struct fixture *f, const char *left)
{
    assert_true(f->result.lost);
    assert_false(f->result.restored);
    assert_string_equal(state(f), left);
}
