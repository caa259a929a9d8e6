/*
 * The durable images and the intent record: what was saved is what is loaded, promotion can be
 * repeated, and neither full disks nor links lead anywhere else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/unit/io/stored.h"

/* ---- Round trips ----------------------------------------------------------------------------- */

static void assert_same(const struct store_image *a, const struct store_image *b)
{
    assert_true(a->job_id == b->job_id);
    assert_true(a->time_msec == b->time_msec);
    assert_string_equal(a->sha256, b->sha256);
    assert_string_equal(a->image_sha256, b->image_sha256);
    assert_int_equal(a->image_size, b->image_size);
    assert_memory_equal(a->image, b->image, b->image_size);
}

static void test_round_trip(void **state)
{
    struct fixture *f = *state;
    struct store_image images[_STORE_SLOT_MAX] = {make_image('a'), make_image('b'),
                                                  make_image('c')};
    struct store_image loaded;

    images[STORE_PREVIOUS].sha256[0] = '\0';
    images[STORE_PENDING].job_id = UINT64_MAX;
    images[STORE_PENDING].image_size = 1;
    memset(images[STORE_INSTALLED].image, '\n', SIZE / 2);
    memset(images[STORE_INSTALLED].image + SIZE / 2, 0, SIZE / 2);
    for (enum store_slot slot = 0; slot < _STORE_SLOT_MAX; slot++)
        assert_int_equal(store_save(f->dir.fd, slot, &images[slot]), 0);
    assert_int_equal(count_entries(f->dir.path), _STORE_SLOT_MAX);
    for (enum store_slot slot = 0; slot < _STORE_SLOT_MAX; slot++) {
        assert_int_equal(store_load(f->dir.fd, slot, MAX, &loaded), STORE_FOUND);
        assert_same(&loaded, &images[slot]);
        store_image_clear(&loaded);
        assert_null(loaded.image);
        store_image_clear(&images[slot]);
    }
}

/* A window's worth, which no one read() or write() need take in one go. */
static void test_whole_window(void **state)
{
    struct fixture *f = *state;
    struct store_image image = make_image('x'), loaded;

    image.image_size = 1 << 20;
    image.image = realloc(image.image, image.image_size);
    assert_non_null(image.image);
    for (uint32_t i = 0; i < image.image_size; i++)
        image.image[i] = (uint8_t)(i / 251);
    assert_int_equal(store_save(f->dir.fd, STORE_INSTALLED, &image), 0);
    assert_int_equal(store_load(f->dir.fd, STORE_INSTALLED, 1 << 20, &loaded), STORE_FOUND);
    assert_same(&loaded, &image);
    store_image_clear(&loaded);
    store_image_clear(&image);
}

