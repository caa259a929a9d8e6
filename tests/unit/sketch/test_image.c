/* The image of an accepted sketch, byte by byte, and the numbers it is reported with. */
#include <errno.h>
#include <string.h>

#include "fixture.h"

static void test_image(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    _cleanup_free_ uint8_t *image = NULL;

    (void)state;
    elf_segment(&elf, DATA_SEGMENT)->p_paddr = FLASH + CODE_SIZE + 3;
    struct sketch_report report = check_on(&test_board, elf.bytes, elf.size, &image);
    assert_int_equal(report.image_size, CODE_SIZE + 3 + DATA_SIZE);
    assert_memory_equal(image, elf.bytes + elf_segment(&elf, CODE_SEGMENT)->p_offset, CODE_SIZE);
    assert_memory_equal(image + CODE_SIZE, "\xff\xff\xff", 3);
    assert_memory_equal(image + CODE_SIZE + 3,
                        elf.bytes + elf_segment(&elf, DATA_SEGMENT)->p_offset, DATA_SIZE);
}

static void test_numbers(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    struct sketch_report report = check(&elf);

    (void)state;
    assert_int_equal(report.image_size, CODE_SIZE + DATA_SIZE);
    assert_int_equal(report.flash_used, CODE_SIZE + DATA_SIZE);
    assert_int_equal(report.sectors, 1);
    assert_int_equal(report.sector_used[0], CODE_SIZE + DATA_SIZE);
    assert_int_equal(report.ram_used, DATA_SIZE + BSS_SIZE);
    assert_int_equal(report.stack_pointer, STACK);
    assert_int_equal(report.reset_vector, RESET);
    assert_int_equal(report.entry_point, RESET);
    assert_int_equal(report.needed_size, 0);
}

/* .data straddles the border of two sectors far from the code; sectors between stay empty. */
static void test_sectors(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_segment(&elf, DATA_SEGMENT)->p_paddr = FLASH + 3 * SECTOR - 1;
    struct sketch_report report = check(&elf);
    assert_int_equal(report.image_size, 3 * SECTOR - 1 + DATA_SIZE);
    assert_int_equal(report.flash_used, CODE_SIZE + DATA_SIZE);
    assert_int_equal(report.sectors, 3);
    assert_int_equal(report.sector_used[0], CODE_SIZE);
    assert_int_equal(report.sector_used[1], 0);
    assert_int_equal(report.sector_used[2], 1);
    assert_int_equal(report.sector_used[3], DATA_SIZE - 1);

    elf_segment(&elf, DATA_SEGMENT)->p_paddr = FLASH + 3 * SECTOR - DATA_SIZE;
    report = check(&elf);
    assert_int_equal(report.sectors, 2);
    assert_int_equal(report.sector_used[2], DATA_SIZE);
    assert_int_equal(report.sector_used[3], 0);
}

/* A sketch that fills the whole window, in one segment that spans all sectors. */
static void test_full_window(void **state)
{
    Elf32_Phdr all = {.p_type = PT_LOAD,
                      .p_vaddr = FLASH,
                      .p_paddr = FLASH,
                      .p_filesz = FLASH_SIZE,
                      .p_memsz = FLASH_SIZE,
                      .p_flags = PF_R | PF_X};
    _cleanup_elf_ struct elf elf = elf_build(&all, 1, NULL, 0);

    (void)state;
    elf_set_vector(&elf, 0, STACK);
    elf_set_vector(&elf, 1, RESET);
    struct sketch_report report = check(&elf);
    assert_int_equal(report.code, SKETCH_ACCEPTED);
    assert_int_equal(report.image_size, FLASH_SIZE);
    assert_int_equal(report.sectors, FLASH_SIZE / SECTOR);
    for (size_t i = 0; i < FLASH_SIZE / SECTOR; i++)
        assert_int_equal(report.sector_used[i], SECTOR);
    assert_int_equal(report.ram_used, 0);
}

/* RAM that segments share is counted once, wherever they lie to each other. */
static void test_ram(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    Elf32_Phdr *bss = elf_segment(&elf, BSS_SEGMENT);

    (void)state;
    bss->p_vaddr = DATA;
    assert_int_equal(check(&elf).ram_used, BSS_SIZE);
    bss->p_vaddr = DATA + DATA_SIZE - 4;
    assert_int_equal(check(&elf).ram_used, DATA_SIZE - 4 + BSS_SIZE);
    bss->p_vaddr = DATA + 4;
    bss->p_memsz = 4;
    assert_int_equal(check(&elf).ram_used, DATA_SIZE);
    bss->p_vaddr = D3;
    assert_int_equal(check(&elf).ram_used, DATA_SIZE + 4);
    bss->p_memsz = 0;
    assert_int_equal(check(&elf).ram_used, DATA_SIZE);
}

/* Both vectors are read from the image, so two segments may hold one word each. */
static void test_vectors_in_two_segments(void **state)
{
    Elf32_Phdr s = {.p_type = PT_LOAD, .p_flags = PF_X, .p_filesz = 4, .p_memsz = 4};
    Elf32_Phdr segments[2] = {s, s};

    (void)state;
    segments[0].p_vaddr = segments[0].p_paddr = FLASH + 4;
    segments[1].p_vaddr = segments[1].p_paddr = FLASH;
    _cleanup_elf_ struct elf elf = elf_build(segments, 2, NULL, 0);
    const uint32_t stack = STACK, reset = FLASH + 1;
    memcpy(elf.bytes + elf_segment(&elf, 1)->p_offset, &stack, 4);
    memcpy(elf.bytes + elf_segment(&elf, 0)->p_offset, &reset, 4);
    elf_header(&elf)->e_entry = reset;
    struct sketch_report report = check(&elf);
    assert_int_equal(report.code, SKETCH_ACCEPTED);
    assert_int_equal(report.stack_pointer, stack);
    assert_int_equal(report.reset_vector, reset);
    assert_int_equal(report.flash_used, 8);
}

/* Outputs stay as they are for a board that is none. */
static void test_unsound_boards(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    uint8_t mark, *image = &mark;
    struct sketch_report report = {.code = SKETCH_OVERLAP};
    struct board boards[6];

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(boards); i++)
        boards[i] = test_board;
    boards[0].sector_size = 0;
    boards[1].flash.size = 0;
    boards[2].sector_size = SECTOR / 16;
    boards[3].flash.size -= 1;
    boards[4].n_ram = BOARD_RANGES_MAX + 1;
    boards[5].n_protected_flash = BOARD_RANGES_MAX + 1;
    for (size_t i = 0; i < ELEMENTSOF(boards); i++)
        assert_int_equal(sketch_check(&boards[i], elf.bytes, elf.size, &report, &image), -EINVAL);
    assert_int_equal(report.code, SKETCH_OVERLAP);
    assert_ptr_equal(image, &mark);
    boards[2].sector_size = SECTOR / 8; /* as many sectors as a report has room for */
    assert_int_equal(check_on(&boards[2], elf.bytes, elf.size, NULL).code, SKETCH_ACCEPTED);
    boards[0].sector_size = SECTOR;
    boards[0].flash.start = UINT32_C(0xfff00001);
    assert_int_equal(sketch_check(&boards[0], elf.bytes, elf.size, &report, &image), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_sectors),
        cmocka_unit_test(test_full_window),
        cmocka_unit_test(test_ram),
        cmocka_unit_test(test_vectors_in_two_segments),
        cmocka_unit_test(test_unsound_boards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
