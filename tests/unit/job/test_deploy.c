/*
 * An image's way onto the chip with everything around it, with the stand-in for OpenOCD: what is on
 * disk when OpenOCD starts, what is tried again and what is put back, and what is left on disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/wait.h>
#include <syslog.h>

#include "job/deploy.h"
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

static struct store_image make_image(char fill)
{
    struct store_image image = {.job_id = JOB, .image = malloc(SIZE), .image_size = SIZE};

    assert_non_null(image.image);
    memset(image.image, fill, SIZE);
    assert_int_equal(sketch_digest(image.image, SIZE, image.image_sha256), 0);
    return image;
}

static void put(const struct fixture *f, enum store_slot slot, char fill)
{
    struct store_image image = make_image(fill);

    assert_int_equal(store_save(f->state.fd, slot, &image), 0);
    store_image_clear(&image);
}

/* What is in installed, previous and pending ('-': nothing), and whether there is a record ('i').
 */
static const char *state(const struct fixture *f)
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

static void assert_intent(const struct fixture *f, enum store_slot slot, unsigned attempts)
{
    struct store_intent intent;

    assert_int_equal(store_load_intent(f->state.fd, &intent), STORE_FOUND);
    assert_true(intent.job_id == JOB);
    assert_int_equal(intent.slot, slot);
    assert_int_equal(intent.attempts, attempts);
}

/* ---- Fixture --------------------------------------------------------------------------------- */

static void on_progress(const struct transcript *transcript, void *userdata)
{
    struct fixture *f = userdata;

    assert_false(f->told);
    f->writing = f->writing || transcript->stage == OPENOCD_STAGE_WRITE;
}

static void on_line(int priority, const char *line, void *userdata)
{
    struct fixture *f = userdata;
    size_t used = strlen(f->lines);

    if (strstr(line, "openocd: ") == line)
        return;
    f->warnings += priority <= LOG_WARNING;
    snprintf(f->lines + used, sizeof(f->lines) - used, "%s\n", line);
}

static void on_result(const struct deploy_result *result, void *userdata)
{
    struct fixture *f = userdata;

    assert_false(f->told);
    f->told = true;
    f->result = *result;
    snprintf(f->state_at_result, sizeof(f->state_at_result), "%s", state(f));
}

static void on_end(void *userdata)
{
    struct fixture *f = userdata;

    assert_true(f->told);
    assert_false(f->ended);
    f->ended = true;
    f->deploy = deploy_free(f->deploy);
}

/* An executable, as hooks and our way to OpenOCD are. */
static void write_script(const struct fixture *f, const char *name, const char *text)
{
    char script[1024];

    int size = snprintf(script, sizeof(script), "#!/bin/sh\ncd %s\n%s\n", f->dir.path, text);
    temp_dir_write(&f->dir, name, script, (size_t)size);
    assert_int_equal(fchmodat(f->dir.fd, name, 0755, 0), 0);
}

/* OpenOCD sees the record that is on disk when it starts, and so does the test that way. */
static void write_openocd(struct fixture *f)
{
    char text[512];

    snprintf(text, sizeof(text),
             "tail -n +2 state/intent >>seen || echo none >>seen\nexec %s \"$@\"",
             getenv("OPENOCD"));
    write_script(f, "openocd", text);
    snprintf(f->openocd, sizeof(f->openocd), "%s/openocd", f->dir.path);
}

static void make_folders(struct fixture *f)
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
static int set_up(void **state)
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
static int tear_down(void **state)
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
static void control(struct fixture *f, const char *settings)
{
    char text[512];

    snprintf(text, sizeof(text), "flash=%s/flash\nlog=%s/log\n%s\n", f->dir.path, f->dir.path,
             settings);
    temp_dir_write(&f->dir, "openocd.cfg", text, strlen(text));
}

static void start(struct fixture *f, const char *settings)
{
    control(f, settings);
    f->told = f->ended = f->writing = false;
    f->lines[0] = '\0';
    f->warnings = 0;
    unlinkat(f->dir.fd, "log", 0);
    unlinkat(f->dir.fd, "log.runs", 0);
    unlinkat(f->dir.fd, "seen", 0);
    assert_int_equal(deploy_new(f->event, &f->spec, &f->deploy), 0);
    assert_false(f->told);
}