static void test_saved_over(void **state)
{
    struct fixture *f = *state;
    struct stat status;

    save(f, STORE_INSTALLED, 'a');
    temp_dir_write(&f->dir, "installed.tmp", "left by a power cut", 19);
    save(f, STORE_INSTALLED, 'b');
    assert_string_equal(slots(f), "b--");
    assert_int_equal(count_entries(f->dir.path), 1);
    assert_int_equal(fstatat(f->dir.fd, "installed", &status, 0), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_absent(void **state)
{
    struct fixture *f = *state;
    struct store_image image = {.image = NULL};
    struct store_intent intent = {.job_id = 4};

    assert_int_equal(store_load(f->dir.fd, STORE_PENDING, MAX, &image), STORE_ABSENT);
    assert_null(image.image);
    assert_int_equal(store_load_intent(f->dir.fd, &intent), STORE_ABSENT);
    assert_true(intent.job_id == 4);
    assert_int_equal(store_remove(f->dir.fd, STORE_PENDING), 0);
    assert_int_equal(store_remove_intent(f->dir.fd), 0);
    save(f, STORE_PENDING, 'a');
    save(f, STORE_INSTALLED, 'b');
    assert_int_equal(store_remove(f->dir.fd, STORE_PENDING), 0);
    assert_string_equal(slots(f), "b--");
}

/* Who only looks sees the same, and leaves nothing behind. */
static void test_peek(void **state)
{
    struct fixture *f = *state;
    struct store_image image = make_image('a'), seen;

    assert_int_equal(store_peek(f->dir.fd, STORE_INSTALLED, MAX, &seen), STORE_ABSENT);
    assert_int_equal(store_has_intent(f->dir.fd), 0);
    assert_int_equal(store_save(f->dir.fd, STORE_INSTALLED, &image), 0);
    assert_int_equal(store_peek(f->dir.fd, STORE_INSTALLED, MAX, &seen), STORE_FOUND);
    assert_same(&seen, &image);
    store_image_clear(&seen);
    store_image_clear(&image);
    assert_int_equal(count_entries(f->dir.path), 1);
    save_any(f, _STORE_SLOT_MAX);
    assert_int_equal(store_has_intent(f->dir.fd), 1);
    assert_int_equal(store_remove_intent(f->dir.fd), 0);
    assert_int_equal(store_has_intent(f->dir.fd), 0);
    assert_int_equal(store_has_intent(-EBADF), -EBADF);
}

static void test_holds(void **state)
{
    struct fixture *f = *state;
    struct store_image image = make_image('a');

    assert_false(store_holds(f->dir.fd, STORE_INSTALLED, MAX, image.image_sha256));
    save(f, STORE_INSTALLED, 'a');
    assert_true(store_holds(f->dir.fd, STORE_INSTALLED, MAX, image.image_sha256));
    assert_false(store_holds(f->dir.fd, STORE_PREVIOUS, MAX, image.image_sha256));
    save(f, STORE_INSTALLED, 'b');
    assert_false(store_holds(f->dir.fd, STORE_INSTALLED, MAX, image.image_sha256));
    temp_dir_write(&f->dir, "installed", image.image_sha256, 64);
    assert_false(store_holds(f->dir.fd, STORE_INSTALLED, MAX, image.image_sha256));
    store_image_clear(&image);
}

static void test_intent_round_trip(void **state)
{
    static const unsigned attempts[] = {0, 1, 3, 1000, UINT32_MAX};
    struct fixture *f = *state;
    struct store_intent intent = make_intent(), loaded;

    for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
        intent.attempts = attempts[i];
        intent.slot = i % 2 ? STORE_INSTALLED : STORE_PENDING;
        intent.file[i % 2 ? 0 : sizeof(intent.file) - 1] = '\0';
        memset(&loaded, 0xFF, sizeof(loaded));
        assert_int_equal(store_save_intent(f->dir.fd, &intent), 0);
        assert_int_equal(store_load_intent(f->dir.fd, &loaded), STORE_FOUND);
        assert_true(loaded.job_id == intent.job_id);
        assert_int_equal(loaded.slot, intent.slot);
        assert_int_equal(loaded.attempts, intent.attempts);
        assert_string_equal(loaded.image_sha256, intent.image_sha256);
        assert_string_equal(loaded.file, intent.file);
    }
    assert_int_equal(store_remove_intent(f->dir.fd), 0);
    assert_int_equal(count_entries(f->dir.path), 0);
}

/* A record of what is to be there when nothing is: it names no image, and can be read again. */
static void test_intent_without_image(void **state)
{
    struct fixture *f = *state;
    struct store_intent intent = {.slot = STORE_INSTALLED, .attempts = 1000}, loaded;

    assert_int_equal(store_save_intent(f->dir.fd, &intent), 0);
    assert_int_equal(store_load_intent(f->dir.fd, &loaded), STORE_FOUND);
    assert_int_equal(loaded.attempts, 1000);
    assert_string_equal(loaded.image_sha256, "");
}

/* ---- Promotion ------------------------------------------------------------------------------- */

/*
 * Every state in which a power cut can leave it (the rename to previous done or not, the rename to
 * installed done or not), with what follows; and again, which changes nothing.
 */
static void test_promote(void **state)
{
    static const struct {
        const char *before, *after; /* as slots() tells them */
    } cases[] = {
        {"--c", "c--"},                 /* the first sketch of all */
        {"-bc", "cb-"},                 /* cut between the two renames */
        {"abc", "ca-"}, {"a-c", "ca-"}, /* not begun */
        {"cb-", "cb-"}, {"c--", "c--"}, /* done already */
        {"cbc", "cb-"}, {"c-c", "c--"}, /* the same again: what was before it stays */
        {"bcb", "bc-"}, {"acc", "ca-"}, /* back to the previous one */
        {"ab-", "ab-"}, {"---", "---"}, /* nothing to promote */
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        for (enum store_slot slot = 0; slot < _STORE_SLOT_MAX; slot++) {
            assert_int_equal(store_remove(f->dir.fd, slot), 0);
            if (cases[i].before[slot] != '-')
                save(f, slot, cases[i].before[slot]);
        }
        for (unsigned times = 0; times < 3; times++) {
            assert_int_equal(store_promote(f->dir.fd, MAX), 0);
            if (strcmp(slots(f), cases[i].after) != 0)
                fail_msg("%s became %s, not %s", cases[i].before, slots(f), cases[i].after);
        }
    }
    assert_int_equal(count_entries(f->dir.path), 0); /* after "---": nothing was set aside */
}

/* What is damaged is neither promoted nor kept as the previous one. */
static void test_promote_corrupt(void **state)
{
    struct fixture *f = *state;

    save(f, STORE_INSTALLED, 'a');
    save(f, STORE_PREVIOUS, 'b');
    temp_dir_write(&f->dir, "pending", "?", 1);
    assert_int_equal(store_promote(f->dir.fd, MAX), -EBADMSG);
    assert_string_equal(slots(f), "ab-");
    assert_true(exists(f, "pending.corrupt"));
    save(f, STORE_PENDING, 'c');
    temp_dir_write(&f->dir, "installed", "?", 1);
    assert_int_equal(store_promote(f->dir.fd, MAX), 0);
    assert_string_equal(slots(f), "cb-");
    assert_true(exists(f, "installed.corrupt"));
}

/* ---- Disks that take nothing ----------------------------------------------------------------- */

/* Neither can be written; the old ones stay, and nothing half written beside them. */
static void assert_cannot_save(const struct fixture *f, int error)
{
    struct store_image image = make_image('z');
    struct store_intent intent = make_intent();

    for (enum store_slot slot = 0; slot < _STORE_SLOT_MAX; slot++)
        assert_int_equal(store_save(f->dir.fd, slot, &image), error);
    assert_int_equal(store_save_intent(f->dir.fd, &intent), error);
    store_image_clear(&image);
}

/* For a full disk a limit on the size of files stands in: it is met after the file was made. */
static void test_full_disk(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;

    save(f, STORE_INSTALLED, 'a');
    save(f, STORE_PENDING, 'c');
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, before.rlim_max}), 0);
    assert_cannot_save(f, -EFBIG);
    assert_string_equal(slots(f), "a-c");
    assert_int_equal(store_promote(f->dir.fd, MAX), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_string_equal(slots(f), "ca-");
    assert_int_equal(count_entries(f->dir.path), 2);
}

