/* Output in pieces, put together to lines: wherever it is cut, whatever it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openocd/lines.h"
#include "util/cleanup.h"

/* The lines that were delivered, each in brackets. */
struct heard {
    char text[16384];
    size_t used, count, longest;
};

static void hear(const char *line, void *userdata)
{
    struct heard *heard = userdata;
    size_t length = strlen(line);

    assert_true(length > 0 && length < LINES_MAX);
    heard->count++;
    heard->longest = length > heard->longest ? length : heard->longest;
    if (heard->used + length + 3 < sizeof(heard->text))
        heard->used += (size_t)sprintf(heard->text + heard->used, "[%s]", line);
}

/* Feeds size bytes cut at the given places (in order; 0 ends the list). */
static void check_cut(const char *bytes, size_t size, size_t first, size_t second,
                      const char *expected)
{
    struct lines lines = {0};
    struct heard heard = {0};

    lines_feed(&lines, bytes, first, hear, &heard);
    lines_feed(&lines, bytes + first, second - first, hear, &heard);
    lines_feed(&lines, bytes + second, size - second, hear, &heard);
    lines_finish(&lines, hear, &heard);
    assert_string_equal(heard.text, expected);
}

static void check(const char *bytes, size_t size, const char *expected)
{
    for (size_t first = 0; first <= size; first++)
        for (size_t second = first; second <= size; second++)
            check_cut(bytes, size, first, second, expected);
}

#define CHECK(bytes, expected) check(bytes, sizeof(bytes) - 1, expected)

static void test_lines(void **state)
{
    (void)state;
    CHECK("", "");
    CHECK("\n", "");
    CHECK("a", "[a]");
    CHECK("a\n", "[a]");
    CHECK("a\n\n\nb\n", "[a][b]");
    CHECK("Info : one\nError: two\r\nm4flash: stage done",
          "[Info : one][Error: two][m4flash: stage done]");
}

static void test_carriage_returns(void **state)
{
    (void)state;
    CHECK("a\r\nb\r\n", "[a][b]");
    CHECK("\r\n", "");
    CHECK("a\r", "[a]");
    CHECK("a\rb\n", "[a?b]");
    CHECK("a\r\r\n", "[a?]");
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    CHECK("a\0b\n", "[a?b]");
    CHECK("\0\n", "[?]");
    CHECK("\x1b[31mred\x07\n", "[?[31mred?]");
    CHECK("a\tb\x7f\n", "[a b?]");
    CHECK("gr\xc3\xb6\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\n",
          "[gr\xc3\xb6\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80]");
    CHECK("\xff\xfe\xc3\n", "[???]");
    CHECK("\xc0\x80\xed\xa0\x80\n", "[?????]");
    CHECK("\xe2\x82", "[??]");
    CHECK("\xe2\x80\xae\xc2\x85x\n", "[?????x]");
}

/* A line of so many bytes is delivered up to the limit, and the next line is whole. */
static void check_long(size_t length, size_t piece)
{
    _cleanup_free_ char *bytes = malloc(length + sizeof("\nnext\n"));
    struct lines lines = {0};
    struct heard heard = {0};

    assert_non_null(bytes);
    memset(bytes, 'x', length);
    strcpy(bytes + length, "\nnext\n");
    for (size_t done = 0; done < length + 6; done += piece)
        lines_feed(&lines, bytes + done, piece < length + 6 - done ? piece : length + 6 - done,
                   hear, &heard);
    lines_finish(&lines, hear, &heard);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.longest, length < LINES_MAX ? length : LINES_MAX - 1);
    assert_string_equal(heard.text + heard.used - 6, "[next]");
}

static void test_overlong_lines(void **state)
{
    static const size_t lengths[] = {LINES_MAX - 2, LINES_MAX - 1, LINES_MAX, LINES_MAX + 1, 3000};
    static const size_t pieces[] = {1, 7, LINES_MAX - 1, LINES_MAX, 1 << 20};

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(lengths); i++)
        for (size_t k = 0; k < ELEMENTSOF(pieces); k++)
            check_long(lengths[i], pieces[k]);
}

static void test_endless_line(void **state)
{
    static const char block[65536] = {0};
    struct lines lines = {0};
    struct heard heard = {0};

    (void)state;
    for (size_t i = 0; i < 160; i++)
        lines_feed(&lines, block, sizeof(block), hear, &heard);
    assert_int_equal(heard.count, 0);
    lines_finish(&lines, hear, &heard);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.longest, LINES_MAX - 1);
}

/* The limit falls into a character: what is left of it must not look like one. */
static void test_overlong_line_ends_in_a_character(void **state)
{
    char bytes[LINES_MAX + 8];
    struct lines lines = {0};
    struct heard heard = {0};

    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < 3; i++)
        bytes[LINES_MAX - 3 + i] = "\xe2\x82\xac"[i];
    bytes[sizeof(bytes) - 1] = '\n';
    lines_feed(&lines, bytes, sizeof(bytes), hear, &heard);
    assert_string_equal(heard.text + heard.used - 5, "xx??]");
}

/* A CR at the limit is not the line's end. */
static void test_overlong_line_is_cut_at_a_return(void **state)
{
    char bytes[LINES_MAX + 8];
    struct lines lines = {0};
    struct heard heard = {0};

    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    bytes[LINES_MAX - 2] = '\r';
    bytes[sizeof(bytes) - 1] = '\n';
    lines_feed(&lines, bytes, sizeof(bytes), hear, &heard);
    assert_int_equal(heard.longest, LINES_MAX - 1);
}

static void test_finish_starts_anew(void **state)
{
    struct lines lines = {0};
    struct heard heard = {0};

    (void)state;
    lines_feed(&lines, "one", 3, hear, &heard);
    lines_finish(&lines, hear, &heard);
    lines_finish(&lines, hear, &heard);
    lines_feed(&lines, "two\n", 4, hear, &heard);
    assert_string_equal(heard.text, "[one][two]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_carriage_returns),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_overlong_lines),
        cmocka_unit_test(test_endless_line),
        cmocka_unit_test(test_overlong_line_ends_in_a_character),
        cmocka_unit_test(test_overlong_line_is_cut_at_a_return),
        cmocka_unit_test(test_finish_starts_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
