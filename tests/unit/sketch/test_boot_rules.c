/* Rules about starting and running, bit by bit. */
#include <string.h>

#include "fixture.h"

static enum sketch_code verdict_of_stack(const struct board *board, uint32_t pointer)
{
    _cleanup_elf_ struct elf elf = elf_default();

    elf_set_vector(&elf, 0, pointer);
    return check_on(board, elf.bytes, elf.size, NULL).code;
}

static void test_boot_rule(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    struct board board = test_board;

    (void)state;
    elf_set_vector(&elf, 0, D3 + D3_SIZE);
    assert_sentence(&elf, SKETCH_STACK_POINTER, "programmed but never start");
    assert_sentence(&elf, SKETCH_STACK_POINTER, "0x38010000");
    elf_set_vector(&elf, 0, UINT32_MAX); /* erased flash */
    assert_sentence(&elf, SKETCH_STACK_POINTER, "never start");
    /* A board without the rule takes any RAM. */
    board.stack_mask = board.stack_value = 0;
    assert_int_equal(verdict_of_stack(&board, D3 + D3_SIZE), SKETCH_ACCEPTED);
    board.stack_value = 1; /* and none takes this */
    assert_int_equal(verdict_of_stack(&board, STACK), SKETCH_STACK_POINTER);
}

static void test_stack_alignment(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    for (uint32_t i = 1; i < 8; i++)
        assert_int_equal(verdict_of_stack(&test_board, STACK - i), SKETCH_STACK_POINTER);
    assert_int_equal(verdict_of_stack(&test_board, STACK - 8), SKETCH_ACCEPTED);
    elf_set_vector(&elf, 0, STACK - 4);
    assert_sentence(&elf, SKETCH_STACK_POINTER, "multiple of 8");
}

static void test_stack_in_ram(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    struct board board = test_board;

    (void)state;
    elf_set_vector(&elf, 0, STACK + 8);
    assert_sentence(&elf, SKETCH_STACK_POINTER, "RAM");
    assert_int_equal(verdict_of_stack(&test_board, D2), SKETCH_STACK_POINTER);
    assert_int_equal(verdict_of_stack(&test_board, D2 + 8), SKETCH_ACCEPTED);
    board.n_ram = 0;
    assert_int_equal(verdict_of_stack(&board, STACK), SKETCH_STACK_POINTER);
}

static enum sketch_code verdict_of_reset(uint32_t vector)
{
    _cleanup_elf_ struct elf elf = elf_default();

    elf_set_vector(&elf, 1, vector);
    return check(&elf).code;
}

static void test_reset_vector(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    assert_int_equal(verdict_of_reset(FLASH + 1), SKETCH_ACCEPTED);
    assert_int_equal(verdict_of_reset(FLASH - 1), SKETCH_RESET_VECTOR);
    assert_int_equal(verdict_of_reset(FLASH + CODE_SIZE - 1), SKETCH_ACCEPTED);
    assert_int_equal(verdict_of_reset(FLASH + CODE_SIZE + 1), SKETCH_RESET_VECTOR);
    assert_int_equal(verdict_of_reset(DATA + 1), SKETCH_RESET_VECTOR);
    assert_int_equal(verdict_of_reset(UINT32_MAX), SKETCH_RESET_VECTOR);
    elf_set_vector(&elf, 1, RESET - 1);
    assert_sentence(&elf, SKETCH_RESET_VECTOR, "Thumb");
}

/* Code must be executable, and the core finds it only where it is stored. */
static void test_reset_vector_leads_to_code(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default(), moved = elf_default();

    (void)state;
    elf_segment(&elf, CODE_SEGMENT)->p_flags = PF_R | PF_W;
    assert_sentence(&elf, SKETCH_RESET_VECTOR, "lead to code");
    elf_segment(&elf, CODE_SEGMENT)->p_flags = PF_X;
    assert_verdict(&elf, SKETCH_ACCEPTED);

    elf_segment(&moved, CODE_SEGMENT)->p_vaddr = FLASH + 0x1000;
    assert_verdict(&moved, SKETCH_RESET_VECTOR);
    elf_set_vector(&moved, 1, FLASH + 0x1041);
    assert_verdict(&moved, SKETCH_RESET_VECTOR);
}

static enum sketch_code verdict_of_entry(uint32_t entry)
{
    _cleanup_elf_ struct elf elf = elf_default();

    elf_header(&elf)->e_entry = entry;
    return check(&elf).code;
}

