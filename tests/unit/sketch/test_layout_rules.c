/* Rules about addresses, at the first and last byte of every range. */
#include <string.h>

#include "fixture.h"

/* The default sketch with .data stored at address. */
static struct elf with_data_at(uint32_t address)
{
    struct elf elf = elf_default();

    elf_segment(&elf, DATA_SEGMENT)->p_paddr = address;
    return elf;
}

#define assert_data_at(address, expected)                      \
    do {                                                       \
        _cleanup_elf_ struct elf _elf = with_data_at(address); \
        assert_verdict(&_elf, expected);                       \
    } while (0)

static void test_no_code(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default(), none = elf_build(NULL, 0, NULL, 0);

    (void)state;
    assert_verdict(&none, SKETCH_NO_CODE);
    elf_segment(&elf, CODE_SEGMENT)->p_filesz = 0;
    elf_segment(&elf, DATA_SEGMENT)->p_type = PT_NOTE;
    assert_verdict(&elf, SKETCH_NO_CODE);
}

static void test_protected_flash(void **state)
{
    _cleanup_elf_ struct elf elf = with_data_at(M7 - DATA_SIZE), other = with_data_at(M7);

    (void)state;
    assert_sentence(&elf, SKETCH_PROTECTED_FLASH, "bootloader (0x08000000-0x0803ffff)");
    assert_sentence(&elf, SKETCH_PROTECTED_FLASH, "0x0803ffc0-0x0803ffff.");
    assert_string_equal(check(&elf).hint, "Hint of the bootloader.");
    assert_sentence(&other, SKETCH_PROTECTED_FLASH, "M7 firmware (0x08040000-0x080fffff)");
    assert_string_equal(check(&other).hint, "Hint of the M7 firmware.");

    assert_data_at(BOOTLOADER - DATA_SIZE, SKETCH_OUTSIDE_FLASH);
    assert_data_at(BOOTLOADER - DATA_SIZE + 1, SKETCH_PROTECTED_FLASH);
    assert_data_at(FLASH - 1, SKETCH_PROTECTED_FLASH);
}

static void test_hint_of_a_range_without_one(void **state)
{
    _cleanup_elf_ struct elf elf = with_data_at(M7);
    struct board board = test_board;

    (void)state;
    board.protected_flash[1].hint[0] = '\0';
    struct sketch_report report = check_on(&board, elf.bytes, elf.size, NULL);
    assert_int_equal(report.code, SKETCH_PROTECTED_FLASH);
    assert_string_equal(report.hint, sketch_code_hint(SKETCH_PROTECTED_FLASH));
}

static void test_ram_load(void **state)
{
    _cleanup_elf_ struct elf elf = with_data_at(D3);

    (void)state;
    assert_sentence(&elf, SKETCH_RAM_LOAD, "D3 SRAM");
    assert_data_at(D2 - DATA_SIZE, SKETCH_OUTSIDE_FLASH);
    assert_data_at(D2 - DATA_SIZE + 1, SKETCH_RAM_LOAD);
    assert_data_at(D2 + D2_SIZE - 1, SKETCH_RAM_LOAD);
    assert_data_at(D2 + D2_SIZE, SKETCH_OUTSIDE_FLASH);
}

static void test_outside_flash(void **state)
{
    _cleanup_elf_ struct elf elf = with_data_at(FLASH + FLASH_SIZE);
    struct board board = test_board;

    (void)state;
    assert_sentence(&elf, SKETCH_OUTSIDE_FLASH, "0x08200000");
    assert_data_at(0x90000000, SKETCH_OUTSIDE_FLASH);
    /* Right before the window, where nothing is protected. */
    board.n_protected_flash = 0;
    elf_segment(&elf, DATA_SEGMENT)->p_paddr = FLASH - 1;
    assert_int_equal(check_on(&board, elf.bytes, elf.size, NULL).code, SKETCH_OUTSIDE_FLASH);
}

