/*
 * Files that no linker writes: huge tables, many segments, damage anywhere. The verdict matters
 * less than that there is one, at a cost that does not explode, and without touching a byte that is
 * not there (which the sanitizers and valgrind see).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "extra_sections.h"
#include "fixture.h"
#include "util/utf8.h"

/* n segments of 4 bytes each, side by side from the window's start, in descending order. */
static struct elf elf_with_many(size_t n)
{
    _cleanup_free_ Elf32_Phdr *segments = calloc(n, sizeof(*segments));

    assert_non_null(segments);
    for (size_t i = 0; i < n; i++) {
        uint32_t address = FLASH + 4 * (uint32_t)(n - 1 - i);

        segments[i] = (Elf32_Phdr){.p_type = PT_LOAD,
                                   .p_vaddr = address,
                                   .p_paddr = address,
                                   .p_filesz = 4,
                                   .p_memsz = 4,
                                   .p_flags = PF_X};
    }
    struct elf elf = elf_build(segments, n, NULL, 0);
    const uint32_t stack = STACK, reset = RESET;
    memcpy(elf.bytes + elf_segment(&elf, n - 1)->p_offset, &stack, 4);
    memcpy(elf.bytes + elf_segment(&elf, n - 2)->p_offset, &reset, 4);
    return elf;
}

static void test_many_segments(void **state)
{
    static const size_t numbers[] = {0xfffe, 0xffff, 70000};

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
        _cleanup_elf_ struct elf elf = elf_with_many(numbers[i]);
        struct sketch_report report = check(&elf);

        assert_int_equal(report.code, SKETCH_ACCEPTED);
        assert_int_equal(report.flash_used, 4 * numbers[i]);
        /* The last two in the table meet. */
        elf_segment(&elf, 0)->p_paddr -= 1;
        assert_verdict(&elf, SKETCH_OVERLAP);
    }
}

/* Every segment is a megabyte, of the same bytes of the file. */
static void test_many_large_segments(void **state)
{
    const size_t n = 0xfffe;
    _cleanup_free_ Elf32_Phdr *segments = calloc(n, sizeof(*segments));

    (void)state;
    assert_non_null(segments);
    _cleanup_elf_ struct elf elf = elf_build(segments, n, NULL, 0);
    for (size_t i = 0; i < n; i++)
        *elf_segment(&elf, i) = (Elf32_Phdr){.p_type = PT_LOAD,
                                             .p_paddr = FLASH + (uint32_t)(i % 16),
                                             .p_vaddr = FLASH,
                                             .p_filesz = FLASH_SIZE - 16,
                                             .p_memsz = FLASH_SIZE};
    assert_verdict(&elf, SKETCH_OVERLAP);
}

/* Memory only, all in the same RAM: its 64 KiB are counted once, not 4 GiB that wrap around. */
static void test_much_memory(void **state)
{
    const size_t n = 0xfffe;
    Elf32_Phdr bss = {.p_type = PT_LOAD, .p_memsz = 0x10000};
    _cleanup_free_ Elf32_Phdr *segments = calloc(n, sizeof(*segments));

    (void)state;
    assert_non_null(segments);
    for (size_t i = 0; i < n; i++) {
        bss.p_vaddr = D2 + (uint32_t)(i % 16);
        segments[i] = bss;
    }
    segments[CODE_SEGMENT] = (Elf32_Phdr){.p_type = PT_LOAD,
                                          .p_flags = PF_X,
                                          .p_vaddr = FLASH,
                                          .p_paddr = FLASH,
                                          .p_filesz = CODE_SIZE,
                                          .p_memsz = CODE_SIZE};
    _cleanup_elf_ struct elf elf = elf_build(segments, n, NULL, 0);
    elf_set_vector(&elf, 0, STACK);
    elf_set_vector(&elf, 1, RESET);
    struct sketch_report report = check(&elf);
    assert_int_equal(report.code, SKETCH_ACCEPTED);
    assert_int_equal(report.ram_used, 0x10000 + 15);
}

/* Attributes sections that all point to the same long bytes: read once, not once a section. */
static void test_many_attributes(void **state)
{
    const uint32_t n = 0xfff0, size = n * sizeof(Elf32_Shdr);
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf.bytes = realloc(elf.bytes, elf.size + size);
    assert_non_null(elf.bytes);
    memset(elf.bytes + elf.size, 0, size);
    elf_header(&elf)->e_shoff = (uint32_t)elf.size & ~3U;
    elf_header(&elf)->e_shnum = (uint16_t)n;
    elf_header(&elf)->e_shstrndx = 0;
    for (uint32_t i = 0; i < n; i++)
        *elf_section(&elf, i) = (Elf32_Shdr){
            .sh_type = SHT_ARM_ATTRIBUTES, .sh_offset = sizeof(Elf32_Ehdr), .sh_size = size};
    elf.size += size;
    assert_verdict(&elf, SKETCH_ACCEPTED);
}

