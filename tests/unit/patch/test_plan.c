/* Plans carried out on a flash that behaves like the chip's, for many pairs of images. */
#include <string.h>

#include "chip.h"
#include "patch/crc.h"
#include "patch/plan.h"

enum {
    SMALL = 4096, /* a sector that makes many rounds quick */
    SECTORS = 6,
    ROOM = 3 * SECTOR,
};

static uint32_t crc_table[CRC_TABLE_ENTRIES];

static int make_crc_table(void **state)
{
    (void)state;
    crc_table_init(crc_table);
    return 0;
}

/* The same bytes in both, with what is erased behind either. */
static bool same(const uint8_t *a, uint32_t a_size, const uint8_t *b, uint32_t b_size, uint32_t at,
                 uint32_t size)
{
    for (uint32_t i = at; i < at + size; i++)
        if ((i < a_size ? a[i] : 0xFF) != (i < b_size ? b[i] : 0xFF))
            return false;
    return true;
}

static uint32_t sector_crc(const uint8_t *image, uint32_t image_size, uint32_t at, uint32_t size)
{
    uint32_t used = at >= image_size ? 0 : image_size - at < size ? image_size - at : size;

    return crc32_fill(crc_table, used ? crc32_of(crc_table, image + at, used) : 0, 0xFF,
                      size - used);
}

static void assert_sectors(const struct plan *plan, const struct plan_spec *spec)
{
    uint32_t size = spec->sector_size;

    assert_int_equal(plan->n_sectors, (spec->image_size + size - 1) / size);
    for (uint32_t i = 0; i < plan->n_sectors; i++) {
        const struct plan_sector *sector = &plan->sectors[i];

        assert_int_equal(sector->crc, sector_crc(spec->image, spec->image_size, i * size, size));
        if (spec->base)
            assert_int_equal(sector->base_crc,
                             sector_crc(spec->base, spec->base_size, i * size, size));
        assert_int_equal(sector->changes,
                         !spec->base || !same(spec->image, spec->image_size, spec->base,
                                              spec->base_size, i * size, size));
    }
}

/* Sector 0 first, the others from the last down, then the first flash word; only what changes. */
static void assert_order(const struct plan *plan, const struct plan_spec *spec)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < plan->n_sectors; i++) {
        uint32_t sector = i == 0 ? 0 : plan->n_sectors - i;

        if (!plan->sectors[sector].changes)
            continue;
        assert_int_equal(plan->packets[n].header.address, FLASH + sector * spec->sector_size);
        assert_int_equal(plan->packets[n].header.erase, spec->sector_size);
        n++;
    }
    if (plan->n_sectors > 0 && plan->sectors[0].changes) {
        assert_int_equal(plan->packets[n].header.address, FLASH);
        assert_int_equal(plan->packets[n].header.erase, 0);
        n++;
    }
    assert_int_equal(plan->n_packets, n);
}

static struct plan *make_plan(const struct plan_spec *spec)
{
    struct plan *plan = NULL;

    assert_int_equal(plan_make(spec, &plan), 0);
    assert_null(plan->work);
    assert_sectors(plan, spec);
    assert_order(plan, spec);
    for (uint32_t i = 0; i < plan->n_packets; i++)
        assert_true(plan->packets[i].size <= spec->packet_max);
    return plan;
}

/* Sends all packets to a chip that holds the base, or without one, anything. */
static void assert_programs(const struct plan_spec *spec, struct chip *chip)
{
    _cleanup_plan_ struct plan *plan = make_plan(spec);
    bool starts = plan->n_packets == 0 || !plan->sectors[0].changes;
    uint32_t behind = plan->n_sectors * spec->sector_size;
    _cleanup_free_ uint8_t *before = malloc(chip->size);

    assert_non_null(before);
    memcpy(before, chip->flash, chip->size);
    for (uint32_t i = 0; i < plan->n_packets; i++) {
        chip_take(chip, &plan->packets[i], spec->image);
        assert_true(starts || i + 1 == plan->n_packets || chip_is_blank(chip, PLAN_FIRST));
    }
    assert_true(same(chip->flash, chip->size, spec->image, spec->image_size, 0, behind));
    assert_memory_equal(chip->flash + behind, before + behind, chip->size - behind);
}

