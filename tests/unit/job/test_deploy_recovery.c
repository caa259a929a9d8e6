/*
 * The rest of a programming that was interrupted, or failed for good: attempts that count over
 * starts, the way back, giving up, and a state directory that takes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/job/deploy_bench.h"

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
    assert_intent(f, STORE_PENDING, RECORD_GIVEN_UP);
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
    assert_intent(f, STORE_INSTALLED, RECORD_GIVEN_UP);
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
    assert_intent(f, STORE_INSTALLED, RECORD_GIVEN_UP);
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
    assert_intent(f, STORE_INSTALLED, RECORD_GIVEN_UP);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_recovers),
        TEST(test_attempts),
        TEST(test_gives_up),
        TEST(test_gives_up_restoring),
        TEST(test_recovers_installed),
        TEST(test_recovery_cannot_lay_out),
        TEST(test_old_record_stays),
        TEST(test_old_record_is_mended),
        TEST(test_old_record_goes),
        TEST(test_image_cannot_be_kept),
        TEST(test_record_cannot_be_kept),
    };

    if (!loop_has_pidfds())
        return 0;
    loop_arrange_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