/* A million symbols, each a little bigger than the one before, so that each is kept for a while. */
static void test_many_symbols(void **state)
{
    const uint32_t n = 1000000, first = N_SECTIONS;
    _cleanup_free_ Elf32_Sym *symbols = calloc(n, sizeof(*symbols));
    struct sketch_map map;

    (void)state;
    assert_non_null(symbols);
    for (uint32_t i = 0; i < n; i++)
        symbols[i] = (Elf32_Sym){.st_name = i,
                                 .st_value = FLASH,
                                 .st_size = i,
                                 .st_info = ELF32_ST_INFO(STB_GLOBAL, STT_OBJECT),
                                 .st_shndx = 1};
    const struct extra_section table = {.header = {.sh_type = SHT_SYMTAB,
                                                   .sh_size = n * sizeof(*symbols),
                                                   .sh_link = first,
                                                   .sh_entsize = sizeof(*symbols)},
                                        .name = ".symtab",
                                        .data = symbols};
    _cleanup_elf_ struct elf elf = elf_with_sections(&table, 1);
    assert_verdict(&elf, SKETCH_ACCEPTED);
    assert_int_equal(sketch_map(&test_board, elf.bytes, elf.size, STACK, &map), 0);
    assert_int_equal(map.n_symbols, SKETCH_SYMBOLS_MAX);
    assert_int_equal(map.symbols[0].size, n - 1);
    /* Every section is that table, as a name is none and as the heap's is all of the file. */
    elf_header(&elf)->e_shstrndx = first;
    assert_int_equal(sketch_map(&test_board, elf.bytes, elf.size, STACK, &map), 0);
}

/* Segments and sections without end, all of the same RAM; a map takes no longer than the check. */
static void test_map_of_many(void **state)
{
    _cleanup_elf_ struct elf elf = elf_with_many(70000);
    struct sketch_map map;

    (void)state;
    for (size_t i = 0; i < 70000; i++) {
        elf_segment(&elf, i)->p_vaddr = D2 + 8 * (uint32_t)(i % 1000);
        elf_segment(&elf, i)->p_memsz = 7;
    }
    assert_int_equal(sketch_map(&test_board, elf.bytes, elf.size, STACK, &map), 0);
    assert_int_equal(map.ram[0][SKETCH_DATA], 4 * 1000);
    assert_int_equal(map.ram[0][SKETCH_BSS], 3 * 1000);
}

/* A sequence of its own, so that a failure can be had again: xorshift32. */
static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Headers only: damaged code is still code. */
static size_t random_offset(const struct elf *elf, uint32_t *seed)
{
    const size_t head = sizeof(Elf32_Ehdr) + N_SEGMENTS * sizeof(Elf32_Phdr) + 8;
    const size_t tail = N_SECTIONS * sizeof(Elf32_Shdr) + 32;
    size_t offset = next_random(seed) % (head + tail);

    return offset < head ? offset : elf->size - tail + (offset - head);
}

/* One bit flipped, or one word of the headers copied over another. */
static void damage(struct elf *elf, uint32_t *seed)
{
    size_t from = random_offset(elf, seed) & ~(size_t)3, to = random_offset(elf, seed);

    if (next_random(seed) % 2)
        elf->bytes[to] ^= (uint8_t)(1U << next_random(seed) % 8);
    else
        memcpy(elf->bytes + (to & ~(size_t)3), elf->bytes + from, 4);
}

/* Whatever the file: a map, from a buffer of exactly its size, and no use of more than there is. */
static void look_at_map(const struct elf *elf, uint32_t stack_pointer)
{
    _cleanup_free_ uint8_t *copy = malloc(elf->size > 0 ? elf->size : 1);
    struct sketch_map map;

    assert_non_null(copy);
    memcpy(copy, elf->bytes, elf->size);
    assert_int_equal(sketch_map(&test_board, copy, elf->size, stack_pointer, &map), 0);
    for (size_t i = 0; i < test_board.n_ram; i++) {
        uint64_t sum = 0;
        for (size_t use = 0; use < _SKETCH_USE_MAX; use++)
            sum += map.ram[i][use];
        assert_int_equal(sum, test_board.ram[i].size);
    }
    assert_true(map.n_symbols <= SKETCH_SYMBOLS_MAX);
    for (size_t i = 0; i < map.n_symbols; i++) {
        size_t length = strnlen(map.symbols[i].name, SKETCH_NAME_MAX);
        assert_true(length < SKETCH_NAME_MAX);
        assert_true(utf8_is_printable(map.symbols[i].name, length));
    }
}

