/* An inbox that is missing, removed, recreated, renamed, replaced: the next upload is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/io/watched.h"

enum {
    ROUNDS = 200,
};

static int set_up(void **state)
{
    static struct watched w;

    watched_make(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    return watched_free(*state) ? 0 : -1;
}

static void make(struct watched *w, const char *name)
{
    assert_int_equal(mkdirat(w->dir.fd, name, 0755), 0);
}

static void take_away(struct watched *w, const char *name)
{
    assert_int_equal(unlinkat(w->dir.fd, name, AT_REMOVEDIR), 0);
}

static void move(struct watched *w, const char *from, const char *to)
{
    assert_int_equal(renameat(w->dir.fd, from, w->dir.fd, to), 0);
}

static void point(struct watched *w, const char *target, const char *link)
{
    assert_int_equal(symlinkat(target, w->dir.fd, link), 0);
}

static void assert_no_inbox(struct watched *w)
{
    assert_int_equal(watch_open(w->watch), -ENOENT);
}

/* ---- There and gone -------------------------------------------------------------------------- */

static void test_missing(void **state)
{
    struct watched *w = *state;

    assert_int_equal(watched_begin(w, "inbox"), 0);
    assert_no_inbox(w);
    assert_false(watch_is_refused(w->watch));
    make(w, "other");
    assert_string_equal(watched_told(w), "");
    make(w, "inbox");
    assert_string_equal(watched_told(w), "R");
    assert_true(watched_finds(w, "inbox", "first"));
}

/* A whole path appears, folder by folder or in one go, at any depth. */
static void test_deep(void **state)
{
    struct watched *w = *state;

    assert_int_equal(watched_begin(w, "a/b/c/d"), 0);
    make(w, "a");
    loop_drain(w->event);
    make(w, "a/b");
    make(w, "a/b/c");
    assert_no_inbox(w);
    make(w, "a/b/c/d");
    assert_true(watched_finds(w, "a/b/c/d", "one by one"));

    assert_int_equal(unlinkat(w->dir.fd, "a/b/c/d/upload", 0), 0);
    take_away(w, "a/b/c/d");
    take_away(w, "a/b/c");
    take_away(w, "a/b");
    take_away(w, "a");
    loop_drain(w->event);
    assert_no_inbox(w);
    make(w, "a");
    make(w, "a/b");
    make(w, "a/b/c");
    make(w, "a/b/c/d");
    assert_true(watched_finds(w, "a/b/c/d", "at once"));
}

/* The file was there before the folder got its name: no event will ever tell of it. */
static void test_arrives_with_file(void **state)
{
    struct watched *w = *state;

    assert_int_equal(watched_begin(w, "a/inbox"), 0);
    make(w, "b");
    make(w, "b/inbox");
    temp_dir_write(&w->dir, "b/inbox/upload", "inside", 6);
    w->expected = "inside";
    move(w, "b", "a");
    assert_true(loop_until(w->event, &w->seen));
}

static void test_recreated(void **state)
{
    struct watched *w = *state;

    make(w, "inbox");
    assert_int_equal(watched_begin(w, "inbox"), 0);
    for (unsigned i = 0; i < 3; i++) {
        take_away(w, "inbox");
        if (i % 2)
            loop_drain(w->event);
        make(w, "inbox");
        assert_non_null(strchr(watched_told(w), 'R'));
        assert_true(watched_finds(w, "inbox", "back"));
        assert_int_equal(unlinkat(w->dir.fd, "inbox/upload", 0), 0);
        assert_string_equal(watched_told(w), "G");
    }
}

static void test_parent_recreated(void **state)
{
    struct watched *w = *state;

    make(w, "a");
    make(w, "a/inbox");
    assert_int_equal(watched_begin(w, "a/inbox"), 0);
    take_away(w, "a/inbox");
    take_away(w, "a");
    loop_drain(w->event);
    assert_no_inbox(w);
    make(w, "a");
    make(w, "a/inbox");
    assert_true(watched_finds(w, "a/inbox", "back"));
}

