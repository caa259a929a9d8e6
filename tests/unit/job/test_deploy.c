/*
 * An image's way onto the chip with everything around it: what is on disk when OpenOCD starts, what
 * is tried again and what is put back, what hooks may say, and what is left in the middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/job/deploy_bench.h"

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
        assert_intent(f, STORE_PENDING, RECORD_GIVEN_UP);
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
        TEST(test_hook_forbids),
        TEST(test_hook_cannot_forbid_recovery),
        TEST(test_hooks_around),
        TEST(test_hooks_after_failure),
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