static void assert_patches(const struct plan_spec *spec)
{
    _cleanup_chip_ struct chip chip =
        chip_new(SECTORS, spec->sector_size, spec->base, spec->base_size);

    assert_programs(spec, &chip);
}

static struct plan_spec spec_of(uint32_t sector_size, const uint8_t *image, size_t image_size,
                                const uint8_t *base, size_t base_size)
{
    return (struct plan_spec){image, (uint32_t)image_size, base,  (uint32_t)base_size,
                              FLASH, sector_size,          124000};
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void test_random_pairs(void **state)
{
    const size_t max = SECTORS * SMALL;
    _cleanup_free_ uint8_t *base = malloc(max), *image = malloc(max);
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < 1500; round++) {
        size_t base_size = next_random(&seed) % max + 1, size = base_size;

        if (round % 4 == 0)
            fill_random(base, base_size, &seed);
        else
            fill_code(base, base_size, &seed);
        memcpy(image, base, size);
        for (uint32_t n = next_random(&seed) % 4; n > 0; n--)
            edit(image, &size, max, &seed);
        struct plan_spec spec = spec_of(SMALL, image, size, base, base_size);
        if (round % 5 == 0)
            spec.packet_max = next_random(&seed) % SMALL + PACKET_HEADER_SIZE;
        assert_patches(&spec);
    }
}

/* Two images that have nothing in common but their sizes' order of magnitude. */
static void test_unrelated_pairs(void **state)
{
    const size_t max = SECTORS * SMALL;
    _cleanup_free_ uint8_t *base = malloc(max), *image = malloc(max);
    uint32_t seed = 2;

    (void)state;
    for (int round = 0; round < 100; round++) {
        size_t base_size = next_random(&seed) % max, size = next_random(&seed) % max;
        struct plan_spec spec = spec_of(SMALL, image, size, base, base_size);

        fill_code(base, max, &seed);
        fill_code(image, max, &seed);
        assert_patches(&spec);
    }
}

/* Real sectors, and code that an insertion shifts through all of them. */
static void test_shifts(void **state)
{
    static const uint32_t shifts[] = {1, 2, 31, 32, 100, 4999, 5000};
    _cleanup_free_ uint8_t *base = malloc(ROOM), *image = malloc(ROOM);
    const size_t size = ROOM - 5000;
    uint32_t seed = 3;

    (void)state;
    fill_code(base, size, &seed);
    for (size_t i = 0; i < ELEMENTSOF(shifts); i++) {
        uint32_t packed = 0, shift = shifts[i];
        struct plan_spec spec = spec_of(SECTOR, image, size + shift, base, size);

        memcpy(image, base, 1000);
        fill_random(image + 1000, shift, &seed);
        memcpy(image + 1000 + shift, base + 1000, size - 1000);
        assert_patches(&spec);

        _cleanup_plan_ struct plan *plan = make_plan(&spec);
        for (uint32_t n = 0; n < plan->n_packets; n++)
            packed += plan->packets[n].size;
        /* Headers, the vector table's word, the insertion and what it pushes over the top of each
         * sector, which only the sector above had. */
        assert_true(packed <= 4 * PACKET_HEADER_SIZE + PLAN_FIRST + 3 * shift + 200);
    }
}

static void test_identical(void **state)
{
    uint8_t image[2 * SMALL];
    uint32_t seed = 4;
    struct plan_spec spec = spec_of(SMALL, image, sizeof(image), image, sizeof(image));

    (void)state;
    fill_code(image, sizeof(image), &seed);
    _cleanup_plan_ struct plan *plan = make_plan(&spec);
    assert_int_equal(plan->n_sectors, 2);
    assert_int_equal(plan->n_packets, 0);
    assert_int_equal(plan_step(plan), 0);
}