static void run(struct fixture *f, const char *settings)
{
    start(f, settings);
    assert_true(loop_until(f->event, &f->ended));
}

/* An earlier start's record of it is on disk, with so many attempts to mend it. */
static void interrupt(struct fixture *f, enum store_slot slot, unsigned attempts)
{
    f->spec.recovery = true;
    f->spec.intent.slot = slot;
    f->spec.intent.attempts = attempts;
    assert_int_equal(store_save_intent(f->state.fd, &f->spec.intent), 0);
}

/* How many runs of this kind ("program", "update", "release") were begun. */
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

/* The records that OpenOCD's runs found on disk: "pending 0, installed 1, none, …". */
static const char *seen(const struct fixture *f)
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
static void assert_chip(const struct fixture *f, char fill)
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

/* ---- Success --------------------------------------------------------------------------------- */

static void test_success(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    put(f, STORE_PREVIOUS, 'b');
    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_true(f->result.released && f->result.healthy);
    assert_false(f->result.restored || f->result.lost);
    assert_string_equal(f->result.hook, "");
    assert_chip(f, 'c');
    assert_string_equal(seen(f), "pending 0");
    assert_string_equal(f->state_at_result, "abci"); /* the outcome is on record before the rest */
    assert_string_equal(state(f), "ca--");
    assert_string_equal(f->lines, "");
}

static void test_first_of_all(void **data)
{
    struct fixture *f = *data;

    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_string_equal(f->state_at_result, "--ci");
    assert_string_equal(state(f), "c---");
    assert_int_equal(count_entries(f->dir.path), 9); /* OpenOCD's six files, three folders */
}

/* What is asked of the chip first, and what it is told without asking. */
static void test_care(void **data)
{
    static const struct {
        enum deploy_care care;
        char installed; /* by our record */
        const char *action;
    } cases[] = {
        {DEPLOY_IF_NEW, 'a', "program"},      {DEPLOY_IF_NEW, 'c', "update"},
        {DEPLOY_IF_DIFFERENT, 'a', "update"}, {DEPLOY_IF_DIFFERENT, 'c', "update"},
        {DEPLOY_ALWAYS, 'a', "program"},      {DEPLOY_ALWAYS, 'c', "program"},
    };
    struct fixture *f = *data;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        assert_int_equal(store_remove(f->state.fd, STORE_PREVIOUS), 0);
        put(f, STORE_INSTALLED, cases[i].installed);
        f->spec.care = cases[i].care;
        run(f, "");
        assert_int_equal(f->result.code, OPENOCD_OK);
        assert_int_equal(runs(f, cases[i].action), 1);
        assert_int_equal(runs(f, "program") + runs(f, "update"), 1);
        /* The first has programmed it, so each later one that asks finds it there. */
        assert_int_equal(f->result.transcript.unchanged, *cases[i].action == 'u');
        assert_chip(f, 'c');
        assert_string_equal(state(f), cases[i].installed == 'a' ? "ca--" : "c---");
    }
}

/* ---- Failure before an erase ----------------------------------------------------------------- */

static void assert_untouched(const struct fixture *f)
{
    assert_false(f->result.restored || f->result.lost);
    assert_string_equal(state(f), "ab--");
    assert_int_equal(f->warnings, 0);
}

static void test_fails_before_erase(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    put(f, STORE_PREVIOUS, 'b');
    run(f, "mode=missing-bank");
    assert_int_equal(f->result.code, OPENOCD_INTERNAL);
    assert_string_equal(seen(f), "pending 0");
    assert_string_equal(f->state_at_result, "abci");
    assert_untouched(f);
}

static void test_connect_failures(void **data)
{
    static const struct {
        const char *mode;
        enum openocd_code code;
    } cases[] = {
        {"mode=no-target", OPENOCD_NO_TARGET},
        {"mode=no-adapter-open", OPENOCD_NO_ADAPTER},
        {"mode=halt-timeout", OPENOCD_HALT_TIMEOUT},
    };
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    put(f, STORE_PREVIOUS, 'b');
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        run(f, cases[i].mode);
        assert_int_equal(f->result.code, cases[i].code);
        assert_int_equal(runs(f, "program"), DEPLOY_CONNECT_TRIES);
        assert_string_equal(seen(f), "pending 0, pending 0, pending 0");
        assert_untouched(f);
        assert_chip(f, '-');
    }
}

