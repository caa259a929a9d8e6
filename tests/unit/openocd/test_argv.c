/* The command line, word for word; that Tcl reads the words back as they were is shown with the
 * real OpenOCD in tests/standin/test_tcl.py, and for each byte below by Tcl's rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openocd/argv.h"
#include "util/cleanup.h"

static const char ports[] = "gdb_port disabled; tcl_port disabled; telnet_port disabled";

static struct openocd_request request(void)
{
    return (struct openocd_request){
        .action = OPENOCD_PROGRAM,
        .program = "/usr/bin/openocd",
        .script = "/usr/share/m4flash/m4flash.tcl",
        .config = "/usr/arduino/extra/openocd_script-imx_gpio.cfg",
        .image_dir = "/run/m4flash/job-1",
        .flash_start = 0x08100000,
        .sector_size = 128 << 10,
        .n_sectors = 3,
    };
}

static void check_argv(const struct openocd_request *request, const char *script, const char *call)
{
    const char *const expected[] = {request->program, "-c", ports, "-c", script, "-c", call};
    char **argv = NULL;

    assert_int_equal(openocd_argv(request, &argv), 0);
    for (size_t i = 0; i < ELEMENTSOF(expected); i++)
        assert_string_equal(argv[i], expected[i]);
    assert_null(argv[ELEMENTSOF(expected)]);
    argv = openocd_argv_free(argv);
    assert_null(argv);
}

static void test_program(void **state)
{
    struct openocd_request r = request();

    (void)state;
    check_argv(&r, "script /usr/share/m4flash/m4flash.tcl",
               "m4flash_program /usr/arduino/extra/openocd_script-imx_gpio.cfg /run/m4flash/job-1 "
               "0x08100000 0x20000 3");
}

static void test_release(void **state)
{
    struct openocd_request r = request();

    (void)state;
    r.action = OPENOCD_RELEASE;
    check_argv(&r, "script /usr/share/m4flash/m4flash.tcl",
               "m4flash_release /usr/arduino/extra/openocd_script-imx_gpio.cfg");
}

static void test_every_word_is_quoted(void **state)
{
    struct openocd_request r = request();

    (void)state;
    r.program = "/opt/my openocd";
    r.script = "/a b.tcl";
    r.config = "";
    r.image_dir = "/run/[exit]";
    check_argv(&r, "script /a\\ b.tcl", "m4flash_program {} /run/\\[exit\\] 0x08100000 0x20000 3");
    r.action = OPENOCD_RELEASE;
    check_argv(&r, "script /a\\ b.tcl", "m4flash_release {}");
}

static void test_largest_numbers(void **state)
{
    struct openocd_request r = request();

    (void)state;
    r.flash_start = r.sector_size = r.n_sectors = UINT32_MAX;
    r.config = r.image_dir = "x";
    check_argv(&r, "script /usr/share/m4flash/m4flash.tcl",
               "m4flash_program x x 0xffffffff 0xffffffff 4294967295");
}

static void test_free_takes_null(void **state)
{
    (void)state;
    assert_null(openocd_argv_free(NULL));
}

/* ---- Quoting --------------------------------------------------------------------------------- */

/* What Tcl makes of a bare word that holds no command, variable or quoted part; NULL if it holds
 * one. Backslash and a byte are that byte, but for the letters and digits of escape sequences and
 * for a newline. */
static char *read_word(const char *word)
{
    char *text = calloc(strlen(word) + 1, 1), *to = text;

    assert_non_null(text);
    if (strcmp(word, "{}") == 0)
        return text;
    for (const char *p = word; *p; p++) {
        if (*p != '\\') {
            assert_null(strchr(" \t\n\v\f\r;$[]{}\"#", *p));
            *to++ = *p;
            continue;
        }
        p++;
        assert_true(*p == 'n' || (*p && !isalnum((unsigned char)*p) && *p != '\n'));
        *to++ = *p == 'n' ? '\n' : *p;
    }
    return text;
}

static void check_quote(const char *text)
{
    _cleanup_free_ char *word = openocd_tcl_quote(text), *read = NULL;

    assert_non_null(word);
    read = read_word(word);
    assert_string_equal(read, text);
}

static void test_quote_each_byte(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char alone[] = {(char)byte, '\0'},
                   within[] = {'a', (char)byte, '1', (char)byte, '\0'};
        check_quote(alone);
        check_quote(within);
    }
}

static void test_quote_leaves_readable(void **state)
{
    static const char plain[] = "/usr/share/m4flash-1.0_x/m4flash.tcl";
    _cleanup_free_ char *word = openocd_tcl_quote(plain);

    (void)state;
    assert_string_equal(word, plain);
}

static void test_quote_known(void **state)
{
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"", "{}"},        {"a b", "a\\ b"},
        {"{", "\\{"},      {"\\", "\\\\"},
        {"$a", "\\$a"},    {"[exit]", "\\[exit\\]"},
        {"a\nb", "a\\nb"}, {"a\\\nb", "a\\\\\\nb"},
        {"\"", "\\\""},    {"a;b", "a\\;b"},
        {"#", "\\#"},      {"gr\xc3\xb6\xc3\x9f", "gr\xc3\xb6\xc3\x9f"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *word = openocd_tcl_quote(cases[i].text);
        assert_string_equal(word, cases[i].word);
        check_quote(cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_every_word_is_quoted),
        cmocka_unit_test(test_largest_numbers),
        cmocka_unit_test(test_free_takes_null),
        cmocka_unit_test(test_quote_each_byte),
        cmocka_unit_test(test_quote_leaves_readable),
        cmocka_unit_test(test_quote_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