/* Needs the right to mount; passed over without. */
static void test_read_only_disk(void **state)
{
    struct fixture *f = *state, disk = {.dir.fd = -EBADF};
    struct store_image image = make_image('a');

    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", f->dir.path, "tmpfs", 0, NULL) < 0) {
        store_image_clear(&image);
        skip();
    }
    disk.dir.fd = open(f->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    save(&disk, STORE_INSTALLED, 'a');
    save(&disk, STORE_PENDING, 'c');
    temp_dir_write(&disk.dir, "previous", "?", 1);
    assert_int_equal(mount("none", f->dir.path, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_cannot_save(&disk, -EROFS);
    /* What is damaged cannot be set aside here, but is not trusted either, however often. */
    assert_int_equal(load_any(&disk, STORE_PREVIOUS), -EROFS);
    assert_int_equal(load_any(&disk, STORE_PREVIOUS), -EROFS);
    assert_true(store_holds(disk.dir.fd, STORE_INSTALLED, MAX, image.image_sha256));
    assert_int_equal(store_promote(disk.dir.fd, MAX), -EROFS);
    assert_int_equal(store_remove(disk.dir.fd, STORE_PENDING), -EROFS);
    assert_int_equal(load_any(&disk, STORE_PENDING), STORE_FOUND);
    fd_close(disk.dir.fd);
    umount2(f->dir.path, MNT_DETACH);
    store_image_clear(&image);
}

/* ---- Links and other things in their place --------------------------------------------------- */

/* A link is not followed, to read, to write or to remove, whatever it leads to. */
static void test_links(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    char target[32];

    for (unsigned which = 0; which <= _STORE_SLOT_MAX; which++) {
        const char *name = name_of(which);
        save_any(f, which);
        snprintf(target, sizeof(target), "%s.real", name);
        assert_int_equal(renameat(f->dir.fd, name, f->dir.fd, target), 0);
        assert_int_equal(symlinkat(target, f->dir.fd, name), 0);
        assert_int_equal(load_any(f, which), -ELOOP);
        assert_true(exists(f, name));
        save_any(f, which); /* over the link, not through it */
        assert_int_equal(fstatat(f->dir.fd, name, &status, AT_SYMLINK_NOFOLLOW), 0);
        assert_true(S_ISREG(status.st_mode));
        assert_int_equal(unlinkat(f->dir.fd, name, 0), 0);
        assert_int_equal(symlinkat(target, f->dir.fd, name), 0);
        assert_int_equal(which < _STORE_SLOT_MAX ? store_remove(f->dir.fd, which)
                                                 : store_remove_intent(f->dir.fd),
                         0);
        assert_false(exists(f, name));
        assert_true(exists(f, target));
    }
}

/* Nor is one that was laid where a save writes first. */
static void test_link_at_temporary(void **state)
{
    struct fixture *f = *state;
    struct store_image image = make_image('a');
    size_t size;

    temp_dir_write(&f->dir, "precious", "gold", 4);
    assert_int_equal(symlinkat("precious", f->dir.fd, "installed.tmp"), 0);
    assert_int_equal(store_save(f->dir.fd, STORE_INSTALLED, &image), -ELOOP);
    _cleanup_free_ char *precious = temp_dir_read(&f->dir, "precious", &size);
    assert_string_equal(precious, "gold");
    assert_string_equal(slots(f), "---");
    assert_int_equal(store_save(f->dir.fd, STORE_INSTALLED, &image), 0);
    store_image_clear(&image);
}

static void test_folder_in_place(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkdirat(f->dir.fd, "installed", 0755), 0);
    assert_int_equal(mkdirat(f->dir.fd, "intent", 0755), 0);
    assert_int_equal(load_any(f, STORE_INSTALLED), -EISDIR);
    assert_int_equal(load_any(f, _STORE_SLOT_MAX), -EISDIR);
    assert_false(store_holds(f->dir.fd, STORE_INSTALLED, MAX, UPLOAD));
}

/* Nobody waits for who would write to it. */
static void test_fifo_in_place(void **state)
{
    struct fixture *f = *state;

    for (unsigned which = 0; which <= _STORE_SLOT_MAX; which++) {
        assert_int_equal(mkfifoat(f->dir.fd, name_of(which), 0600), 0);
        assert_int_equal(load_any(f, which), -EBADFD);
        save_any(f, which);
        assert_int_equal(load_any(f, which), STORE_FOUND);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_whole_window),
        TEST(test_saved_over),
        TEST(test_absent),
        TEST(test_peek),
        TEST(test_holds),
        TEST(test_intent_round_trip),
        TEST(test_intent_without_image),
        TEST(test_promote),
        TEST(test_promote_corrupt),
        TEST(test_full_disk),
        TEST(test_read_only_disk),
        TEST(test_links),
        TEST(test_link_at_temporary),
        TEST(test_folder_in_place),
        TEST(test_fifo_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