static void test_connects_in_the_end(void **data)
{
    static const char *const settings[] = {"mode=no-target\nfail_runs=1",
                                           "mode=no-target\nfail_runs=2"};
    struct fixture *f = *data;

    for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
        put(f, STORE_INSTALLED, 'a');
        run(f, settings[i]);
        assert_int_equal(f->result.code, OPENOCD_OK);
        assert_int_equal(runs(f, "program"), i + 2);
        assert_string_equal(f->result.transcript.error, "");
        assert_string_equal(state(f), "ca--");
    }
}

/* Nothing else is tried twice. */
static void test_missing(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    put(f, STORE_PREVIOUS, 'b');
    f->spec.program.openocd = "/nowhere/openocd";
    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_MISSING);
    assert_untouched(f);
}

static void test_cannot_lay_out(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    put(f, STORE_PREVIOUS, 'b');
    f->spec.program.runtime_dir = "/nowhere";
    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_INTERNAL);
    assert_string_equal(f->result.transcript.error, "No such file or directory");
    assert_string_equal(seen(f), "");
    assert_untouched(f);
}

/* ---- Failure after an erase ------------------------------------------------------------------ */

static void test_restored(void **data)
{
    static const struct {
        const char *settings;
        enum openocd_code code;
    } cases[] = {
        {"fail_runs=1\nmode=erase-failed", OPENOCD_ERASE_FAILED},
        {"fail_runs=1\nmode=write-failed", OPENOCD_WRITE_FAILED},
        {"fail_runs=1\nmode=verify-failed", OPENOCD_VERIFY_FAILED},
        {"fail_runs=1\nmode=crash-signal\nstage=write", OPENOCD_CRASHED},
    };
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    put(f, STORE_PREVIOUS, 'b');
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        run(f, cases[i].settings);
        assert_int_equal(f->result.code, cases[i].code);
        assert_true(f->result.restored && f->result.released);
        assert_false(f->result.lost);
        assert_chip(f, 'a');
        assert_int_equal(runs(f, "program"), 2);
        assert_string_equal(f->state_at_result, "abci");
        assert_string_equal(state(f), "ab--");
        assert_non_null(strstr(f->lines, "putting back the sketch before it"));
    }
}

/* While the old one is put back the record says so: a power cut then does not bring the new one. */
static void test_restoring_is_on_record(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    run(f, "fail_runs=1\nmode=write-failed");
    assert_string_equal(seen(f), "pending 0, installed 0");
}

static void assert_lost(const struct fixture *f, const char *left)
{
    assert_true(f->result.lost);
    assert_false(f->result.restored);
    assert_string_equal(state(f), left);
}

/* Nothing is put back: it is not wanted, there is nothing, or only what has just failed. */
static void test_not_restored(void **data)
{
    static const struct {
        bool restore;
        char installed;
        const char *left;
    } cases[] = {{false, 'a', "a-ci"}, {true, '-', "--ci"}, {true, 'c', "c-ci"}};
    struct fixture *f = *data;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        assert_int_equal(store_remove(f->state.fd, STORE_INSTALLED), 0);
        if (cases[i].installed != '-')
            put(f, STORE_INSTALLED, cases[i].installed);
        f->spec.restore = cases[i].restore;
        f->spec.care = DEPLOY_ALWAYS;
        run(f, "mode=write-failed");
        assert_int_equal(f->result.code, OPENOCD_WRITE_FAILED);
        assert_int_equal(runs(f, "program"), 1);
        assert_lost(f, cases[i].left);
        assert_intent(f, STORE_PENDING, DEPLOY_GIVEN_UP);
        assert_int_equal(store_remove_intent(f->state.fd), 0);
    }
}

/* If that fails as well, the record stays for the next start. */
static void test_restoring_fails(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    run(f, "mode=write-failed");
    assert_int_equal(f->result.code, OPENOCD_WRITE_FAILED);
    assert_int_equal(runs(f, "program"), 2);
    assert_lost(f, "a-ci");
    assert_intent(f, STORE_INSTALLED, 0);
}

