/* How a sketch uses RAM: what counts for which use, and that every byte counts once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "extra_sections.h"
#include "fixture.h"

enum { STACK_SIZE = 0x400, HEAP_SIZE = 0x8000, HEAP = BSS + BSS_SIZE };

/* The map of a sketch that is accepted, whose RAM adds up to what the report says. */
static struct sketch_map map(const struct elf *elf)
{
    struct sketch_report report = check(elf);
    struct sketch_map map;
    uint32_t used = 0;

    assert_string_equal(sketch_code_name(report.code), "accepted");
    memset(&map, 0xa5, sizeof(map));
    assert_int_equal(sketch_map(&test_board, elf->bytes, elf->size, report.stack_pointer, &map), 0);
    for (size_t i = 0; i < test_board.n_ram; i++) {
        uint32_t sum = 0;
        for (size_t use = 0; use < _SKETCH_USE_MAX; use++)
            sum += map.ram[i][use];
        assert_int_equal(sum, test_board.ram[i].size);
        used += map.ram[i][SKETCH_DATA] + map.ram[i][SKETCH_BSS];
    }
    assert_true(used <= report.ram_used);
    return map;
}

#define assert_use(map, range, data, stack, heap, bss)           \
    do {                                                         \
        assert_int_equal((map).ram[range][SKETCH_DATA], data);   \
        assert_int_equal((map).ram[range][SKETCH_STACK], stack); \
        assert_int_equal((map).ram[range][SKETCH_HEAP], heap);   \
        assert_int_equal((map).ram[range][SKETCH_BSS], bss);     \
    } while (0)

static const struct extra_section reserves[] = {
    {.name = ".heap", .header = {.sh_addr = HEAP, .sh_size = HEAP_SIZE}},
    {.name = ".stack_dummy", .header = {.sh_addr = HEAP, .sh_size = STACK_SIZE}},
};

static void test_segments_alone(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    struct sketch_map with_sections = map(&elf);
    assert_use(with_sections, 0, DATA_SIZE, 0, 0, BSS_SIZE);
    assert_use(with_sections, 1, 0, 0, 0, 0);
    elf_strip(&elf);
    struct sketch_map without = map(&elf);
    assert_memory_equal(&with_sections, &without, sizeof(without));
}

static void test_one_segment_for_both(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_segment(&elf, DATA_SEGMENT)->p_memsz += BSS_SIZE;
    elf_segment(&elf, BSS_SEGMENT)->p_type = PT_NULL;
    assert_use(map(&elf), 0, DATA_SIZE, 0, 0, BSS_SIZE);
}

/* The stack lies below the stack pointer, whatever its section's address. */
static void test_reserves(void **state)
{
    _cleanup_elf_ struct elf elf = elf_with_sections(reserves, ELEMENTSOF(reserves));

    (void)state;
    assert_use(map(&elf), 0, DATA_SIZE, STACK_SIZE, HEAP_SIZE, BSS_SIZE);
    elf_set_vector(&elf, 0, HEAP + STACK_SIZE / 2);
    assert_use(map(&elf), 0, DATA_SIZE, STACK_SIZE, HEAP_SIZE - STACK_SIZE / 2,
               BSS_SIZE - STACK_SIZE / 2);
}

static void test_names_of_reserves(void **state)
{
    static const struct {
        const char *name;
        bool counts;
    } cases[] = {{".stack", true},        {".stack_dummy", true}, {".stack_sizes", false},
                 {".stack_dumm", false},  {"stack", false},       {"", false},
                 {".stack_dummy2", false}};

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct extra_section section = {.name = cases[i].name, .header = {.sh_size = 8}};
        _cleanup_elf_ struct elf elf = elf_with_sections(&section, 1);
        assert_use(map(&elf), 0, DATA_SIZE, cases[i].counts ? 8 : 0, 0, BSS_SIZE);
    }
}

/* An empty one reserves nothing; the first one with bytes counts. */
static void test_first_of_several(void **state)
{
    static const struct extra_section several[] = {
        {.name = ".heap", .header = {.sh_addr = HEAP, .sh_size = 0}},
        {.name = ".heap", .header = {.sh_addr = HEAP, .sh_size = 8}},
        {.name = ".heap", .header = {.sh_addr = HEAP + 8, .sh_size = 16}},
        {.name = ".stack", .header = {.sh_size = 24}},
        {.name = ".stack_dummy", .header = {.sh_size = 32}},
    };
    _cleanup_elf_ struct elf elf = elf_with_sections(several, ELEMENTSOF(several));

    (void)state;
    assert_use(map(&elf), 0, DATA_SIZE, 24, 8, BSS_SIZE);
}

/* The heap claims all there is; data and stack come first, .bss does not. */
static void test_overlaps(void **state)
{
    static const struct extra_section greedy[] = {
        {.name = ".heap", .header = {.sh_addr = 0, .sh_size = UINT32_MAX}},
        {.name = ".stack", .header = {.sh_size = STACK_SIZE}},
    };
    _cleanup_elf_ struct elf elf = elf_with_sections(greedy, ELEMENTSOF(greedy));

    (void)state;
    assert_use(map(&elf), 0, DATA_SIZE, STACK_SIZE, D2_SIZE - DATA_SIZE - STACK_SIZE, 0);
    assert_use(map(&elf), 1, 0, 0, D3_SIZE, 0);
}

