/*
 * What packing saves in real rounds of edit, compile and upload: argument 1 is the folder of
 * tests/sketches/rounds. Sizes only, so that the result is the same on every machine.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "chip.h"
#include "util/fd.h"

enum {
    SECTORS = 8,
};

static const char *folder;

struct image {
    char *bytes;
    size_t size;
};

static void image_free(struct image *image)
{
    free(image->bytes);
}
#define _cleanup_image_ _cleanup_(image_free)

static struct image read_image(const char *size, const char *edit)
{
    struct image image = {NULL, 0};
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s-%s.bin", folder, size, edit);
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail_msg("%s is not there", path);
    assert_int_equal(fd_read_file(fd, SECTORS * SECTOR, &image.bytes, &image.size), 0);
    return image;
}

/* Programs image over base (NULL: over anything), and returns the packets' bytes for a thousand
 * bytes of the sectors that change. */
static unsigned int per_mille(const struct image *image, const struct image *base)
{
    const struct plan_spec spec = {
        .image = (const uint8_t *)image->bytes,
        .image_size = (uint32_t)image->size,
        .base = base ? (const uint8_t *)base->bytes : NULL,
        .base_size = base ? (uint32_t)base->size : 0,
        .flash_start = FLASH,
        .sector_size = SECTOR,
        .packet_max = 124000,
    };
    _cleanup_chip_ struct chip chip = chip_new(SECTORS, SECTOR, spec.base, spec.base_size);
    _cleanup_plan_ struct plan *plan = NULL;
    unsigned int packed = 0, changed = 0;

    assert_int_equal(plan_make(&spec, &plan), 0);
    for (uint32_t i = 0; i < plan->n_packets; i++) {
        assert_false(plan->packets[i].raw);
        chip_take(&chip, &plan->packets[i], spec.image);
        packed += plan->packets[i].size;
        changed += plan->packets[i].header.size;
    }
    assert_memory_equal(chip.flash, image->bytes, image->size);
    return packed * 1000 / changed;
}

static void assert_saves(const char *size, const char *edit, unsigned int most)
{
    _cleanup_image_ struct image base = read_image(size, "base"), image = read_image(size, edit);
    unsigned int measured = per_mille(&image, strcmp(edit, "base") == 0 ? NULL : &base);

    print_message("# %s, %s: %u of 1000 bytes\n", size, edit, measured);
    assert_true(measured < most);
}

static void test_first(void **state)
{
    (void)state;
    assert_saves("small", "base", 800);
    assert_saves("big", "base", 650);
}

static void test_constant(void **state)
{
    (void)state;
    assert_saves("small", "constant", 10);
    assert_saves("big", "constant", 10);
}

static void test_line(void **state)
{
    (void)state;
    assert_saves("small", "line", 60);
    assert_saves("big", "line", 60);
}

static void test_library(void **state)
{
    (void)state;
    assert_saves("small", "library", 200);
    assert_saves("big", "library", 250);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_library),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