/* ---- Recovery -------------------------------------------------------------------------------- */

static void test_recovers(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    put(f, STORE_PENDING, 'c');
    interrupt(f, STORE_PENDING, 0);
    run(f, "mode=write-failed\nfail_runs=1");
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_string_equal(seen(f), "pending 1, pending 2");
    assert_string_equal(f->state_at_result, "a-ci");
    assert_string_equal(state(f), "ca--");
    assert_chip(f, 'c');
}

/* Attempts of all starts count; after the third the one before it is put back. */
static void test_attempts(void **data)
{
    static const char *const expected[] = {
        "pending 1, pending 2, pending 3, installed 0",
        "pending 2, pending 3, installed 0",
        "pending 3, installed 0",
    };
    static const char *const settings[] = {
        "mode=write-failed\nfail_runs=3",
        "mode=no-target\nfail_runs=2", /* it was erased when it was interrupted */
        "mode=verify-failed\nfail_runs=1",
    };
    struct fixture *f = *data;

    for (unsigned i = 0; i < ELEMENTSOF(expected); i++) {
        put(f, STORE_INSTALLED, 'a');
        put(f, STORE_PENDING, 'c');
        interrupt(f, STORE_PENDING, i);
        run(f, settings[i]);
        assert_string_equal(seen(f), expected[i]);
        assert_int_not_equal(f->result.code, OPENOCD_OK);
        assert_true(f->result.restored);
        assert_false(f->result.lost);
        assert_string_equal(state(f), "a---");
        assert_chip(f, 'a');
    }
}

static void test_gives_up(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_PENDING, 'c');
    interrupt(f, STORE_PENDING, 0);
    run(f, "mode=write-failed");
    assert_string_equal(seen(f), "pending 1, pending 2, pending 3");
    assert_lost(f, "--ci");
    assert_intent(f, STORE_PENDING, DEPLOY_GIVEN_UP);
}

static void test_gives_up_restoring(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    put(f, STORE_PENDING, 'c');
    interrupt(f, STORE_PENDING, 2);
    run(f, "mode=write-failed");
    assert_string_equal(seen(f), "pending 3, installed 0");
    assert_lost(f, "a-ci");
    assert_intent(f, STORE_INSTALLED, DEPLOY_GIVEN_UP);
}

/* The way back was interrupted: it is gone to its end, or given up, and never leads elsewhere. */
static void test_recovers_installed(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'c');
    put(f, STORE_PREVIOUS, 'b');
    interrupt(f, STORE_INSTALLED, 1);
    run(f, "mode=write-failed\nfail_runs=1");
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_string_equal(seen(f), "installed 2, installed 3");
    assert_string_equal(state(f), "cb--");
    interrupt(f, STORE_INSTALLED, 1);
    run(f, "mode=write-failed");
    assert_string_equal(seen(f), "installed 2, installed 3");
    assert_lost(f, "cb-i");
    assert_intent(f, STORE_INSTALLED, DEPLOY_GIVEN_UP);
}

/* What does not even start is a failed attempt like any other, and the record is not forgotten. */
static void test_recovery_cannot_lay_out(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    put(f, STORE_PENDING, 'c');
    interrupt(f, STORE_PENDING, 0);
    f->spec.program.runtime_dir = "/nowhere";
    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_INTERNAL);
    assert_lost(f, "a-ci");
    assert_intent(f, STORE_INSTALLED, DEPLOY_GIVEN_UP);
}

/* ---- Hooks ----------------------------------------------------------------------------------- */

static void test_hook_forbids(void **data)
{
    struct fixture *f = *data;
    size_t size;

    put(f, STORE_INSTALLED, 'a');
    put(f, STORE_PREVIOUS, 'b');
    write_script(f, "pre.d/10-no", "ls state >before; exit 3");
    write_script(f, "pre.d/20-later", "touch later");
    write_script(f, "post.d/10-after", "echo $M4FLASH_CODE >after");
    run(f, "");
    assert_string_equal(f->result.hook, "10-no failed with exit status 3");
    assert_string_equal(seen(f), "");
    assert_false(f->result.restored || f->result.lost);
    assert_string_equal(state(f), "ab--");
    assert_int_equal(faccessat(f->dir.fd, "later", F_OK, 0), -1);
    _cleanup_free_ char *before = temp_dir_read(&f->dir, "before", &size);
    assert_string_equal(before, "installed\nprevious\n");
    _cleanup_free_ char *after = temp_dir_read(&f->dir, "after", &size);
    assert_string_equal(after, "hook-failed\n");
}