static void test_image_too_big(void **state)
{
    _cleanup_elf_ struct elf elf = with_data_at(FLASH + FLASH_SIZE - DATA_SIZE + 1);

    (void)state;
    assert_sentence(&elf, SKETCH_IMAGE_TOO_BIG, "1 more than");
    assert_data_at(FLASH + FLASH_SIZE - DATA_SIZE, SKETCH_ACCEPTED);
    assert_data_at(FLASH + FLASH_SIZE - 1, SKETCH_IMAGE_TOO_BIG);
}

static void test_overlap(void **state)
{
    _cleanup_elf_ struct elf elf = with_data_at(FLASH + CODE_SIZE - 1);

    (void)state;
    assert_sentence(&elf, SKETCH_OVERLAP, "0x08100000 and 64 bytes at 0x081003ff");
    assert_data_at(FLASH, SKETCH_OVERLAP);
    assert_data_at(FLASH + 8, SKETCH_OVERLAP);
    assert_data_at(FLASH + CODE_SIZE, SKETCH_ACCEPTED);
    /* Addresses at run time may be shared: linker scripts make overlays of that. */
    elf_segment(&elf, DATA_SEGMENT)->p_paddr = FLASH + CODE_SIZE;
    elf_segment(&elf, BSS_SEGMENT)->p_vaddr = DATA;
    assert_verdict(&elf, SKETCH_ACCEPTED);
}

/* Three segments of which the first and the last in the table overlap. */
static void test_overlap_of_unsorted(void **state)
{
    Elf32_Phdr s = {.p_type = PT_LOAD, .p_filesz = 0x100, .p_memsz = 0x100};
    Elf32_Phdr segments[3] = {s, s, s};

    (void)state;
    segments[0].p_paddr = FLASH + 0x1000;
    segments[1].p_paddr = FLASH;
    segments[2].p_paddr = FLASH + 0x10ff;
    _cleanup_elf_ struct elf elf = elf_build(segments, 3, NULL, 0);
    assert_verdict(&elf, SKETCH_OVERLAP);
    elf_segment(&elf, 2)->p_paddr++;
    assert_verdict(&elf, SKETCH_STACK_POINTER);
}

static void test_no_vector_table(void **state)
{
    Elf32_Phdr s = {.p_type = PT_LOAD, .p_filesz = 4, .p_memsz = 4, .p_paddr = FLASH};
    Elf32_Phdr segments[2] = {s, s};

    (void)state;
    _cleanup_elf_ struct elf one = elf_build(segments, 1, NULL, 0);
    assert_sentence(&one, SKETCH_NO_VECTOR_TABLE, "nothing for 0x08100004");
    segments[1].p_paddr = FLASH + 5;
    _cleanup_elf_ struct elf gap = elf_build(segments, 2, NULL, 0);
    assert_sentence(&gap, SKETCH_NO_VECTOR_TABLE, "nothing for 0x08100004");
    /* Two segments may share it. */
    segments[0].p_paddr = FLASH + 4;
    segments[1].p_paddr = FLASH;
    _cleanup_elf_ struct elf both = elf_build(segments, 2, NULL, 0);
    assert_verdict(&both, SKETCH_STACK_POINTER);

    _cleanup_elf_ struct elf late = elf_default();
    elf_segment(&late, CODE_SEGMENT)->p_paddr++;
    elf_segment(&late, DATA_SEGMENT)->p_paddr++;
    assert_sentence(&late, SKETCH_NO_VECTOR_TABLE, "nothing for 0x08100000");
    elf_segment(&late, CODE_SEGMENT)->p_paddr = FLASH;
    elf_segment(&late, CODE_SEGMENT)->p_filesz = 7;
    assert_sentence(&late, SKETCH_NO_VECTOR_TABLE, "nothing for 0x08100007");
}