/* With all that a map reads: what is reserved, and symbols. */
static struct elf elf_with_map(void)
{
    static const char names[] = "\0loop\x1b[2J\xff";
    static const Elf32_Sym symbols[] = {
        {.st_name = 1, .st_value = RESET, .st_size = 8, .st_info = STT_FUNC, .st_shndx = 1},
        {.st_name = 2, .st_value = BSS, .st_size = 9, .st_info = STT_OBJECT, .st_shndx = 1},
    };
    static const struct extra_section sections[] = {
        {.name = ".heap", .header = {.sh_addr = BSS + BSS_SIZE, .sh_size = 0x8000}},
        {.name = ".stack", .header = {.sh_size = 0x400}},
        {.name = ".symtab",
         .header = {.sh_type = SHT_SYMTAB,
                    .sh_size = sizeof(symbols),
                    .sh_link = N_SECTIONS + 3,
                    .sh_entsize = sizeof(symbols[0])},
         .data = symbols},
        {.name = ".strtab",
         .header = {.sh_type = SHT_STRTAB, .sh_size = sizeof(names)},
         .data = names},
    };

    return elf_with_sections(sections, ELEMENTSOF(sections));
}

static void test_random_damage_to_map(void **state)
{
    _cleanup_elf_ struct elf whole = elf_with_map();
    /* Behind the code: symbols, names and section headers. */
    size_t from = elf_segment(&whole, DATA_SEGMENT)->p_offset;
    uint32_t seed = 0x70696374;
    bool has_symbols = false;

    (void)state;
    for (int round = 0; round < 30000; round++) {
        _cleanup_elf_ struct elf elf = {malloc(whole.size), whole.size};
        struct sketch_map map;

        assert_non_null(elf.bytes);
        memcpy(elf.bytes, whole.bytes, whole.size);
        for (uint32_t i = next_random(&seed) % 3 + 1; i > 0; i--) {
            size_t at = from + next_random(&seed) % (elf.size - from);
            elf.bytes[at] ^= (uint8_t)(1U << next_random(&seed) % 8);
        }
        if (round % 8 == 0)
            elf.size = from + next_random(&seed) % (elf.size - from);
        look_at_map(&elf, STACK);
        assert_int_equal(sketch_map(&test_board, elf.bytes, elf.size, STACK, &map), 0);
        has_symbols |= map.n_symbols > 0;
    }
    assert_true(has_symbols);
}

static void test_random_damage(void **state)
{
    bool seen[_SKETCH_CODE_MAX] = {false};
    uint32_t seed = 0x6d34666c;

    (void)state;
    seen[SKETCH_IMAGE_TOO_BIG] = true; /* so small a file hardly ever is */
    seen[SKETCH_SIGNATURE] = true;     /* which is judged elsewhere */
    for (int round = 0; round < 30000; round++) {
        _cleanup_elf_ struct elf elf = elf_default();

        for (uint32_t i = next_random(&seed) % 3 + 1; i > 0; i--)
            damage(&elf, &seed);
        if (round % 8 == 0)
            elf.size = next_random(&seed) % elf.size;
        seen[check(&elf).code] = true;
        look_at_map(&elf, next_random(&seed));
    }
    assert_true(seen[SKETCH_ACCEPTED]);
    /* The damage reaches every rule that a single damaged file can break. */
    for (int code = SKETCH_NOT_ELF; code < _SKETCH_CODE_MAX; code++)
        if (!seen[code])
            fail_msg("%s was never seen", sketch_code_name((enum sketch_code)code));
    assert_true(seen[SKETCH_ACCEPTED]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_segments), cmocka_unit_test(test_many_large_segments),
        cmocka_unit_test(test_much_memory),   cmocka_unit_test(test_many_attributes),
        cmocka_unit_test(test_many_symbols),  cmocka_unit_test(test_map_of_many),
        cmocka_unit_test(test_random_damage), cmocka_unit_test(test_random_damage_to_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