/* A sector above that changes leaves sector 0 alone, and the vector table with it. */
static void test_one_sector(void **state)
{
    uint8_t image[3 * SMALL], base[3 * SMALL];
    uint32_t seed = 5;
    struct plan_spec spec = spec_of(SMALL, image, sizeof(image), base, sizeof(base));

    (void)state;
    fill_random(base, sizeof(base), &seed);
    memcpy(image, base, sizeof(base));
    image[SMALL + 10]++;
    assert_patches(&spec);
    _cleanup_plan_ struct plan *plan = make_plan(&spec);
    assert_int_equal(plan->n_packets, 1);
    assert_true(plan->packets[0].size < PACKET_HEADER_SIZE + 10);
}

/* The first word of the vector table is copied from nowhere: it is erased until the last. */
static void test_first_word_is_no_source(void **state)
{
    uint8_t image[2 * SMALL], base[2 * SMALL];
    uint32_t seed = 6;
    struct plan_spec spec = spec_of(SMALL, image, sizeof(image), base, sizeof(base));

    (void)state;
    fill_random(base, sizeof(base), &seed);
    memcpy(image, base, sizeof(base));
    memcpy(image + SMALL, base, PLAN_FIRST); /* sector 1 would like to copy it */
    image[100]++;                            /* while it is not there */
    assert_patches(&spec);
    image[100]--; /* and now it may */
    assert_patches(&spec);
    _cleanup_plan_ struct plan *plan = make_plan(&spec);
    assert_true(plan->packets[0].size < PACKET_HEADER_SIZE + 16);
}

static void test_tiny(void **state)
{
    uint8_t image[PLAN_FIRST + 8], base[SMALL];
    uint32_t seed = 7;

    (void)state;
    fill_random(image, sizeof(image), &seed);
    fill_random(base, sizeof(base), &seed);
    for (uint32_t size = 0; size <= sizeof(image); size++) {
        struct plan_spec spec = spec_of(SMALL, image, size, base, sizeof(base));

        assert_patches(&spec);
        spec.base = NULL;
        spec.base_size = 0;
        assert_patches(&spec);
    }
}

/* Trailing 0xFF is not sent; a blank sector is only erased. */
static void test_blank(void **state)
{
    uint8_t image[3 * SMALL], base[3 * SMALL];
    uint32_t seed = 8;

    (void)state;
    fill_random(base, sizeof(base), &seed);
    memcpy(image, base, sizeof(image));
    memset(image + SMALL, 0xFF, SMALL);
    memset(image + 2 * SMALL + 100, 0xFF, SMALL - 100);
    for (int with_base = 0; with_base < 2; with_base++) {
        struct plan_spec spec =
            spec_of(SMALL, image, sizeof(image), with_base ? base : NULL, with_base * 3 * SMALL);

        assert_patches(&spec);
        _cleanup_plan_ struct plan *plan = make_plan(&spec);
        const struct plan_packet *last = &plan->packets[!with_base], *blank = last + 1;
        assert_int_equal(last->header.size, 100);
        assert_int_equal(blank->header.size, 0);
        assert_int_equal(blank->header.erase, SMALL);
        assert_int_equal(blank->size, PACKET_HEADER_SIZE);
        assert_false(blank->raw);
    }
}

/* A packet that there is no room for is a header, and the image's own bytes are sent before it. */
static void test_no_room(void **state)
{
    _cleanup_free_ uint8_t *image = malloc(2 * SECTOR);
    struct plan_spec spec = spec_of(SECTOR, image, 2 * SECTOR, NULL, 0);
    uint32_t seed = 9;

    (void)state;
    fill_random(image, SECTOR, &seed);
    memset(image + SECTOR, 7, SECTOR);
    assert_patches(&spec);
    _cleanup_plan_ struct plan *plan = make_plan(&spec);
    assert_int_equal(plan->n_packets, 3);
    assert_true(plan->packets[0].raw);
    assert_int_equal(plan->packets[0].raw_offset, 0);
    assert_int_equal(plan->packets[0].size, PACKET_HEADER_SIZE);
    assert_int_equal(plan->packets[0].header.size, SECTOR);
    assert_false(plan->packets[1].raw);
    assert_false(plan->packets[2].raw);

    /* To the byte. */
    spec.packet_max = plan->packets[1].size;
    _cleanup_plan_ struct plan *exact = make_plan(&spec);
    assert_false(exact->packets[1].raw);
    spec.packet_max--;
    _cleanup_plan_ struct plan *less = make_plan(&spec);
    assert_true(less->packets[1].raw);
    assert_int_equal(less->packets[1].raw_offset, SECTOR);
}