static void test_entry_point(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    assert_int_equal(verdict_of_entry(FLASH), SKETCH_ACCEPTED);
    assert_int_equal(verdict_of_entry(FLASH + CODE_SIZE - 1), SKETCH_ACCEPTED);
    assert_int_equal(verdict_of_entry(FLASH + CODE_SIZE), SKETCH_ENTRY_POINT);
    assert_int_equal(verdict_of_entry(FLASH - 1), SKETCH_ENTRY_POINT);
    assert_int_equal(verdict_of_entry(DATA), SKETCH_ENTRY_POINT); /* not where it is stored */
    assert_int_equal(verdict_of_entry(BSS), SKETCH_ENTRY_POINT);
    elf_header(&elf)->e_entry = 0;
    assert_sentence(&elf, SKETCH_ENTRY_POINT, "0x00000000");
    /* Unlike the reset vector, it may lead to data: nothing runs it. */
    elf_segment(&elf, DATA_SEGMENT)->p_vaddr = FLASH + CODE_SIZE;
    elf_header(&elf)->e_entry = FLASH + CODE_SIZE + 2;
    assert_verdict(&elf, SKETCH_ACCEPTED);
}

struct core {
    uint8_t arch, profile, fp, hardfp;
};

/* The default sketch with these four attributes, judged for a board with this FPU. */
static struct sketch_report check_core(enum board_fpu fpu, struct core core)
{
    const uint8_t pairs[] = {6, core.arch, 7, core.profile, 10, core.fp, 27, core.hardfp};
    _cleanup_elf_ struct elf elf = elf_with_attributes(pairs, sizeof(pairs));
    struct board board = test_board;

    board.fpu = fpu;
    return check_on(&board, elf.bytes, elf.size, NULL);
}

static void test_architecture(void **state)
{
    (void)state;
    for (uint8_t arch = 0; arch <= 13; arch++)
        assert_int_equal(check_core(BOARD_FPU_SINGLE, (struct core){arch, 'M', 0, 0}).code,
                         SKETCH_ACCEPTED);
    for (uint8_t arch = 14; arch <= 127 && arch > 13; arch++)
        assert_int_equal(check_core(BOARD_FPU_SINGLE, (struct core){arch, 'M', 0, 0}).code,
                         SKETCH_WRONG_CORE);
    struct sketch_report report = check_core(BOARD_FPU_SINGLE, (struct core){17, 'M', 0, 0});
    assert_non_null(strstr(report.sentence, "ARMv8-M Mainline"));
    report = check_core(BOARD_FPU_SINGLE, (struct core){22, 'M', 0, 0});
    assert_non_null(strstr(report.sentence, "Tag_CPU_arch 22"));
}

static void test_profile(void **state)
{
    static const char wrong[] = {'A', 'R', 'S'};

    (void)state;
    assert_int_equal(check_core(BOARD_FPU_SINGLE, (struct core){10, 0, 0, 0}).code,
                     SKETCH_ACCEPTED);
    for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
        struct core core = {10, (uint8_t)wrong[i], 0, 0};
        assert_int_equal(check_core(BOARD_FPU_SINGLE, core).code, SKETCH_WRONG_CORE);
    }
    struct sketch_report report = check_core(BOARD_FPU_SINGLE, (struct core){15, 'R', 0, 0});
    assert_non_null(strstr(report.sentence, "Cortex-R"));
}

/* Columns: Tag_ABI_HardFP_use 0 to 3; 1 is single precision only. */
static void assert_fpu(enum board_fpu fpu, uint8_t fp_arch, const bool runs[static 4])
{
    for (uint8_t hardfp = 0; hardfp < 4; hardfp++) {
        struct core core = {13, 'M', fp_arch, hardfp};
        assert_int_equal(check_core(fpu, core).code,
                         runs[hardfp] ? SKETCH_ACCEPTED : SKETCH_WRONG_CORE);
    }
}

static void test_fpu(void **state)
{
    static const bool all[4] = {true, true, true, true}, none[4] = {false};
    static const bool single[4] = {false, true, false, false};

    (void)state;
    for (uint8_t fp_arch = 0; fp_arch < 12; fp_arch++) {
        assert_fpu(BOARD_FPU_NONE, fp_arch, fp_arch == 0 ? all : none);
        assert_fpu(BOARD_FPU_SINGLE, fp_arch, fp_arch == 0 ? all : fp_arch <= 6 ? single : none);
        assert_fpu(BOARD_FPU_DOUBLE, fp_arch, fp_arch <= 8 ? all : none);
    }
    struct sketch_report report = check_core(BOARD_FPU_SINGLE, (struct core){13, 'M', 6, 0});
    assert_non_null(strstr(report.sentence, "double-precision"));
    report = check_core(BOARD_FPU_SINGLE, (struct core){13, 'M', 8, 1});
    assert_non_null(strstr(report.sentence, "FPv5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_rule),
        cmocka_unit_test(test_stack_alignment),
        cmocka_unit_test(test_stack_in_ram),
        cmocka_unit_test(test_reset_vector),
        cmocka_unit_test(test_reset_vector_leads_to_code),
        cmocka_unit_test(test_entry_point),
        cmocka_unit_test(test_architecture),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_fpu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
