/*
 * Memory that runs out: every allocation of a check fails once. The linker sends malloc() and
 * calloc() of everything that is linked in here through the wrappers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "extra_sections.h"
#include "fixture.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static int countdown = -1; /* allocations to come until the one that fails; negative: none does */

static bool fails(void)
{
    return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

static void test_every_allocation(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    struct sketch_report report, before;
    uint8_t mark, *image = &mark;
    int failures = 0;

    (void)state;
    memset(&before, 0xa5, sizeof(before));
    report = before;
    for (;;) {
        countdown = failures;
        int r = sketch_check(&test_board, elf.bytes, elf.size, &report, &image);
        countdown = -1;
        if (r == 0)
            break;
        assert_int_equal(r, -ENOMEM);
        assert_memory_equal(&report, &before, sizeof(report));
        assert_ptr_equal(image, &mark);
        failures++;
    }
    assert_int_equal(failures, 3); /* segments, image, ranges of RAM */
    assert_int_equal(report.code, SKETCH_ACCEPTED);
    free(image);
}

static void test_every_allocation_of_a_map(void **state)
{
    static const Elf32_Sym symbol = {
        .st_value = D2, .st_size = 4, .st_info = STT_OBJECT, .st_shndx = 1};
    static const struct extra_section table = {
        .name = ".symtab",
        .header = {.sh_type = SHT_SYMTAB,
                   .sh_size = sizeof(symbol),
                   .sh_link = N_SECTIONS + 1, /* the sections' names */
                   .sh_entsize = sizeof(symbol)},
        .data = &symbol,
    };
    _cleanup_elf_ struct elf elf = elf_with_sections(&table, 1);
    struct sketch_map map, before;
    int failures = 0;

    (void)state;
    memset(&before, 0xa5, sizeof(before));
    map = before;
    for (;;) {
        countdown = failures;
        int r = sketch_map(&test_board, elf.bytes, elf.size, STACK, &map);
        countdown = -1;
        if (r == 0)
            break;
        assert_int_equal(r, -ENOMEM);
        assert_memory_equal(&map, &before, sizeof(map));
        failures++;
    }
    assert_int_equal(failures, 3); /* segments, claims, the symbol's name */
    assert_int_equal(map.n_symbols, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_every_allocation_of_a_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
