/* The build attributes parser, on its own: what it keeps, what it skips, what it calls malformed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "sketch/attributes.h"

/* Parses a copy of exactly this size, so that a sanitizer sees every byte too many. */
static int parse(const void *bytes, size_t size, struct attributes *ret)
{
    _cleanup_free_ uint8_t *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return attributes_parse(copy, size, ret);
}

/* Parses pairs as the file scope of vendor aeabi. */
static int parse_pairs(const void *pairs, size_t size, struct attributes *ret)
{
    uint8_t bytes[256];

    return parse(bytes, attributes_wrap(pairs, size, bytes), ret);
}

#define assert_malformed(...)                                                    \
    do {                                                                         \
        const uint8_t _bytes[] = {__VA_ARGS__};                                  \
        struct attributes _attributes = {.cpu_arch = 99};                        \
        assert_int_equal(parse(_bytes, sizeof(_bytes), &_attributes), -EBADMSG); \
        assert_int_equal(_attributes.cpu_arch, 99);                              \
    } while (0)

#define assert_parsed(expected_arch, ...)                                 \
    do {                                                                  \
        const uint8_t _bytes[] = {__VA_ARGS__};                           \
        struct attributes _attributes = {.cpu_arch = 99};                 \
        assert_int_equal(parse(_bytes, sizeof(_bytes), &_attributes), 0); \
        assert_int_equal(_attributes.cpu_arch, expected_arch);            \
    } while (0)

#define assert_pairs(expected, expected_arch, ...)                                     \
    do {                                                                               \
        const uint8_t _pairs[] = {__VA_ARGS__};                                        \
        struct attributes _attributes = {.cpu_arch = 99};                              \
        assert_int_equal(parse_pairs(_pairs, sizeof(_pairs), &_attributes), expected); \
        assert_int_equal(_attributes.cpu_arch, expected_arch);                         \
    } while (0)

#define AEABI 'a', 'e', 'a', 'b', 'i', 0

static void test_values(void **state)
{
    static const uint8_t pairs[] = {6, 13, 7, 'M', 10, 6, 27, 1, 8, 1};
    struct attributes attributes;

    (void)state;
    assert_int_equal(parse_pairs(pairs, sizeof(pairs), &attributes), 0);
    assert_int_equal(attributes.cpu_arch, 13);
    assert_int_equal(attributes.cpu_arch_profile, 'M');
    assert_int_equal(attributes.fp_arch, 6);
    assert_int_equal(attributes.hardfp_use, 1);
}

static void test_nothing_to_read(void **state)
{
    (void)state;
    struct attributes attributes = {.cpu_arch = 99};
    assert_int_equal(parse("", 0, &attributes), 0);
    assert_int_equal(attributes.cpu_arch, 0);
    assert_parsed(0, 'A');
    assert_parsed(0, 'B', 1, 2, 3);                           /* another format */
    assert_parsed(0, 'A', 10, 0, 0, 0, AEABI);                /* no scopes */
    assert_parsed(0, 'A', 15, 0, 0, 0, AEABI, 1, 5, 0, 0, 0); /* no attributes */
}

static void test_last_one_counts(void **state)
{
    (void)state;
    assert_pairs(0, 12, 6, 13, 6, 12);
    /* Two scopes, two vendors' records. */
    assert_parsed(2, 'A', 24, 0, 0, 0, AEABI, 1, 7, 0, 0, 0, 6, 1, 1, 7, 0, 0, 0, 6, 2);
    assert_parsed(3, 'A', 17, 0, 0, 0, AEABI, 1, 7, 0, 0, 0, 6, 1, 17, 0, 0, 0, AEABI, 1, 7, 0, 0,
                  0, 6, 3);
}

static void test_skipped(void **state)
{
    (void)state;
    /* Other vendors, whatever they hold. */
    assert_parsed(0, 'A', 11, 0, 0, 0, 'g', 'n', 'u', 0, 1, 99, 99);
    assert_parsed(1, 'A', 6, 0, 0, 0, 'g', 0, 17, 0, 0, 0, AEABI, 1, 7, 0, 0, 0, 6, 1);
    /* Scopes of sections and symbols, and unknown ones. */
    assert_parsed(0, 'A', 17, 0, 0, 0, AEABI, 2, 7, 0, 0, 0, 6, 1);
    assert_parsed(0, 'A', 17, 0, 0, 0, AEABI, 3, 7, 0, 0, 0, 6, 0x80);
    assert_parsed(0, 'A', 17, 0, 0, 0, AEABI, 0, 7, 0, 0, 0, 6, 1);
    /* Strings: the two names, and odd tags above 32; Tag_compatibility has a number before it. */
    assert_pairs(0, 3, 4, 'x', 0, 5, 6, 99, 0, 6, 3);
    assert_pairs(0, 3, 67, '2', '.', '0', '9', 0, 6, 3);
    assert_pairs(0, 3, 32, 1, 'g', 'n', 'u', 0, 6, 3);
    assert_pairs(0, 3, 66, 2, 64, 0, 31, 5, 6, 3);
    assert_pairs(0, 3, 0x81, 0x01, 6, 9, 0, 6, 3); /* tag 129 */
}

