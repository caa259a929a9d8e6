/*
 * The durable images and the intent record: what was saved is what is loaded, and of everything
 * else that can lie in their place (cut, flipped, foreign, too large, a link) nothing is trusted.
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

#include "io/store.h"
#include "tests/unit/util/temp_dir.h"

enum {
    SIZE = 20, /* bytes of an image: small, since every one of its bits is flipped */
    MAX = 64,  /* bytes that an image may have */
};

#define UPLOAD "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct fixture {
    unsigned fds;
    struct temp_dir dir;
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds()};
    f.dir = temp_dir_make();
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    temp_dir_remove(&f->dir);
    return count_fds() == f->fds ? 0 : -1;
}

/* An image of SIZE bytes, each of them `fill`; for store_image_clear(). */
static struct store_image make_image(char fill)
{
    struct store_image image = {
        .job_id = (uint64_t)fill,
        .sha256 = UPLOAD,
        .time_msec = 1760000000123,
        .image = malloc(SIZE),
        .image_size = SIZE,
    };

    assert_non_null(image.image);
    memset(image.image, fill, SIZE);
    assert_int_equal(sketch_digest(image.image, SIZE, image.image_sha256), 0);
    return image;
}

static void save(const struct fixture *f, enum store_slot slot, char fill)
{
    struct store_image image = make_image(fill);

    assert_int_equal(store_save(f->dir.fd, slot, &image), 0);
    store_image_clear(&image);
}

/* What is in the slots installed, previous and pending: each one's fill, - (none) or ! (corrupt).
 */
static const char *slots(const struct fixture *f)
{
    static char text[_STORE_SLOT_MAX + 1];
    struct store_image image;

    for (enum store_slot slot = 0; slot < _STORE_SLOT_MAX; slot++) {
        int r = store_load(f->dir.fd, slot, MAX, &image);
        assert_true(r >= 0);
        text[slot] = r == STORE_ABSENT ? '-' : '!';
        if (r != STORE_FOUND)
            continue;
        text[slot] = (char)image.image[0];
        store_image_clear(&image);
    }
    return text;
}

