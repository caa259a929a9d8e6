/*
 * What can lie in the place of a stored image or record (cut, flipped, foreign, too large): none of
 * it is trusted, and all of it is kept aside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/io/stored.h"

/*
 * Puts content in place, which stays there for who only looks, is set aside once, byte for byte,
 * and then not there.
 */
static void assert_corrupt(const struct fixture *f, unsigned which, const char *content,
                           size_t size)
{
    char aside[32];
    size_t aside_size;

    snprintf(aside, sizeof(aside), "%s.corrupt", name_of(which));
    unlinkat(f->dir.fd, aside, 0);
    temp_dir_write(&f->dir, name_of(which), content, size);
    assert_int_equal(peek_any(f, which), which < _STORE_SLOT_MAX ? STORE_CORRUPT : 1);
    assert_int_equal(load_any(f, which), STORE_CORRUPT);
    assert_int_equal(load_any(f, which), STORE_ABSENT);
    _cleanup_free_ char *kept = temp_dir_read(&f->dir, aside, &aside_size);
    assert_non_null(kept);
    assert_int_equal(aside_size, size);
    assert_memory_equal(kept, content, size);
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

    sketch_digest(payload, strlen(payload), digest);
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
        if (peek_any(f, STORE_PENDING) != STORE_CORRUPT ||
            load_any(f, STORE_PENDING) != STORE_CORRUPT)
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
    assert_int_equal(store_peek(f->dir.fd, STORE_INSTALLED, SIZE - 1, &image), STORE_CORRUPT);
    assert_null(image.image);
    assert_int_equal(store_load(f->dir.fd, STORE_INSTALLED, SIZE - 1, &image), STORE_CORRUPT);
    assert_null(image.image);
    assert_int_equal(store_load(f->dir.fd, STORE_INSTALLED, MAX, &image), STORE_ABSENT);
    assert_corrupt(f, STORE_PENDING, huge, sizeof(huge));
    assert_corrupt(f, _STORE_SLOT_MAX, huge, sizeof(huge));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_truncated),   TEST(test_flipped),       TEST(test_zeroed_or_grown),
        TEST(test_others_stay), TEST(test_foreign_image), TEST(test_foreign_intent),
        TEST(test_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