static void test_numbers(void **state)
{
    (void)state;
    assert_pairs(0, 300, 6, 0xac, 0x02);
    assert_pairs(0, UINT32_MAX, 6, 0xff, 0xff, 0xff, 0xff, 0x0f);
    assert_pairs(-EBADMSG, 99, 6, 0xff, 0xff, 0xff, 0xff, 0x1f);
    assert_pairs(-EBADMSG, 99, 6, 0x80, 0x80, 0x80, 0x80, 0x10);
    assert_pairs(-EBADMSG, 99, 6, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01);
    assert_pairs(-EBADMSG, 99, 0x80, 0x80, 0x80, 0x80, 0x10, 0); /* a tag, too */
    /* Padding with zeros is legal, however long. */
    assert_pairs(0, 1, 6, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00);
}

static void test_no_end(void **state)
{
    (void)state;
    assert_pairs(-EBADMSG, 99, 6);
    assert_pairs(-EBADMSG, 99, 6, 0x80);
    assert_pairs(-EBADMSG, 99, 0x80);
    assert_pairs(-EBADMSG, 99, 5, 'C', 'o', 'r', 't');
    assert_pairs(-EBADMSG, 99, 5);
    assert_pairs(-EBADMSG, 99, 32, 1);
    assert_pairs(-EBADMSG, 99, 32, 1, 'g');
}

static void test_vendor_lengths(void **state)
{
    (void)state;
    assert_malformed('A', 0);
    assert_malformed('A', 4, 0, 0);
    assert_malformed('A', 0, 0, 0, 0); /* would not get on */
    assert_malformed('A', 3, 0, 0, 0);
    assert_malformed('A', 4, 0, 0, 0); /* no room for a name */
    assert_malformed('A', 5, 0, 0, 0, 'x');
    assert_malformed('A', 7, 0, 0, 0, 'x', 0);
    assert_malformed('A', 6, 0, 0, 1, 'x', 0); /* the highest byte counts */
    assert_malformed('A', 0xff, 0xff, 0xff, 0xff, 'x', 0);
    assert_parsed(0, 'A', 6, 0, 0, 0, 'x', 0);
    /* The name must end in its own record, not in the next. */
    assert_malformed('A', 6, 0, 0, 0, 'x', 'y', 6, 0, 0, 0, 'x', 0);
}

static void test_scope_lengths(void **state)
{
    (void)state;
    assert_malformed('A', 11, 0, 0, 0, AEABI, 1);
    assert_malformed('A', 14, 0, 0, 0, AEABI, 1, 5, 0, 0);
    assert_malformed('A', 15, 0, 0, 0, AEABI, 1, 4, 0, 0, 0);
    assert_malformed('A', 15, 0, 0, 0, AEABI, 1, 0, 0, 0, 0);
    assert_malformed('A', 15, 0, 0, 0, AEABI, 1, 6, 0, 0, 0);
    assert_malformed('A', 15, 0, 0, 0, AEABI, 1, 0xff, 0xff, 0xff, 0xff);
    /* Also if the scope is to be skipped. */
    assert_malformed('A', 15, 0, 0, 0, AEABI, 2, 6, 0, 0, 0);
    /* Room for a longer tag counts too: 2 bytes of tag, 4 of length. */
    assert_malformed('A', 16, 0, 0, 0, AEABI, 0x81, 0, 5, 0, 0, 0);
    assert_parsed(0, 'A', 16, 0, 0, 0, AEABI, 0x81, 0, 6, 0, 0, 0);
    /* A scope must not read on in the next vendor's record. */
    assert_malformed('A', 15, 0, 0, 0, AEABI, 1, 7, 0, 0, 0, 6, 0, 0, 0, 'x', 0);
}

/* From the file: the verdict, the first section only, the sections' absence. */
static void test_in_the_file(void **state)
{
    static const uint8_t too_new[] = {6, 17}, no_end[] = {6};
    _cleanup_elf_ struct elf wrong = elf_with_attributes(too_new, sizeof(too_new));
    _cleanup_elf_ struct elf bad = elf_with_attributes(no_end, sizeof(no_end));

    (void)state;
    assert_verdict(&wrong, SKETCH_WRONG_CORE);
    assert_sentence(&bad, SKETCH_ELF_CORRUPT, "attributes");

    elf_section(&bad, ATTRIBUTES_SECTION)->sh_size = 0;
    assert_verdict(&bad, SKETCH_ACCEPTED);
    *elf_section(&wrong, NAMES_SECTION) = *elf_section(&wrong, ATTRIBUTES_SECTION);
    elf_section(&wrong, ATTRIBUTES_SECTION)->sh_size = 1;
    assert_verdict(&wrong, SKETCH_ACCEPTED);
    elf_section(&wrong, ATTRIBUTES_SECTION)->sh_type = SHT_PROGBITS;
    assert_verdict(&wrong, SKETCH_WRONG_CORE);
    elf_strip(&wrong);
    assert_verdict(&wrong, SKETCH_ACCEPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),          cmocka_unit_test(test_nothing_to_read),
        cmocka_unit_test(test_last_one_counts), cmocka_unit_test(test_skipped),
        cmocka_unit_test(test_numbers),         cmocka_unit_test(test_no_end),
        cmocka_unit_test(test_vendor_lengths),  cmocka_unit_test(test_scope_lengths),
        cmocka_unit_test(test_in_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