static bool exists(const struct fixture *f, const char *name)
{
    return faccessat(f->dir.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

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

static struct store_intent make_intent(void)
{
    struct store_intent intent = {
        .job_id = UINT64_MAX,
        .slot = STORE_PENDING,
        .image_sha256 = UPLOAD,
        .attempts = 2,
        .file = "18446744073709551615:18446744073709551615:-9223372036854775808:1",
    };

    return intent;
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

/* ---- What does not hold together ------------------------------------------------------------- */

/* Whatever has a name: a slot, or (behind the last of them) the intent record. */
static const char *name_of(unsigned which)
{
    return which < _STORE_SLOT_MAX ? store_slot_name(which) : "intent";
}

static int load_any(const struct fixture *f, unsigned which)
{
    struct store_image image = {.image = NULL};
    struct store_intent intent = {.job_id = 5};

    int r = which < _STORE_SLOT_MAX ? store_load(f->dir.fd, which, MAX, &image)
                                    : store_load_intent(f->dir.fd, &intent);
    /* Nothing is given out but what was found. */
    assert_true(r == STORE_FOUND || (!image.image && intent.job_id == 5));
    store_image_clear(&image);
    return r;
}

/* Puts content in place, which is set aside once, byte for byte, and then not there. */
static void assert_corrupt(const struct fixture *f, unsigned which, const char *content,
                           size_t size)
{
    char aside[32];
    size_t aside_size;

    snprintf(aside, sizeof(aside), "%s.corrupt", name_of(which));
    unlinkat(f->dir.fd, aside, 0);
    temp_dir_write(&f->dir, name_of(which), content, size);
    assert_int_equal(load_any(f, which), STORE_CORRUPT);
    assert_int_equal(load_any(f, which), STORE_ABSENT);
    _cleanup_free_ char *kept = temp_dir_read(&f->dir, aside, &aside_size);
    assert_non_null(kept);
    assert_int_equal(aside_size, size);
    assert_memory_equal(kept, content, size);
}

static void save_any(const struct fixture *f, unsigned which)
{
    struct store_intent intent = make_intent();

    if (which < _STORE_SLOT_MAX)
        save(f, which, 'a');
    else
        assert_int_equal(store_save_intent(f->dir.fd, &intent), 0);
}

/* The file as it was saved, for the caller to free. */
static char *saved(const struct fixture *f, unsigned which, size_t *ret_size)
{
    save_any(f, which);
    char *content = temp_dir_read(&f->dir, name_of(which), ret_size);
    assert_non_null(content);
    return content;
}

static void test_truncated(void **state)
{
    struct fixture *f = *state;
    size_t size;

    for (unsigned which = 0; which <= _STORE_SLOT_MAX; which++) {
        _cleanup_free_ char *content = saved(f, which, &size);
        for (size_t length = 0; length < size; length++)
            assert_corrupt(f, which, content, length);
        temp_dir_write(&f->dir, name_of(which), content, size);
        assert_int_equal(load_any(f, which), STORE_FOUND);
    }
}

static void test_flipped(void **state)
{
    struct fixture *f = *state;
    size_t size;

    for (unsigned which = 0; which <= _STORE_SLOT_MAX; which++) {
        _cleanup_free_ char *content = saved(f, which, &size);
        for (size_t bit = 0; bit < size * 8; bit++) {
            content[bit / 8] ^= (char)(1 << bit % 8);
            assert_corrupt(f, which, content, size);
            content[bit / 8] ^= (char)(1 << bit % 8);
        }
        temp_dir_write(&f->dir, name_of(which), content, size);
        assert_int_equal(load_any(f, which), STORE_FOUND);
    }
}

/* Grown, or with its blocks lost, as file systems leave files behind after a power cut. */
static void test_zeroed_or_grown(void **state)
{
    struct fixture *f = *state;
    size_t size;

    for (unsigned which = 0; which <= _STORE_SLOT_MAX; which++) {
        _cleanup_free_ char *content = saved(f, which, &size);
        _cleanup_free_ char *longer = calloc(1, size + 1);
        assert_non_null(longer);
        assert_corrupt(f, which, longer, size);
        memcpy(longer, content, size);
        assert_corrupt(f, which, longer, size + 1);
    }
}

/* One name's evidence is nobody else's: the other slots stay. */
static void test_others_stay(void **state)
{
    struct fixture *f = *state;

    save(f, STORE_INSTALLED, 'a');
    save(f, STORE_PREVIOUS, 'b');
    save(f, STORE_PENDING, 'c');
    temp_dir_write(&f->dir, "installed", "?", 1);
    assert_string_equal(slots(f), "!bc");
    assert_string_equal(slots(f), "-bc");
    save(f, STORE_INSTALLED, 'd');
    assert_string_equal(slots(f), "dbc");
    assert_true(exists(f, "installed.corrupt"));
}

/* Puts a file in place that is whole, whatever it says. */
static void write_with_digest(const struct fixture *f, unsigned which, const char *payload)
{
    char content[2048], digest[SKETCH_DIGEST_HEX];

    assert_int_equal(sketch_digest(payload, strlen(payload), digest), 0);
    int size = snprintf(content, sizeof(content), "%s\n%s", digest, payload);
    assert_true(size > 0 && (size_t)size < sizeof(content));
    temp_dir_write(&f->dir, name_of(which), content, (size_t)size);
}

#define ID     "\"id\":1,"
#define TIME   "\"time\":2,"
#define DIGEST "\"sha256\":\"\",\"image_sha256\":\"" UPLOAD "\","
#define IMAGE  "{" ID TIME DIGEST "\"image_size\":3}\nabc"

static void test_foreign_image(void **state)
{
    static const char *const payloads[] = {
        "\n",
        "a note, signed\n",
        "{" ID TIME DIGEST "\"image_size\":3}",     /* no line */
        "{" ID TIME DIGEST "\"image_size\":3}\n",   /* no image */
        "{" ID TIME DIGEST "\"image_size\":3}\nab", /* another size */
        "{" ID TIME DIGEST "\"image_size\":3}\nabcd",
        "{" ID TIME DIGEST "\"image_size\":0}\n",
        "{" ID TIME DIGEST "\"image_size\":-3}\nabc",
        "{" ID TIME DIGEST "\"image_size\":4294967299}\nabc",
        "{" ID TIME DIGEST "\"image_size\":\"3\"}\nabc",
        "{" ID TIME DIGEST "\"image_size\":null}\nabc",
        "{" ID TIME DIGEST "}\nabc",
        "{" TIME DIGEST "\"image_size\":3}\nabc",
        "{" ID DIGEST "\"image_size\":3}\nabc",
        "{" ID TIME "\"image_size\":3}\nabc",
        "{\"id\":1.5," TIME DIGEST "\"image_size\":3}\nabc",
        "{" ID TIME "\"sha256\":\"\",\"image_sha256\":\"\",\"image_size\":3}\nabc",
        "{" ID TIME "\"sha256\":\"\",\"image_sha256\":\"a" UPLOAD "\",\"image_size\":3}\nabc",
        "{" ID TIME "\"sha256\":\"\",\"image_sha256\":null,\"image_size\":3}\nabc",
        "{" ID TIME "\"sha256\":null,\"image_sha256\":\"" UPLOAD "\",\"image_size\":3}\nabc",
        "{" ID TIME "\"sha256\":\"a\",\"image_sha256\":\"" UPLOAD "\",\"image_size\":3}\nabc",
        "{" ID TIME DIGEST "\"image_size\":3\nabc", /* no JSON */
        "[" IMAGE "]",
        "null\nabc",
        "3\nabc",
    };
    struct fixture *f = *state;

    write_with_digest(f, STORE_PENDING, IMAGE);
    assert_int_equal(load_any(f, STORE_PENDING), STORE_FOUND);
    for (size_t i = 0; i < ELEMENTSOF(payloads); i++) {
        write_with_digest(f, STORE_PENDING, payloads[i]);
        if (load_any(f, STORE_PENDING) != STORE_CORRUPT)
            fail_msg("trusted: %s", payloads[i]);
        assert_int_equal(load_any(f, STORE_PENDING), STORE_ABSENT);
    }
}

#define SLOT     "\"slot\":\"pending\","
#define PURPOSE  "\"image_sha256\":\"" UPLOAD "\","
#define ATTEMPTS "\"attempts\":1,"
#define LONG     "1234567890123456789012345678901234567890123456789" /* half of what is too long */

static void test_foreign_intent(void **state)
{
    static const char *const payloads[] = {
        "\n",
        "a note, signed\n",
        "{" ID SLOT PURPOSE ATTEMPTS "\"file\":\"\"}", /* no line */
        "{" SLOT PURPOSE ATTEMPTS "\"file\":\"\"}\n",
        "{" ID PURPOSE ATTEMPTS "\"file\":\"\"}\n",
        "{" ID SLOT ATTEMPTS "\"file\":\"\"}\n",
        "{" ID SLOT PURPOSE "\"file\":\"\"}\n",
        "{" ID SLOT PURPOSE "\"attempts\":1}\n",
        "{" ID SLOT PURPOSE "\"attempts\":\"1\",\"file\":\"\"}\n",
        "{" ID SLOT PURPOSE "\"attempts\":4294967296,\"file\":\"\"}\n",
        "{" ID SLOT PURPOSE ATTEMPTS "\"file\":null}\n",
        "{" ID SLOT PURPOSE ATTEMPTS "\"file\":\"" LONG LONG "\"}\n",
        "{" ID "\"slot\":\"previous\"," PURPOSE ATTEMPTS "\"file\":\"\"}\n",
        "{" ID "\"slot\":\"\"," PURPOSE ATTEMPTS "\"file\":\"\"}\n",
        "{" ID "\"slot\":null," PURPOSE ATTEMPTS "\"file\":\"\"}\n",
        "{" ID "\"slot\":2," PURPOSE ATTEMPTS "\"file\":\"\"}\n",
        "{" ID SLOT "\"image_sha256\":\"a\"," ATTEMPTS "\"file\":\"\"}\n",
        "{" ID SLOT "\"image_sha256\":null," ATTEMPTS "\"file\":\"\"}\n",
        "[]\n",
        "null\n",
    };
    struct fixture *f = *state;

    write_with_digest(f, _STORE_SLOT_MAX, "{" ID SLOT PURPOSE ATTEMPTS "\"file\":\"\"}\n");
    assert_int_equal(load_any(f, _STORE_SLOT_MAX), STORE_FOUND);
    for (size_t i = 0; i < ELEMENTSOF(payloads); i++) {
        write_with_digest(f, _STORE_SLOT_MAX, payloads[i]);
        if (load_any(f, _STORE_SLOT_MAX) != STORE_CORRUPT)
            fail_msg("trusted: %s", payloads[i]);
        assert_int_equal(load_any(f, _STORE_SLOT_MAX), STORE_ABSENT);
    }
}

/* An image that does not fit the board's window, and a file that is not even read to its end. */
static void test_too_large(void **state)
{
    static char huge[1 << 20];
    struct fixture *f = *state;
    struct store_image image = {.image = NULL};

    save(f, STORE_INSTALLED, 'a');
    assert_int_equal(store_load(f->dir.fd, STORE_INSTALLED, SIZE, &image), STORE_FOUND);
    store_image_clear(&image);
    assert_int_equal(store_load(f->dir.fd, STORE_INSTALLED, SIZE - 1, &image), STORE_CORRUPT);
    assert_null(image.image);
    assert_int_equal(store_load(f->dir.fd, STORE_INSTALLED, MAX, &image), STORE_ABSENT);
    assert_corrupt(f, STORE_PENDING, huge, sizeof(huge));
    assert_corrupt(f, _STORE_SLOT_MAX, huge, sizeof(huge));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_whole_window),
        TEST(test_saved_over),
        TEST(test_absent),
        TEST(test_holds),
        TEST(test_intent_round_trip),
        TEST(test_intent_without_image),
        TEST(test_truncated),
        TEST(test_flipped),
        TEST(test_zeroed_or_grown),
        TEST(test_others_stay),
        TEST(test_foreign_image),
        TEST(test_foreign_intent),
        TEST(test_too_large),
        TEST(test_promote),
        TEST(test_promote_corrupt),
        TEST(test_full_disk),
        TEST(test_read_only_disk),
        TEST(test_links),
        TEST(test_link_at_temporary),
        TEST(test_folder_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
