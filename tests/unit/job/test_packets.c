/* The files that the routine on the chip is fed from, applied to a chip that takes packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/packets.h"
#include "routine/mailbox.h"
#include "tests/unit/patch/chip.h"
#include "tests/unit/util/temp_dir.h"

enum {
    SECTORS = 4,
    IMAGE = 3 * SECTOR - 1000, /* bytes: three sectors, the last one not full */
};

static const uint8_t code[] = {0xC0, 0xDE, 0xC0, 0xDE, 0x01};
static const struct routine routine = {.name = "test", .code = code, .size = sizeof(code)};

struct fixture {
    struct temp_dir dir;
    uint8_t *image, *base;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    uint32_t seed = 7;

    f->dir = temp_dir_make();
    f->image = malloc(IMAGE);
    f->base = malloc(IMAGE);
    for (size_t i = 0; i < IMAGE; i++)
        f->base[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    memcpy(f->image, f->base, IMAGE);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    temp_dir_remove(&f->dir);
    free(f->image);
    free(f->base);
    free(f);
    return 0;
}

static struct packets_spec spec_of(const struct fixture *f)
{
    return (struct packets_spec){
        .folder = f->dir.path,
        .routine = &routine,
        .flash_start = FLASH,
        .flash_size = SECTORS * SECTOR,
        .sector_size = SECTOR,
        .n_sectors = 3,
        .image = f->image,
        .image_size = IMAGE,
        .base = f->base,
        .base_size = IMAGE,
    };
}

static uint32_t word(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void assert_file(const struct fixture *f, const char *name, const char *expected)
{
    size_t size = 0;
    _cleanup_free_ char *text = temp_dir_read(&f->dir, name, &size);

    assert_non_null(text);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(text, expected, size);
}

/* What is loaded to the chip: mailbox with the orders, and right behind it the code. */
static void test_start(void **state)
{
    struct fixture *f = *state;
    struct packets_spec spec = spec_of(f);
    size_t size = 0;

    spec.distrust = true;
    assert_int_equal(packets_prepare(&spec), 0);
    _cleanup_free_ char *text = temp_dir_read(&f->dir, "start.bin", &size);
    const uint8_t *start = (const uint8_t *)text;
    assert_non_null(start);
    assert_int_equal(size, sizeof(struct mailbox) + sizeof(code));
    assert_int_equal(word(start + offsetof(struct mailbox, request)), MAILBOX_SURVEY);
    assert_int_equal(word(start + offsetof(struct mailbox, error)), MAILBOX_OK);
    assert_int_equal(word(start + offsetof(struct mailbox, start)), FLASH);
    assert_int_equal(word(start + offsetof(struct mailbox, sector_size)), SECTOR);
    assert_int_equal(word(start + offsetof(struct mailbox, n_sectors)), 3);
    assert_int_equal(word(start + offsetof(struct mailbox, size)), SECTORS * SECTOR);
    assert_int_equal(word(start + offsetof(struct mailbox, distrust)), 1);
    assert_memory_equal(start + sizeof(struct mailbox), code, sizeof(code));
    assert_int_equal(count_entries(f->dir.path), 1);
}

static struct plan_packet read_packet(const struct fixture *f, const char *name)
{
    size_t size = 0;
    char *bytes = temp_dir_read(&f->dir, name, &size);

    if (!bytes)
        fail_msg("%s is not there", name);
    assert_true(size >= PACKET_HEADER_SIZE);
    const uint8_t *b = (const uint8_t *)bytes;
    struct plan_packet packet = {
        .header = {word(b), word(b + 4), word(b + 8), word(b + 12), word(b + 16), word(b + 20)},
        .bytes = (uint8_t *)bytes,
        .size = (uint32_t)size,
    };
    assert_int_equal(size, PACKET_HEADER_SIZE + packet.header.packed_size);
    return packet;
}

static void give(const struct fixture *f, struct chip *chip, const char *name)
{
    struct plan_packet packet = read_packet(f, name);

    packet.raw = packet.header.packed_size == 0;
    packet.raw_offset = packet.header.address - FLASH;
    chip_take(chip, &packet, f->image);
    free(packet.bytes);
}

static void assert_holds_image(const struct fixture *f, const struct chip *chip)
{
    assert_memory_equal(chip->flash, f->image, IMAGE);
    for (size_t i = IMAGE; i < 3 * SECTOR; i++)
        assert_int_equal(chip->flash[i], 0xFF);
}

/* One changed byte: one small packet, and what a chip that holds the base makes of it. */
static void test_update(void **state)
{
    struct fixture *f = *state;
    struct packets_spec spec = spec_of(f);
    _cleanup_chip_ struct chip chip = chip_new(SECTORS, SECTOR, f->base, IMAGE);
    size_t size = 0;

    f->image[SECTOR + 77] ^= 1;
    assert_int_equal(packets_permit(&spec), 0);
    _cleanup_free_ char *plan = temp_dir_read(&f->dir, "plan", &size);
    assert_non_null(plan);
    assert_non_null(strstr(plan, "packets { 1 }\norder {0 2 1}\n"));
    give(f, &chip, "sector-1.packet");
    assert_holds_image(f, &chip);
}

/* The first sector changes: its first bytes come last of all. */
static void test_first_comes_last(void **state)
{
    struct fixture *f = *state;
    struct packets_spec spec = spec_of(f);
    _cleanup_chip_ struct chip chip = chip_new(SECTORS, SECTOR, f->base, IMAGE);
    size_t size = 0;

    f->image[0] ^= 1;
    f->image[2 * SECTOR] ^= 1;
    assert_int_equal(packets_permit(&spec), 0);
    _cleanup_free_ char *plan = temp_dir_read(&f->dir, "plan", &size);
    assert_non_null(strstr(plan, "packets { 0 2 }"));
    give(f, &chip, "sector-0.packet");
    assert_true(chip_is_blank(&chip, PLAN_FIRST));
    give(f, &chip, "sector-2.packet");
    assert_true(chip_is_blank(&chip, PLAN_FIRST));
    give(f, &chip, "first.packet");
    assert_holds_image(f, &chip);
}

/* A chip that holds something else gets every sector's bytes as they are. */
static void test_other_chip(void **state)
{
    static const char *const files[] = {"sector-0.raw", "sector-2.raw", "sector-1.raw",
                                        "first.packet"};
    struct fixture *f = *state;
    struct packets_spec spec = spec_of(f);
    _cleanup_chip_ struct chip chip = chip_new(SECTORS, SECTOR, f->base, 100);

    spec.base_size = 0;
    assert_int_equal(packets_permit(&spec), 0);
    for (size_t i = 0; i < ELEMENTSOF(files); i++) {
        assert_true(i == 0 || chip_is_blank(&chip, PLAN_FIRST));
        give(f, &chip, files[i]);
    }
    assert_holds_image(f, &chip);
}

/* Without a routine, or with sectors that it has no room for, OpenOCD is told to do it all. */
static void test_plain(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 3; i++) {
        struct packets_spec spec = spec_of(f);
        if (i == 0)
            spec.routine = NULL;
        if (i == 1)
            spec.n_sectors = ROUTINE_SECTORS_MAX + 1;
        if (i == 2)
            spec.sector_size = 2 * ROUTINE_BUFFER_MAX;
        assert_int_equal(packets_prepare(&spec), 0);
        assert_int_equal(count_entries(f->dir.path), 0);
        assert_int_equal(packets_permit(&spec), 0);
        assert_int_equal(count_entries(f->dir.path), 1);
        assert_file(f, "plan", "");
        assert_int_equal(unlinkat(f->dir.fd, "plan", 0), 0);
    }
}

static void test_refuse(void **state)
{
    struct fixture *f = *state;
    struct packets_spec spec = spec_of(f);

    assert_int_equal(packets_refuse(&spec), 0);
    assert_file(f, "plan", "refused");
    assert_int_equal(count_entries(f->dir.path), 1);
}

/* The folder is gone, or what is to be written is there already: nothing is permitted. */
static void test_errors(void **state)
{
    struct fixture *f = *state;
    struct packets_spec spec = spec_of(f);

    assert_int_equal(packets_permit(&spec), 0);
    assert_int_equal(unlinkat(f->dir.fd, "plan", 0), 0);
    temp_dir_write(&f->dir, "plan.new", "x", 1);
    assert_int_equal(packets_permit(&spec), -EEXIST);
    assert_int_equal(packets_refuse(&spec), -EEXIST);
    assert_int_equal(faccessat(f->dir.fd, "plan", F_OK, 0), -1);

    spec.folder = "/nonexistent";
    assert_int_equal(packets_prepare(&spec), -ENOENT);
    assert_int_equal(packets_permit(&spec), -ENOENT);
    assert_int_equal(packets_refuse(&spec), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_start), TEST(test_update), TEST(test_first_comes_last), TEST(test_other_chip),
        TEST(test_plain), TEST(test_refuse), TEST(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
