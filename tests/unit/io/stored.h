/* Stored images for a test, told in letters: one that is full of 'a's is an a. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

static inline _unused_ int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds()};
    f.dir = temp_dir_make();
    *state = &f;
    return 0;
}

static inline _unused_ int tear_down(void **state)
{
    struct fixture *f = *state;

    temp_dir_remove(&f->dir);
    return count_fds() == f->fds ? 0 : -1;
}

/* An image of SIZE bytes, each of them `fill`; for store_image_clear(). */
static inline _unused_ struct store_image make_image(char fill)
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
    sketch_digest(image.image, SIZE, image.image_sha256);
    return image;
}

static inline _unused_ void save(const struct fixture *f, enum store_slot slot, char fill)
{
    struct store_image image = make_image(fill);

    assert_int_equal(store_save(f->dir.fd, slot, &image), 0);
    store_image_clear(&image);
}

/* What is in the slots installed, previous and pending: each one's fill, - (none) or ! (corrupt).
 */
static inline _unused_ const char *slots(const struct fixture *f)
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

static inline _unused_ bool exists(const struct fixture *f, const char *name)
{
    return faccessat(f->dir.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline _unused_ struct store_intent make_intent(void)
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

/* Whatever has a name: a slot, or (behind the last of them) the intent record. */
static inline _unused_ const char *name_of(unsigned which)
{
    return which < _STORE_SLOT_MAX ? store_slot_name(which) : "intent";
}

static inline _unused_ void save_any(const struct fixture *f, unsigned which)
{
    struct store_intent intent = make_intent();

    if (which < _STORE_SLOT_MAX)
        save(f, which, 'a');
    else
        assert_int_equal(store_save_intent(f->dir.fd, &intent), 0);
}

static inline _unused_ int load_any(const struct fixture *f, unsigned which)
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

/* What store_peek() says of a slot, and store_has_intent() of the record: nothing is changed. */
static inline _unused_ int peek_any(const struct fixture *f, unsigned which)
{
    struct store_image image = {.image = NULL};

    if (which == _STORE_SLOT_MAX)
        return store_has_intent(f->dir.fd);
    int r = store_peek(f->dir.fd, which, MAX, &image);
    assert_int_equal(image.image != NULL, r == STORE_FOUND);
    store_image_clear(&image);
    return r;
}