/* It does not go on from the highest address. */
static void test_more_stack_than_addresses(void **state)
{
    struct extra_section stack = {.name = ".stack", .header = {.sh_size = UINT32_MAX}};
    _cleanup_elf_ struct elf elf = elf_with_sections(&stack, 1);

    (void)state;
    struct sketch_map without = map(&elf);
    assert_use(without, 0, DATA_SIZE, 0, 0, BSS_SIZE);
    assert_use(without, 1, 0, 0, 0, 0);
}

/* The default sketch with a .stack of STACK_SIZE, and a symbol. */
static struct elf elf_with_symbol(const char *name, uint32_t value, uint16_t section)
{
    const Elf32_Sym symbol = {.st_name = 0, .st_value = value, .st_shndx = section};
    const struct extra_section sections[] = {
        {.name = ".stack", .header = {.sh_size = STACK_SIZE}},
        {.name = ".symtab",
         .header = {.sh_type = SHT_SYMTAB,
                    .sh_size = sizeof(symbol),
                    .sh_link = N_SECTIONS + 2,
                    .sh_entsize = sizeof(symbol)},
         .data = &symbol},
        {.name = ".strtab",
         .header = {.sh_type = SHT_STRTAB, .sh_size = (uint32_t)strlen(name) + 1},
         .data = name},
    };

    return elf_with_sections(sections, ELEMENTSOF(sections));
}

static void test_stack_limit(void **state)
{
    static const struct {
        const char *name;
        uint32_t value;
        uint16_t section;
        uint32_t stack;
    } cases[] = {
        {"__StackLimit", STACK - 24, SHN_ABS, 24},
        {"__StackLimit", STACK - 24, 1, 24},
        {"__StackLimit", STACK - 24, SHN_UNDEF, STACK_SIZE},
        {"__StackLimi", STACK - 24, SHN_ABS, STACK_SIZE},
        {"__StackLimits", STACK - 24, SHN_ABS, STACK_SIZE},
        {"__StackLimit", STACK, SHN_ABS, 0},
        {"__StackLimit", STACK + 8, SHN_ABS, 0}, /* above the stack's top */
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_elf_ struct elf elf =
            elf_with_symbol(cases[i].name, cases[i].value, cases[i].section);
        struct sketch_map both = map(&elf);
        assert_use(both, 0, DATA_SIZE, cases[i].stack, 0, BSS_SIZE);
        assert_use(both, 1, 0, 0, 0, 0);
    }
}

static void test_stack_limit_out_of_reach(void **state)
{
    _cleanup_elf_ struct elf elf = elf_with_symbol("__StackLimit", STACK - 24, SHN_ABS);
    Elf32_Shdr *table = elf_section(&elf, N_SECTIONS + 1), *names = table + 1;

    (void)state;
    names->sh_size -= 1; /* its NUL is outside */
    assert_use(map(&elf), 0, DATA_SIZE, STACK_SIZE, 0, BSS_SIZE);
    table->sh_link = UINT32_MAX;
    assert_use(map(&elf), 0, DATA_SIZE, STACK_SIZE, 0, BSS_SIZE);
}

static void test_second_range(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_segment(&elf, BSS_SEGMENT)->p_vaddr = D3;
    struct sketch_map both = map(&elf);
    assert_use(both, 0, DATA_SIZE, 0, 0, 0);
    assert_use(both, 1, 0, 0, 0, BSS_SIZE);
}

static void test_names_out_of_reach(void **state)
{
    _cleanup_elf_ struct elf elf = elf_with_sections(reserves, ELEMENTSOF(reserves));
    Elf32_Shdr *names = elf_section(&elf, elf_header(&elf)->e_shstrndx);
    Elf32_Shdr *heap = elf_section(&elf, N_SECTIONS), *stack = heap + 1;
    const uint32_t saved = names->sh_size;

    (void)state;
    names->sh_size = heap->sh_name - 1; /* both names are behind its end */
    assert_use(map(&elf), 0, DATA_SIZE, 0, 0, BSS_SIZE);
    names->sh_size = saved;
    heap->sh_name = UINT32_MAX;
    assert_use(map(&elf), 0, DATA_SIZE, STACK_SIZE, 0, BSS_SIZE);
    names->sh_size = stack->sh_name + (uint32_t)strlen(".stack_dummy"); /* its NUL is outside */
    assert_use(map(&elf), 0, DATA_SIZE, 0, 0, BSS_SIZE);
    names->sh_type = SHT_NOBITS; /* which may point anywhere */
    names->sh_offset = (uint32_t)elf.size - 1;
    names->sh_size = UINT32_MAX;
    assert_use(map(&elf), 0, DATA_SIZE, 0, 0, BSS_SIZE);
}

static void test_unsound_board(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    struct board board = test_board;
    struct sketch_map map;

    (void)state;
    board.n_ram = BOARD_RANGES_MAX + 1;
    assert_int_equal(sketch_map(&board, elf.bytes, elf.size, STACK, &map), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_alone),
        cmocka_unit_test(test_one_segment_for_both),
        cmocka_unit_test(test_reserves),
        cmocka_unit_test(test_names_of_reserves),
        cmocka_unit_test(test_first_of_several),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_more_stack_than_addresses),
        cmocka_unit_test(test_stack_limit),
        cmocka_unit_test(test_stack_limit_out_of_reach),
        cmocka_unit_test(test_second_range),
        cmocka_unit_test(test_names_out_of_reach),
        cmocka_unit_test(test_unsound_board),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
