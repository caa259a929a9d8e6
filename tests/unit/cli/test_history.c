/* What `m4flash history` prints, to people and to programs, whatever is in the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "tests/unit/cli/run.h"

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* One as the daemon writes it (src/job/outcome.c); extra is more fields, from a comma on. */
#define ENTRY_WITH(id, result, code, message, sha256, bytes, duration, extra)        \
    "{\"id\": " id ", \"time\": \"2026-11-21T03:24:11.123Z\", \"result\": \"" result \
    "\", \"code\": \"" code "\", \"message\": \"" message                            \
    "\", \"hint\": \"\", \"sha256\": \"" sha256 "\", \"bytes\": " bytes              \
    ", \"duration_ms\": " duration extra "}\n"
#define ENTRY(id, result, code, message, sha256, bytes, duration) \
    ENTRY_WITH(id, result, code, message, sha256, bytes, duration, ", \"file\": \"\"")

#define PROGRAMMED ENTRY("7", "programmed", "ok", "Verified and running.", SHA256, "204884", "7345")
#define REJECTED                                                                               \
    ENTRY("8", "rejected", "no-vector-table",                                                  \
          "There is no vector table at the start of the flash window, where the M7 looks for " \
          "it before it starts the M4.",                                                       \
          SHA256, "8123456", "99")
#define SUPERSEDED ENTRY("9", "superseded", "superseded", "A newer one came.", "", "0", "123456")

#define HISTORY(f, ...) RUN(f, "history", "--state-dir=.", __VA_ARGS__)

static void write_history(const char *text)
{
    write_file("history.jsonl", text, strlen(text));
}

static int set_up(void **state)
{
    setenv("TZ", "TEST-2", 1); /* two hours east */
    return fixture_set_up(state);
}

static void test_table(void **state)
{
    struct fixture *f = *state;

    write_history(PROGRAMMED REJECTED SUPERSEDED);
    assert_int_equal(HISTORY(f, NULL), 0);
    assert_string_equal(
        f->out,
        "ID TIME                RESULT     CODE            SIZE TOOK SHA256       MESSAGE\n"
        " 7 2026-11-21 05:24:11 programmed ok              200K 7.3s 0123456789ab "
        "Verified and running.\n"
        " 8 2026-11-21 05:24:11 rejected   no-vector-table 7.7M 0.0s 0123456789ab "
        "There is no vector table at the start of the flash window, where the M7 looks for it "
        "before it starts the M4.\n"
        " 9 2026-11-21 05:24:11 superseded superseded        0B 123s -            "
        "A newer one came.\n");
    assert_string_equal(f->err, "");
}

