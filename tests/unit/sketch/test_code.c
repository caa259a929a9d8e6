/* Names, texts and digests. */
#include <string.h>

#include "fixture.h"
#include "sketch/rules.h"

/* The names are an interface: history, journal and scripts match on them. */
static void test_names(void **state)
{
    static const char *const names[] = {
        "accepted",      "not-regular",   "unreadable",    "empty",      "too-large",
        "owner",         "not-elf",       "elf-class",     "elf-endian", "truncated",
        "elf-machine",   "elf-type",      "elf-corrupt",   "no-code",    "protected-flash",
        "ram-load",      "outside-flash", "image-too-big", "overlap",    "no-vector-table",
        "stack-pointer", "reset-vector",  "entry-point",   "wrong-core", "ram-overflow",
        "signature",
    };

    (void)state;
    assert_int_equal(ELEMENTSOF(names), _SKETCH_CODE_MAX);
    for (int i = 0; i < _SKETCH_CODE_MAX; i++)
        assert_string_equal(sketch_code_name((enum sketch_code)i), names[i]);
}

static void test_outside_the_enum(void **state)
{
    static const int outside[] = {-1, _SKETCH_CODE_MAX, _SKETCH_CODE_MAX + 1, 0x7fffffff};

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(outside); i++) {
        assert_null(sketch_code_name((enum sketch_code)outside[i]));
        assert_null(sketch_code_sentence((enum sketch_code)outside[i]));
        assert_null(sketch_code_hint((enum sketch_code)outside[i]));
    }
}

/* One sentence each, in plain ASCII, that fits a report. */
static void assert_text(const char *text, size_t max)
{
    size_t length = strlen(text);

    assert_in_range(length, 10, max - 1);
    assert_int_equal(text[length - 1], '.');
    for (size_t i = 0; i < length; i++)
        assert_in_range((unsigned char)text[i], 0x20, 0x7e);
}

static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(sketch_code_sentence(SKETCH_ACCEPTED), "");
    assert_string_equal(sketch_code_hint(SKETCH_ACCEPTED), "");
    for (int i = SKETCH_ACCEPTED + 1; i < _SKETCH_CODE_MAX; i++) {
        assert_text(sketch_code_sentence((enum sketch_code)i), SKETCH_SENTENCE_MAX);
        assert_text(sketch_code_hint((enum sketch_code)i), SKETCH_HINT_MAX);
    }
}

/* A board profile's names may hold anything; a report's line may not. */
static void test_report_texts(void **state)
{
    struct sketch_report report;
    char long_text[SKETCH_SENTENCE_MAX + 1];

    (void)state;
    memset(&report, 0, sizeof(report));
    assert_true(report_say(&report, "%d%s", 7, " caf\xc3\xa9\n\t\177~"));
    assert_string_equal(report.sentence, "7 caf?????~");
    report_advise(&report, "%s", "\033[1m");
    assert_string_equal(report.hint, "?[1m");

    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    report_say(&report, "%s", long_text);
    report_advise(&report, "%s", long_text);
    assert_int_equal(strlen(report.sentence), SKETCH_SENTENCE_MAX - 1);
    assert_int_equal(strlen(report.hint), SKETCH_HINT_MAX - 1);
}

/* FIPS 180-2, appendix B, and the empty message. */
static void test_digest(void **state)
{
    char hex[SKETCH_DIGEST_HEX];

    (void)state;
    sketch_digest("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sketch_digest("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),  cmocka_unit_test(test_outside_the_enum),
        cmocka_unit_test(test_texts),  cmocka_unit_test(test_report_texts),
        cmocka_unit_test(test_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