/* Without a base any packets can be sent to any flash, and each builds its sector. */
static void test_any_subset(void **state)
{
    const uint32_t size = SECTORS * SMALL - 123;
    _cleanup_free_ uint8_t *image = malloc(SECTORS * SMALL), *old = malloc(SECTORS * SMALL);
    uint32_t seed = 10;

    (void)state;
    fill_code(old, SECTORS * SMALL, &seed);
    fill_code(image, SECTORS * SMALL, &seed);
    struct plan_spec spec = spec_of(SMALL, image, size, NULL, 0);
    _cleanup_plan_ struct plan *plan = make_plan(&spec);
    for (uint32_t subset = 0; subset < 1U << SECTORS; subset++) {
        _cleanup_chip_ struct chip chip = chip_new(SECTORS, SMALL, old, SECTORS * SMALL);

        for (uint32_t i = 0; i < plan->n_packets; i++) {
            uint32_t sector = (plan->packets[i].header.address - FLASH) / SMALL;

            if (subset >> sector & 1)
                chip_take(&chip, &plan->packets[i], image);
        }
        for (uint32_t i = 0; i < SECTORS; i++) {
            bool sent = subset >> i & 1;

            assert_true(same(chip.flash, chip.size, sent ? image : old,
                             sent ? size : SECTORS * SMALL, i * SMALL, SMALL));
        }
    }
}

/* A step makes one packet, the same that all at once would; the work's memory goes with the last.
 */
static void test_steps(void **state)
{
    uint8_t image[4 * SMALL], base[4 * SMALL], copy[4 * SMALL];
    uint32_t seed = 11;
    struct plan_spec spec = spec_of(SMALL, copy, sizeof(copy), base, sizeof(base));
    _cleanup_plan_ struct plan *stepped = NULL;

    (void)state;
    fill_code(image, sizeof(image), &seed);
    fill_code(base, sizeof(base), &seed);
    memcpy(copy, image, sizeof(image));
    _cleanup_plan_ struct plan *whole = make_plan(&spec);
    assert_int_equal(plan_new(&spec, &stepped), 0);
    memset(copy, 0, sizeof(copy)); /* the spec's bytes are not needed any more */
    for (uint32_t i = 0; i < whole->n_packets; i++) {
        assert_int_equal(stepped->n_packets, i);
        assert_non_null(stepped->work);
        assert_int_equal(plan_step(stepped), 1);
        assert_int_equal(stepped->packets[i].size, whole->packets[i].size);
        assert_memory_equal(stepped->packets[i].bytes, whole->packets[i].bytes,
                            whole->packets[i].size);
    }
    assert_int_equal(plan_step(stepped), 0);
    assert_null(stepped->work);

    /* Given up in the middle. */
    _cleanup_plan_ struct plan *half = NULL;
    assert_int_equal(plan_new(&spec, &half), 0);
    assert_int_equal(plan_step(half), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_pairs), cmocka_unit_test(test_unrelated_pairs),
        cmocka_unit_test(test_shifts),       cmocka_unit_test(test_identical),
        cmocka_unit_test(test_one_sector),   cmocka_unit_test(test_first_word_is_no_source),
        cmocka_unit_test(test_tiny),         cmocka_unit_test(test_blank),
        cmocka_unit_test(test_no_room),      cmocka_unit_test(test_any_subset),
        cmocka_unit_test(test_steps),
    };

    return cmocka_run_group_tests(tests, make_crc_table, NULL);
}