/* A chip that is half programmed gains nothing from a hook's veto. */
static void test_hook_cannot_forbid_recovery(void **data)
{
    struct fixture *f = *data;

    write_script(f, "pre.d/10-no", "exit 3");
    put(f, STORE_PENDING, 'c');
    interrupt(f, STORE_PENDING, 0);
    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_string_equal(f->result.hook, "");
    assert_string_equal(state(f), "c---");
}

/* Before: nothing is touched; after: everything is settled. Both are told of what. */
static void test_hooks_around(void **data)
{
    static const char script[] =
        "echo $M4FLASH_JOB $M4FLASH_CODE $(ls state) $M4FLASH_IMAGE_SHA256 "
        ">>hooks";
    struct fixture *f = *data;
    char expected[256];
    size_t size;

    write_script(f, "pre.d/a", script);
    write_script(f, "post.d/a", script);
    write_script(f, "post.d/b", "exit 1");
    write_script(f, "post.d/c", script);
    run(f, "");
    const char *digest = f->spec.image.image_sha256;
    snprintf(expected, sizeof(expected), "5 %s\n5 ok installed %s\n5 ok installed %s\n", digest,
             digest, digest);
    _cleanup_free_ char *hooks = temp_dir_read(&f->dir, "hooks", &size);
    assert_string_equal(hooks, expected);
    assert_int_equal(f->result.code, OPENOCD_OK); /* whatever hooks say afterwards */
    assert_non_null(strstr(f->lines, "b: failed with exit status 1"));
}

static void test_hooks_after_failure(void **data)
{
    struct fixture *f = *data;
    size_t size;

    write_script(f, "post.d/a", "echo $M4FLASH_CODE $(ls state) >>hooks");
    put(f, STORE_INSTALLED, 'a');
    run(f, "fail_runs=1\nmode=write-failed");
    _cleanup_free_ char *hooks = temp_dir_read(&f->dir, "hooks", &size);
    assert_string_equal(hooks, "write-failed installed\n");
}

/* ---- A state directory that takes nothing ---------------------------------------------------- */

/* A folder where the file is first written: so it cannot be saved, though removed. */
static void block(const struct fixture *f, const char *name)
{
    assert_int_equal(mkdirat(f->state.fd, name, 0755), 0);
}

/* It is programmed all the same; only what is installed is not known any more, and not said. */
static void test_image_cannot_be_kept(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    block(f, "pending.tmp");
    start(f, "delay=0.5");
    assert_true(loop_until(f->event, &f->writing));
    assert_false(deploy_is_durable(f->deploy));
    assert_true(loop_until(f->event, &f->ended));
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_string_equal(seen(f), "none");
    assert_non_null(strstr(f->lines, "not protected against a power cut"));
    assert_non_null(strstr(f->lines, "cannot be recorded"));
    assert_string_equal(state(f), "----");
    assert_chip(f, 'c');
}

static void test_record_cannot_be_kept(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    block(f, "intent.tmp");
    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_string_equal(seen(f), "none");
    assert_non_null(strstr(f->lines, "not protected against a power cut"));
    assert_string_equal(state(f), "ca--");
}

/* ---- An earlier record ----------------------------------------------------------------------- */

/* An earlier failure has left it; what is programmed now is an upload all the same. */
static void leave_record(struct fixture *f)
{
    interrupt(f, STORE_INSTALLED, 1);
    f->spec.recovery = false;
    f->spec.intent.slot = STORE_PENDING;
    f->spec.intent.attempts = 0;
}

/* The chip holds no sketch by it, and still holds none after an upload that did not reach it. */
static void test_old_record_stays(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    leave_record(f);
    run(f, "mode=no-target");
    assert_int_equal(f->result.code, OPENOCD_NO_TARGET);
    assert_string_equal(state(f), "a--i");
    assert_intent(f, STORE_INSTALLED, 1);
    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_string_equal(state(f), "ca--");
}

