/* A deploy that is begun before the upload's digest is known: how far it goes by itself, and what
 * becomes of it then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/job/deploy_bench.h"

static const char sha256[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static int set_up_unconfirmed(void **data)
{
    set_up(data);
    struct fixture *f = *data;

    f->spec.unconfirmed = true;
    f->spec.image.image_sha256[0] = f->spec.intent.image_sha256[0] = '\0';
    put(f, STORE_INSTALLED, 'a');
    return 0;
}

static bool has_begun(const struct fixture *f)
{
    return faccessat(f->dir.fd, "job-5", F_OK, 0) == 0;
}

/* As far as it can come. */
static void start_and_wait(struct fixture *f)
{
    start(f, "");
    assert_true(has_begun(f)); /* before the event loop has had a turn */
    loop_for(f->event, 0.2);
    assert_false(f->told);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* OpenOCD waits for leave */
    assert_false(deploy_is_durable(f->deploy));
    assert_string_equal(state(f), "a---");
    assert_chip(f, '-');
}

static void test_confirmed(void **data)
{
    struct fixture *f = *data;
    struct store_image image = make_image('c');
    char expected[256];
    size_t size;

    write_script(f, "pre.d/a", "echo too late >>hooks");
    write_script(f, "post.d/a", "echo $M4FLASH_SHA256 $M4FLASH_IMAGE_SHA256 >>hooks");
    start_and_wait(f);
    deploy_confirm(f->deploy, sha256, image.image_sha256);
    assert_true(deploy_is_durable(f->deploy));
    assert_string_equal(state(f), "a-ci");
    struct store_intent intent;
    assert_int_equal(store_load_intent(f->state.fd, &intent), STORE_FOUND);
    assert_string_equal(intent.image_sha256, image.image_sha256);
    assert_true(loop_until(f->event, &f->ended));
    assert_int_equal(f->result.code, OPENOCD_OK);
    assert_false(f->result.refused);
    assert_chip(f, 'c');
    assert_string_equal(state(f), "ca--");
    snprintf(expected, sizeof(expected), "%s %s\n", sha256, image.image_sha256);
    _cleanup_free_ char *hooks = temp_dir_read(&f->dir, "hooks", &size);
    assert_string_equal(hooks, expected);
    store_image_clear(&image);
}

static void assert_untouched(const struct fixture *f)
{
    assert_true(f->result.refused);
    assert_false(f->result.lost || f->result.restored);
    assert_true(f->result.released);
    assert_string_equal(state(f), "a---");
    assert_chip(f, '-');
}

/* OpenOCD, which may have connected, ends by itself, so that the chip is let go. */
static void test_refused(void **data)
{
    struct fixture *f = *data;

    start_and_wait(f);
    deploy_refuse(f->deploy);
    assert_true(loop_until(f->event, &f->ended));
    assert_untouched(f);
    assert_false(f->result.cancelled);
}

static void test_cancelled(void **data)
{
    struct fixture *f = *data;

    start_and_wait(f);
    assert_int_equal(deploy_cancel(f->deploy), 0);
    deploy_confirm(f->deploy, sha256, sha256); /* too late */
    assert_true(loop_until(f->event, &f->ended));
    assert_untouched(f);
    assert_true(f->result.cancelled);
}

/* That it cannot begin is told by the event loop, when it is confirmed. */
static void test_cannot_begin(void **data)
{
    struct fixture *f = *data;

    f->spec.program.runtime_dir = "/nowhere";
    start(f, "");
    loop_for(f->event, 0.1);
    assert_false(f->told);
    deploy_confirm(f->deploy, sha256, sha256);
    assert_true(loop_until(f->event, &f->ended));
    assert_int_equal(f->result.code, OPENOCD_INTERNAL);
    assert_string_equal(state(f), "a---");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_unconfirmed, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_confirmed),
        TEST(test_refused),
        TEST(test_cancelled),
        TEST(test_cannot_begin),
    };
    if (!loop_has_pidfds())
        return 0;
    loop_arrange_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