/* Standard output is a terminal of so many columns; what it shows is in f->out. */
static void show_on_terminal(struct fixture *f, unsigned short columns)
{
    const struct winsize size = {.ws_row = 24, .ws_col = columns};
    _cleanup_fd_ int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios modes;

    assert_true(terminal >= 0);
    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    f->out_to = ptsname(terminal);
    assert_non_null(f->out_to);
    _cleanup_fd_ int line = open(f->out_to, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_int_equal(tcgetattr(line, &modes), 0);
    modes.c_oflag &= ~(tcflag_t)OPOST;
    assert_int_equal(tcsetattr(line, TCSANOW, &modes), 0);
    assert_int_equal(ioctl(line, TIOCSWINSZ, &size), 0);
    assert_int_equal(HISTORY(f, NULL), 0);
    ssize_t n = read(terminal, f->out, sizeof(f->out) - 1);
    assert_true(n > 0);
    f->out[n] = '\0';
}

static void test_terminal(void **state)
{
    struct fixture *f = *state;
    static const char expected[] =
        "ID TIME                RESULT     CODE            SIZE TOOK SHA256\n"
        " 7 2026-11-21 05:24:11 programmed ok              200K 7.3s 0123456789ab\n"
        "    Verified and running.\n"
        " 8 2026-11-21 05:24:11 rejected   no-vector-table 7.7M 0.0s 0123456789ab\n"
        "    There is no vector table at the start of the flash window, where the M7\n"
        "    looks for it before it starts the M4.\n"
        " 9 2026-11-21 05:24:11 superseded superseded        0B 123s -\n"
        "    A newer one came.\n";

    write_history(PROGRAMMED REJECTED SUPERSEDED);
    show_on_terminal(f, 80);
    assert_string_equal(f->out, expected);
    show_on_terminal(f, 0); /* it does not know: 80 */
    assert_string_equal(f->out, expected);
}

/* No line is longer than the terminal is wide, and no character is cut in two. */
static void test_narrow_terminal(void **state)
{
    struct fixture *f = *state;

    write_history(PROGRAMMED ENTRY("8", "rejected", "empty",
                                   "Nothing in 01234 0123456789abcdefghi "
                                   "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
                                   "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
                                   "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9",
                                   SHA256, "0", "0"));
    show_on_terminal(f, 20);
    assert_string_equal(f->out, "ID TIME\n"
                                " 7 2026-11-21 05:24:\n"
                                "    Verified and\n"
                                "    running.\n"
                                " 8 2026-11-21 05:24:\n"
                                "    Nothing in 01234\n"
                                "    0123456789abcdef\n"
                                "    ghi\n"
                                "    \u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
                                "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\n"
                                "    \u00e9\u00e9\n");
    show_on_terminal(f, 1);
    assert_contains(f->out, "\n    0123456789abcdef\n");
}

static void test_sizes_and_times(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *line, *shown;
    } cases[] = {
        {ENTRY("1", "aborted", "deleted", "x", "", "1023", "999"), " 1023B 0.9s "},
        {ENTRY("1", "aborted", "deleted", "x", "", "1024", "1000"), " 1.0K 1.0s "},
        {ENTRY("1", "aborted", "deleted", "x", "", "10188", "99999"), " 9.9K 99.9s "},
        {ENTRY("1", "aborted", "deleted", "x", "", "10199", "0"), " 10K 0.0s "},
        {ENTRY("1", "aborted", "deleted", "x", "", "10240", "100000"), " 10K 100s "},
        {ENTRY("1", "aborted", "deleted", "x", "", "67108864", "0"), " 64M 0.0s "},
        {ENTRY("9223372036854775807", "aborted", "deleted", "x", "", "9223372036854775807",
               "9223372036854775807"),
         " 8.0E 9223372036854775s "},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        write_history(cases[i].line);
        assert_int_equal(HISTORY(f, NULL), 0);
        assert_contains(f->out, cases[i].shown);
    }
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void test_how_many(void **state)
{
    struct fixture *f = *state;
    char text[4096] = "";

    for (int i = 10; i < 22; i++) {
        char line[256];
        snprintf(line, sizeof(line), ENTRY("%d", "aborted", "deleted", "", "", "0", "0"), i);
        strcat(text, line);
    }
    write_history(text);
    assert_int_equal(HISTORY(f, NULL), 0);
    assert_int_equal(count_lines(f->out), 11);
    assert_contains(f->out, "\n12 ");
    assert_int_equal(HISTORY(f, "-n", "1"), 0);
    assert_int_equal(count_lines(f->out), 2);
    assert_contains(f->out, "\n21 ");
    assert_int_equal(HISTORY(f, "--lines=13"), 0);
    assert_int_equal(count_lines(f->out), 13);
    assert_int_equal(HISTORY(f, "-n", "all"), 0);
    assert_int_equal(count_lines(f->out), 13);
    assert_int_equal(HISTORY(f, "-n0", "--json"), 0);
    assert_string_equal(f->out, "");
    assert_int_equal(HISTORY(f, "-n2", "--json"), 0);
    assert_int_equal(count_lines(f->out), 2);
    assert_contains(f->out, "{\"id\": 20, ");
}

static void test_json(void **state)
{
    struct fixture *f = *state;
    static const char newer[] =
        ENTRY_WITH("10", "recovered", "ok", "It runs.", SHA256, "1", "2", ", \"restored\": true");

    write_history(PROGRAMMED);
    assert_int_equal(HISTORY(f, "--json"), 0);
    assert_string_equal(f->out, PROGRAMMED);
    struct json_object *object = json_line(f->out, 0);
    assert_int_equal(json_object_object_length(object), 10);
    json_object_put(object);
    write_history(newer); /* a version with more results and fields than this one */
    assert_int_equal(HISTORY(f, "--json"), 0);
    assert_string_equal(f->out, newer);
    assert_string_equal(f->err, "");
}

static void test_none_yet(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(HISTORY(f, NULL), 0);
    assert_string_equal(f->out, "There are no uploads yet in ..\n");
    assert_int_equal(RUN(f, "history", "--state-dir", "missing"), 0);
    assert_string_equal(f->out, "There are no uploads yet in missing.\n");
    write_history("");
    assert_int_equal(HISTORY(f, NULL), 0);
    assert_string_equal(f->out, "There are no uploads yet in ..\n");
    assert_string_equal(f->err, "");
    assert_int_equal(HISTORY(f, "--json"), 0);
    assert_string_equal(f->out, "");
    assert_string_equal(f->err, "There are no uploads yet in ..\n");
}

/* Each is told with its line's number, and what is around it is shown. */
static void test_garbage(void **state)
{
    struct fixture *f = *state;
    static const char *const garbage[] = {
        "\n",
        "garbage\n",
        "{}\n",
        "[1]\n",
        "null\n",
        "{\"id\": 7, \"time\": \"2026-11-\n",
        ENTRY("0x1", "aborted", "deleted", "", "", "0", "0"),
        ENTRY("-1", "aborted", "deleted", "", "", "0", "0"),
        ENTRY("\"1\"", "aborted", "deleted", "", "", "0", "0"),
        ENTRY("1", "Aborted", "deleted", "", "", "0", "0"),
        ENTRY("1", "aborted", "\\u001b[2J", "", "", "0", "0"),
        ENTRY("1", "aborted", "deleted", "", "xyz", "0", "0"),
        ENTRY("1", "aborted", "deleted", "", "", "1.5", "0"),
        ENTRY("1", "aborted", "deleted", "", "", "0", "-1"),
        ENTRY("1", "aborted", "deleted", "\x1b[2J", "", "0", "0"),
        ENTRY("1", "aborted", "deleted", "\xff", "", "0", "0"),
        ENTRY_WITH("1", "aborted", "deleted", "", "", "0", "0", ", \"time\": \"yesterday\""),
        ENTRY_WITH("1", "aborted", "deleted", "", "", "0", "0", ", \"time\": 5"),
        ENTRY_WITH("1", "aborted", "deleted", "", "", "0", "0",
                   ", \"time\": \"2026-11-21T03:24:11+02:00\""),
        ENTRY_WITH("1", "aborted", "deleted", "", "", "0", "0", ", \"message\": null"),
        ENTRY_WITH("1", "aborted", "deleted", "", "", "0", "0", ", \"message\": 5"),
        ENTRY_WITH("1", "aborted", "deleted", "", "", "0", "0", ","),
        ENTRY_WITH("1", "aborted", "deleted", "", "", "0", "0", "} {"),
    };

    for (size_t i = 0; i < ELEMENTSOF(garbage); i++) {
        char text[4096];
        snprintf(text, sizeof(text), "%s%s%s", PROGRAMMED, garbage[i], SUPERSEDED);
        write_history(text);
        assert_int_equal(HISTORY(f, "--json"), 0);
        assert_string_equal(f->out, PROGRAMMED SUPERSEDED);
        assert_string_equal(f->err,
                            "m4flash: ./history.jsonl:2: this line is no entry; it is skipped\n");
    }
}

static void test_zero_bytes_and_no_end(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "a\0b\n" PROGRAMMED;

    write_file("history.jsonl", text, sizeof(text) - 2); /* without its last newline */
    assert_int_equal(HISTORY(f, "--json"), 0);
    assert_string_equal(f->out, PROGRAMMED);
    assert_contains(f->err, "history.jsonl:1: ");
}

static void test_hostile_message(void **state)
{
    struct fixture *f = *state;

    write_history(ENTRY("1", "rejected", "empty", "a\\u001b[2J\\nb\\u009bc", "", "0", "0"));
    assert_int_equal(HISTORY(f, NULL), 0);
    assert_contains(f->out, " a\\x1b[2J\\x0ab\\xc2\\x9bc\n");
    assert_int_equal(RUN(f, "history", "--state-dir=\x1b[2J"), 0);
    assert_string_equal(f->out, "There are no uploads yet in \\x1b[2J.\n");
}

static void test_unreadable(void **state)
{
    struct fixture *f = *state;

    write_history(PROGRAMMED);
    assert_int_equal(chmod("history.jsonl", 0), 0);
    f->obeys_modes = true;
    assert_int_equal(HISTORY(f, NULL), 2);
    assert_string_equal(f->err, "m4flash: the history in . cannot be read: Permission denied\n");
    assert_string_equal(f->out, "");
    assert_int_equal(RUN(f, "history", "--state-dir=history.jsonl"), 2);
    assert_contains(f->err, "Not a directory");
    assert_int_equal(unlink("history.jsonl"), 0);
    assert_int_equal(mkdir("history.jsonl", 0755), 0);
    assert_int_equal(HISTORY(f, NULL), 2);
    assert_contains(f->err, "Is a directory");
}

static void test_full_disk(void **state)
{
    struct fixture *f = *state;

    write_history(PROGRAMMED);
    f->out_to = "/dev/full";
    assert_int_equal(HISTORY(f, NULL), 2);
    assert_contains(f->err, "No space left");
}

static void test_usage(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(HISTORY(f, "-n", "few"), 2);
    assert_contains(f->err, "-n needs a number, or \"all\"\nTry 'm4flash history --help'.\n");
    assert_int_equal(HISTORY(f, "-n", "-1"), 2);
    assert_int_equal(HISTORY(f, "-n"), 2);
    assert_int_equal(HISTORY(f, "7"), 2);
    assert_contains(f->err, "argument too many");
    assert_int_equal(HISTORY(f, "--nonsense"), 2);
    assert_string_equal(f->out, "");
    assert_int_equal(RUN(f, "history", "--help"), 0);
    assert_contains(f->out, "Usage: m4flash history [--json] [-n N] [--state-dir DIR]\n");
    assert_contains(f->out, "the newest last");
    assert_contains(f->out, "/var/lib/m4flash");
    assert_contains(f->out, "Exit status: 0 success");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_table),           TEST(test_terminal),   TEST(test_narrow_terminal),
        TEST(test_sizes_and_times), TEST(test_how_many),   TEST(test_json),
        TEST(test_none_yet),        TEST(test_garbage),    TEST(test_zero_bytes_and_no_end),
        TEST(test_hostile_message), TEST(test_unreadable), TEST(test_full_disk),
        TEST(test_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
