/* Which lines count, which are refused, and that every complaint names its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/ini_text.h"
#include "heard.h"
#include "util/cleanup.h"

struct seen {
    char text[4096];
    int stop_with;
};

static bool see_section(const char *name, unsigned line, void *userdata)
{
    struct seen *seen = userdata;
    size_t used = strlen(seen->text);

    snprintf(seen->text + used, sizeof(seen->text) - used, "%u[%s] ", line, name);
    return strcmp(name, "unknown") != 0;
}

static int see_assignment(const char *section, const char *key, const char *value, unsigned line,
                          void *userdata)
{
    struct seen *seen = userdata;
    size_t used = strlen(seen->text);

    snprintf(seen->text + used, sizeof(seen->text) - used, "%u{%s|%s|%s} ", line, section, key,
             value);
    return seen->stop_with;
}

static const struct ini_events events = {see_section, see_assignment, NULL};

/* What was understood, and the complaints. */
static int parse(const char *text, size_t size, struct seen *seen, struct heard *heard)
{
    struct complaints complaints = {"test", hear, heard};

    memset(heard, 0, sizeof(*heard));
    memset(seen->text, 0, sizeof(seen->text));
    return ini_text_parse(text, size, &complaints, &events, seen);
}

static void see_lost(const char *text, size_t size, unsigned line, void *userdata)
{
    struct seen *seen = userdata;
    size_t used = strlen(seen->text);

    snprintf(seen->text + used, sizeof(seen->text) - used, "%u<%.*s> ", line, (int)size,
             text ? text : "");
}

/* Every line that is neither understood nor a comment is told of, whoever refused it. */
static void test_lost(void **state)
{
    static const struct ini_events all = {see_section, see_assignment, see_lost};
    static const char text[] = "[A]\n k: v \nk=v ;c\n#c\n\n[B\n l=w\n;c\n[unknown]\nm=x\n"
                               "[C]\nn=y\n\0o=z\n";
    struct seen seen = {0};
    struct heard heard = {0};
    struct complaints complaints = {"test", hear, &heard};
    (void)state;

    assert_int_equal(ini_text_parse(text, sizeof(text) - 1, &complaints, &all, &seen), 0);
    assert_string_equal(seen.text, "1[A] 2<k: v> 3<k=v ;c> 6<[B> 7<l=w> 9[unknown] 10<m=x> 11[C] "
                                   "12{C|n|y} 13<> ");
}

static void test_understood(void **state)
{
    static const struct {
        const char *text, *seen;
    } cases[] = {
        {"", ""},
        {"\n\n  \n", ""},
        {"[A]\nk=v\n", "1[A] 2{A|k|v} "},
        {"[A]\nk=v", "1[A] 2{A|k|v} "},
        {"[A]\r\nk=v\r\n", "1[A] 2{A|k|v} "},
        {"\xEF\xBB\xBF[A]\nk=v\n", "1[A] 2{A|k|v} "},
        {"  [A]  \n\t k \t=\t v w \n", "1[A] 2{A|k|v w} "},
        {"# c\n; c\n [A]\n ; c\n  # c\nk=v\n", "3[A] 6{A|k|v} "},
        {"[A]\nk=v\n  l=w\n", "1[A] 2{A|k|v} 3{A|l|w} "}, /* inih's multi-line values */
        {"[A]\nk=a:b=c\n", "1[A] 2{A|k|a:b=c} "},
        {"[A]\nk=\n", "1[A] 2{A|k|} "},
        {"[A]\nk=;v\n", "1[A] 2{A|k|;v} "},
        {"[A]\nk=a;b#c\n", "1[A] 2{A|k|a;b#c} "},
        {"[A]\nk=\"q\" 'r'\n", "1[A] 2{A|k|\"q\" 'r'} "},
        {"[A]\nk=\xC3\xA9\n", "1[A] 2{A|k|\xC3\xA9} "},
        {"[A]\nk=1\n[B]\nk=2\n[A]\nk=3\n", "1[A] 2{A|k|1} 3[B] 4{B|k|2} 5[A] 6{A|k|3} "},
        {"k=v\n", "1{|k|v} "},
        {"[unknown]\nk=v\njunk\n[A]\nl=w\n", "1[unknown] 4[A] 5{A|l|w} "},
        {"[RAM D2 SRAM]\n", "1[RAM D2 SRAM] "},
    };
    struct seen seen = {0};
    struct heard heard;
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        assert_int_equal(parse(cases[i].text, strlen(cases[i].text), &seen, &heard), 0);
        assert_string_equal(seen.text, cases[i].seen);
        assert_string_equal(heard.text, "");
    }
}