/* The old folder lives on under another name: what comes into it is no upload any more. */
static void test_renamed_away(void **state)
{
    struct watched *w = *state;

    make(w, "inbox");
    assert_int_equal(watched_begin(w, "inbox"), 0);
    move(w, "inbox", "old");
    assert_no_inbox(w);
    loop_drain(w->event);
    temp_dir_write(&w->dir, "old/upload", "x", 1);
    assert_string_equal(watched_told(w), "");
    make(w, "inbox");
    assert_true(watched_finds(w, "inbox", "new"));
    temp_dir_write(&w->dir, "old/upload", "x", 1);
    assert_string_equal(watched_told(w), "");
}

static void test_ancestor_renamed(void **state)
{
    struct watched *w = *state;

    make(w, "a");
    make(w, "a/b");
    make(w, "a/b/inbox");
    assert_int_equal(watched_begin(w, "a/b/inbox"), 0);
    move(w, "a", "old");
    loop_drain(w->event);
    assert_no_inbox(w);
    temp_dir_write(&w->dir, "old/b/inbox/upload", "x", 1);
    assert_string_equal(watched_told(w), "");
    move(w, "old", "a");
    assert_string_equal(watched_told(w), "R");
    assert_true(watched_finds(w, "a/b/inbox", "back"));
}

/* Two folders change places, and the events have not been heard yet. */
static void test_exchanged(void **state)
{
    struct watched *w = *state;

    make(w, "inbox");
    make(w, "other");
    temp_dir_write(&w->dir, "other/upload", "other", 5);
    assert_int_equal(watched_begin(w, "inbox"), 0);
    assert_int_equal(renameat2(w->dir.fd, "inbox", w->dir.fd, "other", RENAME_EXCHANGE), 0);
    assert_no_inbox(w); /* rather than the wrong one */
    w->expected = "other";
    assert_true(loop_until(w->event, &w->seen));
}

/* ---- Not a folder ---------------------------------------------------------------------------- */

static void test_replaced_by_link(void **state)
{
    struct watched *w = *state;

    make(w, "inbox");
    make(w, "secret");
    assert_int_equal(watched_begin(w, "inbox"), 0);
    take_away(w, "inbox");
    point(w, "secret", "inbox");
    assert_string_equal(watched_told(w), "X");
    assert_true(watch_is_refused(w->watch));
    assert_no_inbox(w);
    temp_dir_write(&w->dir, "secret/upload", "x", 1);
    assert_string_equal(watched_told(w), "");

    assert_int_equal(unlinkat(w->dir.fd, "inbox", 0), 0);
    make(w, "inbox");
    assert_non_null(strchr(watched_told(w), 'R'));
    assert_false(watch_is_refused(w->watch));
    assert_true(watched_finds(w, "inbox", "a folder again"));
}

/* Refused from the beginning: the owner asks, nothing is told. */
static void start_with_intruder(struct watched *w)
{
    assert_int_equal(watched_begin(w, "inbox"), 0);
    assert_true(watch_is_refused(w->watch));
    assert_no_inbox(w);
    assert_string_equal(watched_told(w), "");
    assert_int_equal(unlinkat(w->dir.fd, "inbox", 0), 0);
    make(w, "inbox");
    assert_true(watched_finds(w, "inbox", "a folder"));
    assert_false(watch_is_refused(w->watch));
}

static void test_starts_with_link(void **state)
{
    struct watched *w = *state;

    make(w, "secret");
    point(w, "secret", "inbox");
    start_with_intruder(w);
}

static void test_starts_with_dangling_link(void **state)
{
    point(*state, "nothing", "inbox");
    start_with_intruder(*state);
}

static void test_starts_with_file(void **state)
{
    temp_dir_write(&((struct watched *)*state)->dir, "inbox", "x", 1);
    start_with_intruder(*state);
}

