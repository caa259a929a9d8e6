/* Which bytes may reach a terminal, and what becomes of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/utf8.h"

static void test_accepted(void **state)
{
    static const char *const texts[] = {
        "",
        "a",
        "~",
        "\xC2\xA0",
        "\xC3\xA9",
        "\xE2\x82\xAC",
        "\xEF\xBF\xBD",
        "\xF0\x9F\x98\x80",
        "\xF4\x8F\xBF\xBF",
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(texts); i++)
        assert_true(utf8_is_printable(texts[i], strlen(texts[i])));
}

static void test_rejected(void **state)
{
    static const char *const texts[] = {
        "\x1b[31m",         /* escape */
        "\x7f",             /* DEL */
        "\xC2\x9B",         /* C1 control sequence introducer */
        "\x80",             /* continuation without a lead */
        "\xC3",             /* lead without a continuation */
        "\xC3(",            /* the same, with more behind */
        "\xC0\xAF",         /* '/' in two bytes */
        "\xE0\x80\xAF",     /* and in three */
        "\xF0\x82\x82\xAC", /* the euro in four */
        "\xED\xA0\x80",     /* surrogate */
        "\xF4\x90\x80\x80", /* past U+10FFFF */
        "\xFF",             /* no lead at all */
        "\xE2\x80\xAE",     /* right-to-left override */
        "\xE2\x80\xA8",     /* line separator */
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(texts); i++)
        assert_int_equal(utf8_printable(texts[i], strlen(texts[i])), 0);
    assert_false(utf8_is_printable("a\0b", 3));
    assert_int_equal(utf8_printable("\xE2\x82\xAC", 2), 0);
}

static void test_make_printable(void **state)
{
    static const struct {
        const char *text, *printable;
    } cases[] = {
        {"", ""},
        {"a\tb", "a b"},
        {"\xC3\xA9\x1b[m", "\xC3\xA9?[m"},
        {"\xE2\x82", "??"}, /* cut within a character */
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        char text[16];

        strcpy(text, cases[i].text);
        utf8_make_printable(text, strlen(text));
        assert_string_equal(text, cases[i].printable);
    }
}

static void test_escape(void **state)
{
    static const struct {
        const char *text, *escaped;
    } cases[] = {
        {"", ""},
        {"plain.elf", "plain.elf"},
        {"\xC3\xA9", "\xC3\xA9"},
        {"a\nb\x1b", "a\\x0ab\\x1b"},
        {"\xC3(", "\\xc3("},
        {"\\x41", "\\\\x41"}, /* no two names may look alike */
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *escaped = utf8_escape(cases[i].text);
        assert_string_equal(escaped, cases[i].escaped);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_make_printable),
        cmocka_unit_test(test_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
