/* CRC-32 against values that others have published. */
#include <string.h>

#include "fixture.h"
#include "patch/crc.h"

static uint32_t table[CRC_TABLE_ENTRIES];

static int make_table(void **state)
{
    (void)state;
    crc_table_init(table);
    return 0;
}

/* The check value of the catalogue of parametrised CRC algorithms (CRC-32/ISO-HDLC); RFC 3720 has
 * none for this polynomial, so the others are what zlib's crc32() gives. */
static void test_known(void **state)
{
    static const struct {
        const char *text;
        uint32_t crc;
    } cases[] = {
        {"123456789", 0xCBF43926},
        {"", 0},
        {"a", 0xE8B7BE43},
        {"The quick brown fox jumps over the lazy dog", 0x414FA339},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(cases); i++)
        assert_int_equal(crc32_of(table, (const uint8_t *)cases[i].text, strlen(cases[i].text)),
                         cases[i].crc);
    assert_int_equal(crc32_fill(table, 0, 0x00, 32), 0x190A55AD);
    assert_int_equal(crc32_fill(table, 0, 0xFF, 32), 0xFF6CAB0B);
}

/* However the bytes are divided, the CRC is the same. */
static void test_in_parts(void **state)
{
    const uint8_t *text = (const uint8_t *)"123456789";
    uint8_t padded[40];

    (void)state;
    for (size_t first = 0; first <= 9; first++) {
        uint32_t crc = crc32_of(table, text, first);

        assert_int_equal(crc32_more(table, crc, text + first, 9 - first), 0xCBF43926);
    }
    memset(padded, 0xFF, sizeof(padded));
    memcpy(padded, text, 9);
    assert_int_equal(crc32_fill(table, 0xCBF43926, 0xFF, sizeof(padded) - 9),
                     crc32_of(table, padded, sizeof(padded)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_in_parts),
    };

    return cmocka_run_group_tests(tests, make_table, NULL);
}
