/* Mounts that hide an inbox, a folder above it, or what stood in its place. As root only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/unit/io/namespace.h"
#include "tests/unit/io/watched.h"

static int set_up(void **state)
{
    static struct watched w;

    watched_make(&w);
    assert_int_equal(mkdirat(w.dir.fd, "a", 0755), 0);
    assert_int_equal(mkdirat(w.dir.fd, "a/inbox", 0755), 0);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    return watched_free(*state) ? 0 : -1;
}

static void mount_over(struct watched *w, const char *name)
{
    assert_int_equal(mount("test", watched_path(w, name), "tmpfs", 0, NULL), 0);
}

static void unmount(struct watched *w, const char *name)
{
    assert_int_equal(umount2(watched_path(w, name), MNT_DETACH), 0);
}

static void test_over_inbox(void **state)
{
    struct watched *w = *state;

    assert_int_equal(watched_begin(w, "a/inbox"), 0);
    mount_over(w, "a/inbox");
    assert_true(watched_finds(w, "a/inbox", "on the mount"));
    unmount(w, "a/inbox");
    assert_true(watched_finds(w, "a/inbox", "below it"));
}

static void test_over_parent(void **state)
{
    struct watched *w = *state;

    assert_int_equal(watched_begin(w, "a/inbox"), 0);
    mount_over(w, "a");
    loop_drain(w->event);
    assert_int_equal(watch_open(w->watch), -ENOENT);
    assert_int_equal(mkdirat(w->dir.fd, "a/inbox", 0755), 0);
    assert_true(watched_finds(w, "a/inbox", "on the mount"));
    unmount(w, "a");
    assert_true(watched_finds(w, "a/inbox", "below it"));
}

/* A mount somewhere else is no reason to look. */
static void test_elsewhere(void **state)
{
    struct watched *w = *state;

    assert_int_equal(watched_begin(w, "a/inbox"), 0);
    assert_int_equal(mkdirat(w->dir.fd, "b", 0755), 0);
    mount_over(w, "b");
    assert_string_equal(watched_told(w), "");
    unmount(w, "b");
    assert_string_equal(watched_told(w), "");
}

/* The folder comes with the mount: what is mounted over touches no watch. */
static void test_over_refused(void **state)
{
    struct watched *w = *state;

    assert_int_equal(unlinkat(w->dir.fd, "a/inbox", AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("elsewhere", w->dir.fd, "a/inbox"), 0);
    assert_int_equal(mkdirat(w->dir.fd, "stage", 0755), 0);
    assert_int_equal(mkdirat(w->dir.fd, "stage/inbox", 0755), 0);
    assert_int_equal(watched_begin(w, "a/inbox"), 0);
    assert_true(watch_is_refused(w->watch));
    const char *stage = watched_path(w, "stage");
    assert_int_equal(mount(stage, watched_path(w, "a"), "none", MS_BIND, NULL), 0);
    bool found = watched_finds(w, "a/inbox", "instead of the link");
    unmount(w, "a");
    assert_true(found);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_over_inbox),
        TEST(test_over_parent),
        TEST(test_elsewhere),
        TEST(test_over_refused),
    };

    if (!namespace_enter())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