/* A file where the path goes on is none of its folders. */
static void test_file_on_the_way(void **state)
{
    struct watched *w = *state;

    temp_dir_write(&w->dir, "a", "x", 1);
    assert_int_equal(watched_begin(w, "a/inbox"), 0);
    assert_true(watch_is_refused(w->watch));
    assert_int_equal(unlinkat(w->dir.fd, "a", 0), 0);
    make(w, "a");
    make(w, "a/inbox");
    assert_true(watched_finds(w, "a/inbox", "a folder"));
}

/* ---- Links on the way ------------------------------------------------------------------------ */

static void test_link_on_the_way(void **state)
{
    struct watched *w = *state;

    make(w, "one");
    make(w, "one/inbox");
    make(w, "two");
    make(w, "two/inbox");
    point(w, "one", "a");
    assert_int_equal(watched_begin(w, "a/inbox"), 0);
    assert_false(watch_is_refused(w->watch));
    assert_true(watched_finds(w, "one/inbox", "in one"));

    point(w, "two", "b");
    move(w, "b", "a"); /* replaces the link, and touches no folder of the path */
    assert_true(watched_finds(w, "two/inbox", "in two"));
    temp_dir_write(&w->dir, "one/inbox/upload", "x", 1);
    assert_string_equal(watched_told(w), "");

    assert_int_equal(unlinkat(w->dir.fd, "a", 0), 0);
    loop_drain(w->event);
    assert_no_inbox(w);
    point(w, "one", "a");
    assert_true(watched_finds(w, "one/inbox", "in one again"));
}

/* ---- Many at once ---------------------------------------------------------------------------- */

/* Somebody removes and recreates it as fast as possible, while we look. */
_Noreturn static void remove_and_recreate(struct watched *w, bool with_parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (unlinkat(w->dir.fd, "a/inbox", AT_REMOVEDIR) < 0 ||
            (with_parent && unlinkat(w->dir.fd, "a", AT_REMOVEDIR) < 0))
            _exit(1);
        if (i % 16 == 0)
            usleep(500);
        if ((with_parent && mkdirat(w->dir.fd, "a", 0755) < 0) ||
            mkdirat(w->dir.fd, "a/inbox", 0755) < 0)
            _exit(2);
        if (i % 16 == 8)
            usleep(500);
    }
    temp_dir_write(&w->dir, "a/inbox/upload", "the last", 8);
    _exit(0);
}

static void survive_rounds(struct watched *w, bool with_parent)
{
    int status;

    make(w, "a");
    make(w, "a/inbox");
    assert_int_equal(watched_begin(w, "a/inbox"), 0);
    w->expected = "the last";
    pid_t pid = fork();
    if (pid == 0)
        remove_and_recreate(w, with_parent);
    bool seen = loop_until(w->event, &w->seen);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(seen);
}

static void test_rounds(void **state)
{
    survive_rounds(*state, false);
}

static void test_parent_rounds(void **state)
{
    survive_rounds(*state, true);
}

/* The same, heard only afterwards. */
static void test_unheard_rounds(void **state)
{
    struct watched *w = *state;

    make(w, "inbox");
    assert_int_equal(watched_begin(w, "inbox"), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        take_away(w, "inbox");
        make(w, "inbox");
    }
    assert_true(watched_finds(w, "inbox", "the last"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_missing),
        TEST(test_deep),
        TEST(test_arrives_with_file),
        TEST(test_recreated),
        TEST(test_parent_recreated),
        TEST(test_renamed_away),
        TEST(test_ancestor_renamed),
        TEST(test_exchanged),
        TEST(test_replaced_by_link),
        TEST(test_starts_with_link),
        TEST(test_starts_with_dangling_link),
        TEST(test_starts_with_file),
        TEST(test_file_on_the_way),
        TEST(test_link_on_the_way),
        TEST(test_rounds),
        TEST(test_parent_rounds),
        TEST(test_unheard_rounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