/* Each text's second line is refused; the third must be read as if it had not been there. */
static void test_refused_lines(void **state)
{
    static const char *const lines[] = {
        "junk",      "k: v",
        "k:v=w",     "=v",
        "k=v ; c",   "k=v\t# c",
        "k=v\\",     "k k=v",
        "k.k=v",     "k=\x01",
        "k=\xFF",    "k=a\rb",
        "k ;c=v",    "\xC3\xA9=v",
        "k=\x1b[2J", "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk=v",
    };
    struct seen seen = {0};
    struct heard heard;
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
        char text[256];
        int n = snprintf(text, sizeof(text), "[A]\n%s\nl=w\n", lines[i]);
        assert_int_equal(parse(text, (size_t)n, &seen, &heard), 0);
        assert_string_equal(seen.text, "1[A] 3{A|l|w} ");
        assert_int_equal(strncmp(heard.text, "2: ", 3), 0);
        assert_int_equal(count_lines(heard.text), 1);
    }
}

/* Keys below a header that was refused belong to no section, least of all to the one before. */
static void test_refused_headers(void **state)
{
    static const char *const headers[] = {
        "[B",      "[B] junk", "[B]]",
        "[B] # c", "[B\x01]",  "[BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB]",
    };
    struct seen seen = {0};
    struct heard heard;
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(headers); i++) {
        char text[256];
        int n = snprintf(text, sizeof(text), "[A]\n%s\nl=w\n[C]\nm=x\n", headers[i]);
        assert_int_equal(parse(text, (size_t)n, &seen, &heard), 0);
        assert_string_equal(seen.text, "1[A] 4[C] 5{C|m|x} ");
        assert_int_equal(strncmp(heard.text, "2: ", 3), 0);
        assert_int_equal(count_lines(heard.text), 1);
    }
}

/* A line of size bytes in all between a header and an assignment. */
static size_t text_with_long_line(char *to, char first, size_t size)
{
    size_t used = (size_t)sprintf(to, "[A]\n");

    memset(to + used, 'x', size);
    to[used] = first;
    to[used + 1] = '=';
    used += size;
    return used + (size_t)sprintf(to + used, "\nl=w\n");
}

static void test_long_lines(void **state)
{
    static const size_t too_long[] = {200, 201, 398, 399, 400, 2000};
    char text[4096], value[256] = {0}, expected[512];
    struct seen seen = {0};
    struct heard heard;
    (void)state;

    size_t size = text_with_long_line(text, 'k', 199);
    assert_int_equal(parse(text, size, &seen, &heard), 0);
    memset(value, 'x', 197);
    snprintf(expected, sizeof(expected), "1[A] 2{A|k|%s} 3{A|l|w} ", value);
    assert_string_equal(seen.text, expected);
    assert_string_equal(heard.text, "");

    for (size_t i = 0; i < ELEMENTSOF(too_long); i++) {
        size = text_with_long_line(text, 'k', too_long[i]);
        assert_int_equal(parse(text, size, &seen, &heard), 0);
        assert_string_equal(seen.text, "1[A] 3{A|l|w} ");
        assert_string_equal(heard.text, "2: this line is too long\n");
        size = text_with_long_line(text, '#', too_long[i]);
        assert_int_equal(parse(text, size, &seen, &heard), 0);
        assert_string_equal(heard.text, "");
    }
}

static void test_nul_ends_it(void **state)
{
    static const char text[] = "[A]\nk=v\nl=\0w\nm=x\n";
    struct seen seen = {0};
    struct heard heard;
    (void)state;

    assert_int_equal(parse(text, sizeof(text) - 1, &seen, &heard), 0);
    assert_string_equal(seen.text, "1[A] 2{A|k|v} ");
    assert_int_equal(strncmp(heard.text, "3: there is a NUL byte", 22), 0);
}

static void test_size_counts(void **state)
{
    struct seen seen = {0};
    struct heard heard;
    (void)state;

    assert_int_equal(parse("[A]\nk=vw", 7, &seen, &heard), 0);
    assert_string_equal(seen.text, "1[A] 2{A|k|v} ");
}

static void test_event_stops(void **state)
{
    struct seen seen = {.stop_with = -ENOMEM};
    struct heard heard;
    (void)state;

    assert_int_equal(parse("[A]\nk=v\nl=w\n[B]\n", 16, &seen, &heard), -ENOMEM);
    assert_string_equal(seen.text, "1[A] 2{A|k|v} ");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost),          cmocka_unit_test(test_understood),
        cmocka_unit_test(test_refused_lines), cmocka_unit_test(test_refused_headers),
        cmocka_unit_test(test_long_lines),    cmocka_unit_test(test_nul_ends_it),
        cmocka_unit_test(test_size_counts),   cmocka_unit_test(test_event_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