static void test_old_record_is_mended(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    leave_record(f);
    run(f, "mode=write-failed\nfail_runs=1");
    assert_true(f->result.restored);
    assert_string_equal(state(f), "a---");
}

/* An old record that the chip holds no sketch is not true any more, whatever can be written. */
static void test_old_record_goes(void **data)
{
    struct fixture *f = *data;

    leave_record(f);
    block(f, "pending.tmp");
    run(f, "");
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_string_equal(state(f), "----");
}

/* ---- In the middle --------------------------------------------------------------------------- */

static void test_free_while_writing(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    start(f, "delay=0.5");
    assert_false(deploy_is_durable(f->deploy));
    assert_true(loop_until(f->event, &f->writing));
    assert_true(deploy_is_durable(f->deploy));
    f->deploy = deploy_free(f->deploy);
    loop_drain(f->event);
    assert_false(f->told);
    assert_string_equal(state(f), "a-ci");
    assert_intent(f, STORE_PENDING, 0);
}

static void test_free_recovering(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_PENDING, 'c');
    interrupt(f, STORE_PENDING, 1);
    start(f, "delay=0.5");
    assert_true(loop_until(f->event, &f->writing));
    f->deploy = deploy_free(f->deploy);
    assert_string_equal(state(f), "--ci");
    assert_intent(f, STORE_PENDING, 2);
}

/* On the way back: the record names the old one, which the next start goes on with. */
static void test_free_restoring(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    start(f, "mode=erase-failed\nfail_runs=1\ndelay=0.5");
    assert_true(loop_until(f->event, &f->writing)); /* only the second run comes so far */
    f->deploy = deploy_free(f->deploy);
    assert_false(f->told);
    assert_string_equal(state(f), "a-ci");
    assert_intent(f, STORE_INSTALLED, 0);
}

static void test_free_before_anything(void **data)
{
    struct fixture *f = *data;

    put(f, STORE_INSTALLED, 'a');
    write_script(f, "pre.d/10-wait", "exec sleep 600");
    start(f, "");
    loop_for(f->event, 0.2);
    f->deploy = deploy_free(f->deploy);
    assert_string_equal(state(f), "a---");
    assert_null(deploy_free(NULL));
}

static void test_free_in_pause(void **data)
{
    struct fixture *f = *data;
    bool connected = false;

    f->spec.pause_usec = 600 * (uint64_t)SECOND;
    start(f, "mode=no-target");
    for (double end = loop_now() + LOOP_LIMIT_SEC; !connected && loop_now() < end;) {
        loop_for(f->event, 0.1);
        size_t size;
        _cleanup_free_ char *log = temp_dir_read(&f->dir, "log", &size);
        connected = log && strstr(log, "\"end\"");
    }
    loop_for(f->event, 0.2);
    assert_true(connected);
    assert_int_equal(runs(f, "program"), 1);
    f->deploy = deploy_free(f->deploy);
    assert_false(f->told);
    assert_string_equal(state(f), "--ci");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_success),
        TEST(test_first_of_all),
        TEST(test_care),
        TEST(test_fails_before_erase),
        TEST(test_connect_failures),
        TEST(test_connects_in_the_end),
        TEST(test_missing),
        TEST(test_cannot_lay_out),
        TEST(test_restored),
        TEST(test_restoring_is_on_record),
        TEST(test_not_restored),
        TEST(test_restoring_fails),
        TEST(test_recovers),
        TEST(test_attempts),
        TEST(test_gives_up),
        TEST(test_gives_up_restoring),
        TEST(test_recovers_installed),
        TEST(test_recovery_cannot_lay_out),
        TEST(test_hook_forbids),
        TEST(test_hook_cannot_forbid_recovery),
        TEST(test_hooks_around),
        TEST(test_hooks_after_failure),
        TEST(test_image_cannot_be_kept),
        TEST(test_record_cannot_be_kept),
        TEST(test_old_record_stays),
        TEST(test_old_record_is_mended),
        TEST(test_old_record_goes),
        TEST(test_free_while_writing),
        TEST(test_free_recovering),
        TEST(test_free_restoring),
        TEST(test_free_before_anything),
        TEST(test_free_in_pause),
    };

    if (!loop_has_pidfds())
        return 0;
    loop_arrange_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