/* With every p_paddr 0, of whatever type, p_vaddr counts; one that is not 0 is enough. */
static void test_load_at_vaddr(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_segment(&elf, CODE_SEGMENT)->p_paddr = 0;
    elf_segment(&elf, DATA_SEGMENT)->p_paddr = 0;
    elf_segment(&elf, BSS_SEGMENT)->p_paddr = 0;
    assert_verdict(&elf, SKETCH_RAM_LOAD); /* .data */
    elf_segment(&elf, DATA_SEGMENT)->p_type = PT_NULL;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    elf_segment(&elf, DATA_SEGMENT)->p_paddr = 1;
    assert_verdict(&elf, SKETCH_OUTSIDE_FLASH);
}

/* The default sketch with .bss at address, size bytes long. */
static enum sketch_code verdict_of_bss(uint32_t address, uint32_t size)
{
    _cleanup_elf_ struct elf elf = elf_default();

    elf_segment(&elf, BSS_SEGMENT)->p_vaddr = address;
    elf_segment(&elf, BSS_SEGMENT)->p_memsz = size;
    return check(&elf).code;
}

static void test_ram_overflow(void **state)
{
    (void)state;
    assert_int_equal(verdict_of_bss(D2, D2_SIZE), SKETCH_ACCEPTED);
    assert_int_equal(verdict_of_bss(D2, D2_SIZE + 1), SKETCH_RAM_OVERFLOW);
    assert_int_equal(verdict_of_bss(D2 - 1, 1), SKETCH_RAM_OVERFLOW);
    assert_int_equal(verdict_of_bss(D2 + D2_SIZE, 1), SKETCH_RAM_OVERFLOW);
    assert_int_equal(verdict_of_bss(D3, D3_SIZE), SKETCH_ACCEPTED);
    assert_int_equal(verdict_of_bss(D3 + D3_SIZE - 1, 2), SKETCH_RAM_OVERFLOW);
    assert_int_equal(verdict_of_bss(0x12345678, 0), SKETCH_ACCEPTED);
    assert_int_equal(verdict_of_bss(FLASH + 0x1000, 4), SKETCH_RAM_OVERFLOW);
    assert_int_equal(verdict_of_bss(0, UINT32_MAX), SKETCH_RAM_OVERFLOW);
}

static void test_ram_overflow_sentences(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_segment(&elf, BSS_SEGMENT)->p_memsz = D2_SIZE;
    assert_sentence(&elf, SKETCH_RAM_OVERFLOW, "728 more than the D2 SRAM (288 KiB)");
    elf_segment(&elf, BSS_SEGMENT)->p_vaddr = 0x20000000;
    assert_sentence(&elf, SKETCH_RAM_OVERFLOW, "no RAM");
}

/* A program segment's memory counts too: in RAM, or in flash if all of it comes from the file. */
static void test_ram_overflow_of_programs(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_segment(&elf, DATA_SEGMENT)->p_vaddr = 0x20000000;
    assert_verdict(&elf, SKETCH_RAM_OVERFLOW);
    elf_segment(&elf, DATA_SEGMENT)->p_vaddr = FLASH + FLASH_SIZE - DATA_SIZE;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    elf_segment(&elf, DATA_SEGMENT)->p_vaddr++;
    assert_verdict(&elf, SKETCH_RAM_OVERFLOW);
    elf_segment(&elf, DATA_SEGMENT)->p_vaddr = DATA;
    elf_segment(&elf, CODE_SEGMENT)->p_memsz++;
    assert_verdict(&elf, SKETCH_RAM_OVERFLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_code),
        cmocka_unit_test(test_protected_flash),
        cmocka_unit_test(test_hint_of_a_range_without_one),
        cmocka_unit_test(test_ram_load),
        cmocka_unit_test(test_outside_flash),
        cmocka_unit_test(test_image_too_big),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_overlap_of_unsorted),
        cmocka_unit_test(test_no_vector_table),
        cmocka_unit_test(test_load_at_vaddr),
        cmocka_unit_test(test_ram_overflow),
        cmocka_unit_test(test_ram_overflow_sentences),
        cmocka_unit_test(test_ram_overflow_of_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
