/*
 * A programming run from image to result, with the stand-in for OpenOCD: what is made of each way
 * in which it ends, and that the chip gets its second, releasing run exactly when it needs one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/wait.h>
#include <syslog.h>

#include "job/program.h"
#include "tests/unit/io/loop.h"
#include "tests/unit/util/temp_dir.h"

enum {
    FLASH = 0x08000000, /* of the chip, whose second half is the window */
    SECTOR = 0x20000,
    SIZE = SECTOR + 5000, /* bytes of the image */
    SECOND = 1000000,     /* microseconds */
};

static const struct board board = {
    .flash = {.name = "flash", .start = 0x08100000, .size = 0x100000},
    .sector_size = SECTOR,
    .word_size = 32,
};

struct fixture {
    unsigned fds;
    struct temp_dir dir;
    sd_event *event;
    struct program *program;
    struct program_spec spec;
    char config[64], health[64];
    uint8_t image[SIZE];
    char stages[256]; /* "connect erase …", as they were told */
    uint64_t bytes_done;
    unsigned lines, errors; /* of OpenOCD's own */
    bool ended, connected, writing;
    struct program_result result;
    struct transcript transcript;
};

static void on_progress(const struct transcript *transcript, void *userdata)
{
    struct fixture *f = userdata;
    const char *stage = openocd_stage_name(transcript->stage);
    size_t used = strlen(f->stages), length = strlen(stage);

    if (used < length + 1 || strncmp(f->stages + used - length - 1, stage, length) != 0)
        snprintf(f->stages + used, sizeof(f->stages) - used, "%s ", stage);
    f->bytes_done = transcript->bytes_done;
    f->writing = transcript->stage == OPENOCD_STAGE_WRITE;
}

static void on_line(int priority, const char *line, void *userdata)
{
    struct fixture *f = userdata;

    assert_ptr_equal(strstr(line, "openocd: "), line);
    assert_null(strstr(line, "m4flash: stage"));
    f->lines++;
    f->errors += priority == LOG_ERR;
    f->connected |= strstr(line, " breakpoints, ") != NULL; /* of the chip that was found */
}

static void on_end(const struct program_result *result, void *userdata)
{
    struct fixture *f = userdata;

    assert_false(f->ended);
    f->ended = true;
    f->result = *result;
    f->transcript = *result->transcript;
    f->program = program_free(f->program);
}

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds()};
    f.dir = temp_dir_make();
    f.event = loop_make();
    snprintf(f.config, sizeof(f.config), "%s/openocd.cfg", f.dir.path);
    snprintf(f.health, sizeof(f.health), "%s/health", f.dir.path);
    for (size_t i = 0; i < SIZE; i++)
        f.image[i] = (uint8_t)(i / 251 % 255);
    f.spec = (struct program_spec){
        .job_id = 5,
        .board = &board,
        .openocd = getenv("OPENOCD"),
        .script = getenv("M4FLASH_OPENOCD_SCRIPT"),
        .config = f.config,
        .runtime_dir = f.dir.path,
        .chip_dir = f.dir.path,
        .timeout_usec = 60 * SECOND,
        .health_file = "",
        .image = f.image,
        .image_size = SIZE,
        .on_progress = on_progress,
        .on_line = on_line,
        .on_end = on_end,
        .userdata = &f,
    };
    *state = &f;
    return 0;
}

/* Neither a process nor a folder nor a descriptor is left. */
static int tear_down(void **state)
{
    struct fixture *f = *state;

    program_free(f->program);
    bool folder_left = faccessat(f->dir.fd, "job-5", F_OK, 0) == 0;
    bool process_left = waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD;
    sd_event_unref(f->event);
    temp_dir_remove(&f->dir);
    return folder_left || process_left || count_fds() != f->fds ? -1 : 0;
}

/* Writes the stand-in's control file. */
static void control(struct fixture *f, const char *settings)
{
    char text[512];

    snprintf(text, sizeof(text), "flash=%s/flash\nlog=%s/log\n%s\n", f->dir.path, f->dir.path,
             settings);
    temp_dir_write(&f->dir, "openocd.cfg", text, strlen(text));
}

static void run(struct fixture *f, const char *settings)
{
    control(f, settings);
    assert_int_equal(program_new(f->event, &f->spec, &f->program), 0);
    program_permit(f->program, NULL, 0);
    assert_false(f->ended);
    assert_true(loop_until(f->event, &f->ended));
}

/* How many runs of this kind ("program", "release") were begun. */
static unsigned runs(const struct fixture *f, const char *action)
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

