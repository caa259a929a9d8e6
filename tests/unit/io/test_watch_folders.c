/* An inbox that is missing, removed, recreated, renamed, replaced: the next upload is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
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

/* ---- Mounts ---------------------------------------------------------------------------------- */

static bool mount_over(struct watched *w, const char *name)
{
    return mount("test", watched_path(w, name), "tmpfs", 0, NULL) == 0;
}

static bool unmount(struct watched *w, const char *name)
{
    return umount2(watched_path(w, name), MNT_DETACH) == 0;
}

/* Over the inbox itself, over a folder above it, and away again. */
static bool follows_mounts(struct watched *w)
{
    if (!mount_over(w, "a/inbox") || !watched_finds(w, "a/inbox", "on the mount"))
        return false;
    if (!unmount(w, "a/inbox") || !watched_finds(w, "a/inbox", "below the mount"))
        return false;
    if (!mount_over(w, "a") || loop_drain(w->event) == 0 || watch_open(w->watch) != -ENOENT)
        return false;
    if (mkdirat(AT_FDCWD, watched_path(w, "a/inbox"), 0755) < 0 ||
        !watched_finds(w, "a/inbox", "on the parent's mount"))
        return false;
    return unmount(w, "a") && watched_finds(w, "a/inbox", "below the parent's mount");
}

/* What stood in the way is hidden by a mount. */
static bool follows_mount_over_refused(struct watched *w)
{
    if (unlinkat(w->dir.fd, "a/inbox/upload", 0) < 0 ||
        unlinkat(w->dir.fd, "a/inbox", AT_REMOVEDIR) < 0 ||
        symlinkat("elsewhere", w->dir.fd, "a/inbox") < 0)
        return false;
    loop_drain(w->event);
    if (!watch_is_refused(w->watch))
        return false;
    /* Mounted with the folder in it: what is under the mount point then touches no watch. */
    mkdirat(w->dir.fd, "stage", 0755);
    if (!mount_over(w, "stage") || mkdirat(AT_FDCWD, watched_path(w, "stage/inbox"), 0755) < 0)
        return false;
    loop_drain(w->event);
    if (mount(watched_path(w, "stage"), watched_path(w, "a"), NULL, MS_BIND, NULL) < 0)
        return false;
    bool found = watched_finds(w, "a/inbox", "instead of the link");
    return unmount(w, "a") && unmount(w, "stage") && found;
}

/* Only in a mount namespace of our own, where nobody else sees it. Returns an exit status. */
static int try_mounts(struct watched *w)
{
    enum { SKIPPED = 77 };

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return SKIPPED;
    fd_close(w->dir.fd); /* it leads into the old namespace */
    w->dir.fd = open(w->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sd_event_unref(w->event);
    w->event = loop_make();
    if (watched_begin(w, "a/inbox") < 0)
        return 1;
    if (!follows_mounts(w))
        return 2;
    if (!follows_mount_over_refused(w))
        return 3;
    watch_free(w->watch);
    return 0;
}

static void test_mounts(void **state)
{
    struct watched *w = *state;
    int status;

    make(w, "a");
    make(w, "a/inbox");
    pid_t pid = fork();
    if (pid == 0)
        _exit(try_mounts(w));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("no privilege to mount\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
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
        TEST(test_mounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
