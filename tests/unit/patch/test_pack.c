/* What is packed and unpacked is the same again, with and without flash to copy from. */
#include <string.h>

#include "fixture.h"
#include "patch/pack.h"

enum {
    FLASH_SIZE = 3 * SECTOR,
};

static const struct unpack_window no_flash = {NULL, 0, 0};

static uint8_t *allocate(size_t size)
{
    uint8_t *bytes = malloc(size);

    assert_non_null(bytes);
    return bytes;
}

static void test_nothing(void **state)
{
    uint8_t *packed = allocate(1), byte = 0;
    uint32_t size = 1;

    (void)state;
    free(packed);
    assert_int_equal(pack(&no_flash, &byte, 0, &packed, &size), 0);
    assert_null(packed);
    assert_int_equal(size, 0);
}

/* Every size up to some hundreds, and a sector, of bytes of each kind. */
static void test_kinds(void **state)
{
    _cleanup_free_ uint8_t *bytes = allocate(SECTOR), *old = allocate(FLASH_SIZE);
    uint32_t seed = 1;

    (void)state;
    fill_code(old, FLASH_SIZE, &seed);
    for (int kind = 0; kind < 5; kind++) {
        if (kind < 2)
            memset(bytes, kind == 0 ? 0 : 0xFF, SECTOR);
        if (kind == 2)
            fill_random(bytes, SECTOR, &seed);
        if (kind == 3)
            fill_code(bytes, SECTOR, &seed);
        for (size_t i = 0; kind == 4 && i < SECTOR; i++)
            bytes[i] = (uint8_t)(i % 250 * 7);
        for (uint32_t size = 0; size <= SECTOR; size += size < 300 ? 1 : SECTOR - 300) {
            struct unpack_window flash = {old, FLASH_SIZE, SECTOR};

            round_trip(&no_flash, bytes, size);
            if (size % 8 == 0)
                round_trip(&flash, bytes, size);
        }
    }
}

/* Literals between copies that just pay: the packed size must not pass its bound. */
static void test_bound(void **state)
{
    static const uint32_t distances[] = {2, 5, 100, 131, 132, 133, 134, 135, 136, 140, 16400};
    _cleanup_free_ uint8_t *bytes = allocate(SECTOR), *old = allocate(SECTOR);
    uint32_t seed = 2;

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(distances); i++) {
        struct unpack_window flash = {old, SECTOR, 0};

        fill_random(old, SECTOR, &seed);
        fill_random(bytes, SECTOR, &seed);
        for (uint32_t at = distances[i]; at + 2 <= SECTOR; at += distances[i] + 2)
            memcpy(bytes + at, old + at, 2);
        round_trip(&flash, bytes, SECTOR);
    }
}

/* What is there already costs a handful of bytes, wherever it is. */
static void test_unchanged(void **state)
{
    _cleanup_free_ uint8_t *old = allocate(FLASH_SIZE);
    struct unpack_window flash = {old, FLASH_SIZE, 0};
    uint32_t seed = 3;

    (void)state;
    fill_random(old, FLASH_SIZE, &seed);
    for (flash.offset = 0; flash.offset < FLASH_SIZE; flash.offset += SECTOR)
        assert_true(round_trip(&flash, old + flash.offset, SECTOR) <= 4);
    for (uint32_t shift = 1; shift <= 5000; shift += shift < 20 ? 1 : 311) {
        flash.offset = SECTOR;
        assert_true(round_trip(&flash, old + SECTOR - shift, SECTOR) <= 8);
        assert_true(round_trip(&flash, old + SECTOR + shift, SECTOR) <= 8);
    }
}

/* A changed word amid what is there already costs a token and its bytes. */
static void test_changed_words(void **state)
{
    _cleanup_free_ uint8_t *old = allocate(FLASH_SIZE), *bytes = allocate(SECTOR);
    struct unpack_window flash = {old, FLASH_SIZE, SECTOR};
    uint32_t seed = 4;

    (void)state;
    fill_random(old, FLASH_SIZE, &seed);
    memcpy(bytes, old + SECTOR - 100, SECTOR); /* shifted, too */
    for (uint32_t i = 0; i < 100; i++)
        bytes[1000 + 1000 * i] ^= 0x55;
    assert_true(round_trip(&flash, bytes, SECTOR) <= 100 * 4 + 10);
}

/* Repetitions, which have the longest chains and copies, pack to next to nothing. */
static void test_repetitive(void **state)
{
    _cleanup_free_ uint8_t *old = allocate(FLASH_SIZE), *bytes = allocate(SECTOR);
    struct unpack_window flash = {old, FLASH_SIZE, SECTOR};
    uint32_t seed = 5;

    (void)state;
    for (uint32_t period = 1; period <= 300; period += period < 6 ? 1 : 49) {
        for (uint32_t i = 0; i < period; i++)
            bytes[i] = (uint8_t)next_random(&seed);
        for (uint32_t i = period; i < SECTOR; i++)
            bytes[i] = bytes[i - period];
        assert_true(round_trip(&no_flash, bytes, SECTOR) <= period + 16);
        for (uint32_t i = 0; i < FLASH_SIZE; i++)
            old[i] = bytes[(i + period / 2) % SECTOR];
        assert_true(round_trip(&flash, bytes, SECTOR) <= period + 16);
    }
}

static void test_random_edits(void **state)
{
    _cleanup_free_ uint8_t *old = allocate(FLASH_SIZE), *bytes = allocate(FLASH_SIZE);
    uint32_t seed = 6;

    (void)state;
    for (int round = 0; round < 300; round++) {
        size_t size = next_random(&seed) % (round % 30 == 0 ? FLASH_SIZE : 20000) + 1;
        struct unpack_window flash = {old, (uint32_t)size, 0};

        fill_code(old, size, &seed);
        memcpy(bytes, old, size);
        for (uint32_t n = next_random(&seed) % 4 + 1; n > 0; n--)
            edit(bytes, &size, FLASH_SIZE, &seed);
        flash.offset = next_random(&seed) % (uint32_t)size;
        size -= flash.offset;
        round_trip(&flash, bytes + flash.offset, (uint32_t)(size < SECTOR ? size : SECTOR));
        round_trip(&no_flash, bytes + flash.offset, (uint32_t)(size < SECTOR ? size : SECTOR));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),       cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_bound),         cmocka_unit_test(test_unchanged),
        cmocka_unit_test(test_changed_words), cmocka_unit_test(test_repetitive),
        cmocka_unit_test(test_random_edits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