static void assert_flash(const struct fixture *f)
{
    size_t size;
    _cleanup_free_ char *flash = temp_dir_read(&f->dir, "flash", &size);
    size_t window = board.flash.start - FLASH;

    assert_non_null(flash);
    assert_true(size >= window + 2 * SECTOR);
    assert_memory_equal(flash + window, f->image, SIZE);
    for (size_t i = SIZE; i < 2 * SECTOR; i++)
        assert_int_equal((unsigned char)flash[window + i], 0xFF);
}

/* ---- Success --------------------------------------------------------------------------------- */

static void assert_success(const struct fixture *f)
{
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_true(f->result.released);
    assert_true(f->result.healthy);
    assert_string_equal(f->stages, "connect erase write verify reset done ");
    assert_int_equal(f->bytes_done, SIZE);
    assert_flash(f);
    assert_int_equal(runs(f, "program"), 1);
    assert_int_equal(runs(f, "release"), 0);
}

static void test_success(void **state)
{
    struct fixture *f = *state;

    run(f, "mode=success");
    assert_success(f);
    assert_true(f->lines > 3);
    assert_int_equal(f->errors, 0);
}

/* However its output comes, and whatever it says besides. */
static void test_output(void **state)
{
    struct fixture *f = *state;

    run(f, "mode=split");
    assert_success(f);
}

static void test_flood(void **state)
{
    struct fixture *f = *state;

    run(f, "mode=flood");
    assert_success(f);
    assert_true(f->lines > 100000);
}

static void test_grandchild(void **state)
{
    struct fixture *f = *state;

    run(f, "mode=grandchild\ngrandchild=5");
    assert_success(f);
}

/* ---- Failures -------------------------------------------------------------------------------- */

/*
 * Each way to fail: its code, the releasing runs it takes (none if nothing was connected, or if our
 * procedure has released the chip itself), and whether the chip runs afterwards.
 */
static void test_failures(void **state)
{
    static const struct {
        const char *settings;
        enum openocd_code code;
        unsigned releases;
        bool released;
    } cases[] = {
        {"mode=no-adapter-open", OPENOCD_NO_ADAPTER, 0, true},
        {"mode=no-target", OPENOCD_NO_TARGET, 0, true},
        {"mode=erase-failed", OPENOCD_ERASE_FAILED, 0, true},
        {"mode=write-failed", OPENOCD_WRITE_FAILED, 0, true},
        {"mode=verify-failed", OPENOCD_VERIFY_FAILED, 0, true},
        {"mode=crash", OPENOCD_CRASHED, 1, true},
        {"mode=crash-signal", OPENOCD_CRASHED, 1, true},
        {"mode=crash-signal\nstage=verify", OPENOCD_CRASHED, 1, true},
        {"mode=crash-signal\nrelease=no-target", OPENOCD_CRASHED, 1, false},
        {"mode=crash-signal\nrelease=crash-signal\nstage=reset", OPENOCD_CRASHED, 1, false},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        f->ended = false;
        unlinkat(f->dir.fd, "log", 0);
        run(f, cases[i].settings);
        if (f->result.code != cases[i].code || runs(f, "program") != 1 ||
            runs(f, "release") != cases[i].releases || f->result.released != cases[i].released)
            fail_msg("%s: %s, %u releasing runs, %s", cases[i].settings,
                     openocd_code_name(f->result.code), runs(f, "release"),
                     f->result.released ? "released" : "not released");
        assert_false(f->result.healthy);
    }
    assert_true(f->errors > 0);
}

/* What failed stays the first run's failure, with its words. */
static void test_error_text(void **state)
{
    struct fixture *f = *state;

    run(f, "mode=erase-failed\nsector=1");
    assert_int_equal(f->result.code, OPENOCD_ERASE_FAILED);
    assert_non_null(strstr(f->transcript.error, "sector 1"));
    assert_true(f->transcript.erased);
    assert_int_equal(f->transcript.sector, 1);
}

static void test_missing(void **state)
{
    struct fixture *f = *state;

    f->spec.openocd = "/nowhere/openocd";
    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_MISSING);
    assert_true(f->result.released);
    assert_int_equal(f->lines, 0);
}

static void test_cannot_lay_out(void **state)
{
    struct fixture *f = *state;

    f->spec.runtime_dir = "/nowhere";
    assert_int_equal(program_new(f->event, &f->spec, &f->program), -ENOENT);
    assert_null(f->program);
    loop_drain(f->event);
    assert_false(f->ended);
}

static void assert_not_laid_out(const struct fixture *f, int error)
{
    assert_int_equal(f->result.code, OPENOCD_INTERNAL);
    assert_true(f->result.released);
    assert_non_null(strstr(f->transcript.error, strerror(error)));
    assert_int_equal(faccessat(f->dir.fd, "flash", F_OK, 0), -1);
}

/* OpenOCD runs already, so it is told to let the chip go. */
static void test_cannot_be_filled(void **state)
{
    struct fixture *f = *state;

    control(f, "");
    assert_int_equal(program_new(f->event, &f->spec, &f->program), 0);
    temp_dir_write(&f->dir, "job-5/sector-1.bin", "x", 1);
    program_permit(f->program, NULL, 0);
    assert_true(loop_until(f->event, &f->ended));
    assert_not_laid_out(f, EEXIST);
    assert_int_equal(runs(f, "release"), 0);
}

/* Nor can it be told that: another run lets the chip go. */
static void test_folder_lost(void **state)
{
    struct fixture *f = *state;

    control(f, "");
    assert_int_equal(program_new(f->event, &f->spec, &f->program), 0);
    assert_true(loop_until(f->event, &f->connected));
    assert_int_equal(unlinkat(f->dir.fd, "job-5", AT_REMOVEDIR), 0);
    program_permit(f->program, NULL, 0);
    assert_true(loop_until(f->event, &f->ended));
    assert_not_laid_out(f, ENOENT);
    assert_int_equal(runs(f, "release"), 1);
}

/* ---- Deadlines ------------------------------------------------------------------------------- */

static void test_hangs_unconnected(void **state)
{
    struct fixture *f = *state;

    f->spec.timeout_usec = SECOND;
    run(f, "mode=hang");
    assert_int_equal(f->result.code, OPENOCD_TIMEOUT);
    assert_true(f->result.released);
    assert_int_equal(runs(f, "release"), 0);
}

static void test_hangs_connected(void **state)
{
    struct fixture *f = *state;

    f->spec.timeout_usec = 4 * SECOND;
    run(f, "mode=hang-at-stage\nstage=write");
    assert_int_equal(f->result.code, OPENOCD_TIMEOUT);
    assert_true(f->transcript.connected);
    assert_true(f->result.released);
    assert_int_equal(runs(f, "release"), 1);
    assert_string_equal(f->stages, "connect erase write "); /* not the release's */
}

/* ---- Health ---------------------------------------------------------------------------------- */

static void test_healthy(void **state)
{
    struct fixture *f = *state;

    temp_dir_write(&f->dir, "health", "1\n", 2);
    f->spec.health_file = f->health;
    f->spec.health_timeout_usec = 60 * SECOND;
    run(f, "");
    assert_success(f);
}

/* One more reset, and no third: it is programmed all the same. */
static void test_sick(void **state)
{
    struct fixture *f = *state;

    f->spec.health_file = f->health;
    f->spec.health_timeout_usec = SECOND / 10;
    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_false(f->result.healthy);
    assert_true(f->result.released);
    assert_int_equal(runs(f, "release"), 1);
    assert_flash(f);
}

/* A failed run says nothing of health. */
static void test_no_health_after_failure(void **state)
{
    struct fixture *f = *state;

    temp_dir_write(&f->dir, "health", "1\n", 2);
    f->spec.health_file = f->health;
    f->spec.health_timeout_usec = 60 * SECOND;
    run(f, "mode=write-failed");
    assert_int_equal(f->result.code, OPENOCD_WRITE_FAILED);
    assert_false(f->result.healthy);
}

/* ---- In the middle --------------------------------------------------------------------------- */

static void test_free_while_writing(void **state)
{
    struct fixture *f = *state;

    control(f, "delay=0.2");
    assert_int_equal(program_new(f->event, &f->spec, &f->program), 0);
    program_permit(f->program, NULL, 0);
    assert_int_equal(faccessat(f->dir.fd, "job-5/sector-1.bin", F_OK, 0), 0);
    assert_true(loop_until(f->event, &f->writing));
    f->program = program_free(f->program);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(faccessat(f->dir.fd, "job-5", F_OK, 0), -1);
    loop_drain(f->event);
    assert_false(f->ended);
}

static void test_free_at_once(void **state)
{
    struct fixture *f = *state;

    control(f, "");
    assert_int_equal(program_new(f->event, &f->spec, &f->program), 0);
    f->program = program_free(f->program);
    f->spec.openocd = "/nowhere/openocd";
    assert_int_equal(program_new(f->event, &f->spec, &f->program), 0);
    f->program = program_free(f->program);
    loop_drain(f->event);
    assert_false(f->ended);
    assert_null(program_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_success),
        TEST(test_output),
        TEST(test_flood),
        TEST(test_grandchild),
        TEST(test_failures),
        TEST(test_error_text),
        TEST(test_missing),
        TEST(test_cannot_lay_out),
        TEST(test_cannot_be_filled),
        TEST(test_folder_lost),
        TEST(test_hangs_unconnected),
        TEST(test_hangs_connected),
        TEST(test_healthy),
        TEST(test_sick),
        TEST(test_no_health_after_failure),
        TEST(test_free_while_writing),
        TEST(test_free_at_once),
    };

    if (!loop_has_pidfds())
        return 0;
    loop_arrange_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
