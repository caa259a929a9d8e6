/* The biggest symbols: which of them, in which order, and what becomes of their names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "extra_sections.h"
#include "fixture.h"

enum { SYMBOLS_SECTION = N_SECTIONS, STRINGS_SECTION };

static const uint8_t function = ELF32_ST_INFO(STB_GLOBAL, STT_FUNC);
static const uint8_t object = ELF32_ST_INFO(STB_LOCAL, STT_OBJECT);

static struct elf elf_with_symbols(const Elf32_Sym *symbols, size_t n, const char *names,
                                   size_t names_size)
{
    const struct extra_section sections[] = {
        {".symtab",
         {.sh_type = SHT_SYMTAB,
          .sh_size = (uint32_t)(n * sizeof(*symbols)),
          .sh_link = STRINGS_SECTION,
          .sh_entsize = sizeof(*symbols)},
         symbols},
        {".strtab", {.sh_type = SHT_STRTAB, .sh_size = (uint32_t)names_size}, names},
    };

    return elf_with_sections(sections, ELEMENTSOF(sections));
}

static struct sketch_map map(const struct elf *elf)
{
    struct sketch_map map;

    memset(&map, 0xa5, sizeof(map));
    assert_string_equal(sketch_code_name(check(elf).code), "accepted");
    assert_int_equal(sketch_map(&test_board, elf->bytes, elf->size, STACK, &map), 0);
    for (size_t i = map.n_symbols; i < SKETCH_SYMBOLS_MAX; i++)
        assert_string_equal(map.symbols[i].name, "");
    return map;
}

static void assert_symbol(const struct sketch_map *map, size_t index, const char *name,
                          uint32_t address, uint32_t size)
{
    assert_true(index < map->n_symbols);
    assert_string_equal(map->symbols[index].name, name);
    assert_int_equal(map->symbols[index].address, address);
    assert_int_equal(map->symbols[index].size, size);
}

static void test_order(void **state)
{
    static const char names[] = "\0small\0loop\0twin\0alias\0big";
    static const Elf32_Sym symbols[] = {
        {0},
        {.st_name = 1, .st_value = BSS, .st_size = 4, .st_info = object, .st_shndx = 1},
        {.st_name = 7, .st_value = RESET, .st_size = 100, .st_info = function, .st_shndx = 1},
        {.st_name = 12, .st_value = DATA, .st_size = 100, .st_info = object, .st_shndx = 1},
        {.st_name = 17, .st_value = RESET, .st_size = 100, .st_info = function, .st_shndx = 1},
        {.st_name = 23, .st_value = BSS, .st_size = 4000, .st_info = object, .st_shndx = 1},
    };
    _cleanup_elf_ struct elf elf =
        elf_with_symbols(symbols, ELEMENTSOF(symbols), names, sizeof(names));

    (void)state;
    struct sketch_map shown = map(&elf);
    assert_int_equal(shown.n_symbols, 4);
    assert_symbol(&shown, 0, "big", BSS, 4000);
    assert_symbol(&shown, 1, "loop", RESET - 1, 100); /* at the lower address; not its alias */
    assert_symbol(&shown, 2, "twin", DATA, 100);
    assert_symbol(&shown, 3, "small", BSS, 4);
}

/* Ascending, descending and shuffled: always the same, the biggest ones. */
static void test_more_than_are_kept(void **state)
{
    enum { N = 100 };
    static const unsigned steps[] = {1, N - 1, 37};

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
        Elf32_Sym symbols[N];
        for (unsigned k = 0, at = 0; k < N; k++, at = (at + steps[i]) % N)
            symbols[k] =
                (Elf32_Sym){.st_value = D2, .st_size = at + 1, .st_info = object, .st_shndx = 1};
        _cleanup_elf_ struct elf elf = elf_with_symbols(symbols, N, "", 1);
        struct sketch_map shown = map(&elf);
        assert_int_equal(shown.n_symbols, SKETCH_SYMBOLS_MAX);
        for (uint32_t k = 0; k < SKETCH_SYMBOLS_MAX; k++)
            assert_symbol(&shown, k, "", D2, N - k);
    }
}

/* Each alone is left out; the one that they differ from is not. */
static void test_left_out(void **state)
{
    static const Elf32_Sym good = {
        .st_name = 1, .st_value = RESET, .st_size = 4, .st_info = function, .st_shndx = 1};
    Elf32_Sym symbols[] = {good, good, good, good, good, good, good, good};

    (void)state;
    symbols[0].st_info = ELF32_ST_INFO(STB_GLOBAL, STT_NOTYPE);
    symbols[1].st_info = ELF32_ST_INFO(STB_GLOBAL, STT_SECTION);
    symbols[2].st_shndx = SHN_UNDEF;
    symbols[3].st_size = 0;
    symbols[4].st_size = UINT32_MAX;
    symbols[5].st_value = FLASH + FLASH_SIZE;
    symbols[6].st_value = D2 - 2;
    symbols[7].st_value = M7;
    for (size_t i = 0; i < ELEMENTSOF(symbols); i++) {
        const Elf32_Sym both[] = {symbols[i], good};
        _cleanup_elf_ struct elf alone = elf_with_symbols(&symbols[i], 1, "\0x", 3);
        _cleanup_elf_ struct elf with_good = elf_with_symbols(both, 2, "\0x", 3);
        assert_int_equal(map(&alone).n_symbols, 0);
        assert_int_equal(map(&with_good).n_symbols, 1);
    }
}

static void assert_name(const char *names, size_t size, uint32_t offset, const char *expected)
{
    const Elf32_Sym symbol = {
        .st_name = offset, .st_value = D2, .st_size = 4, .st_info = object, .st_shndx = 1};
    char more[1100];

    memcpy(more, names, size);
    more[size] = '!';
    _cleanup_elf_ struct elf elf = elf_with_symbols(&symbol, 1, more, size + 1);
    elf_section(&elf, STRINGS_SECTION)->sh_size = (uint32_t)size;
    struct sketch_map shown = map(&elf);
    assert_symbol(&shown, 0, expected, D2, 4);
}

static void test_names(void **state)
{
    static const char hostile[] = "\0\x1b[2J\n\\\xff"
                                  "caf\u00e9\u202e";

    (void)state;
    assert_name("\0loop", 6, 0, "");
    assert_name("\0loop", 6, 1, "loop");
    assert_name("\0loop", 6, 3, "op");
    assert_name("loop", 4, 0, "loop"); /* no NUL, and behind it other bytes */
    assert_name("\0loop", 6, 6, "");
    assert_name("\0loop", 6, UINT32_MAX, "");
    assert_name(hostile, sizeof(hostile), 1, "\\x1b[2J\\x0a\\\\\\xffcaf\u00e9\\xe2\\x80\\xae");
}

/* Of n times the same text; the rest of the name is the text's unit, again and again. */
static void assert_long_name(const char *text, const char *shown, size_t n, size_t n_shown,
                             bool is_cut)
{
    char name[1024] = "", expected[1024] = "";

    for (size_t i = 0; i < n; i++)
        strcat(name, text);
    for (size_t i = 0; i < n_shown; i++)
        strcat(expected, shown);
    if (is_cut)
        strcat(expected, "...");
    assert_name(name, strlen(name) + 1, 0, expected);
}

static void test_long_names(void **state)
{
    (void)state;
    assert_long_name("x", "x", SKETCH_NAME_MAX - 1, SKETCH_NAME_MAX - 1, false);
    assert_long_name("x", "x", SKETCH_NAME_MAX, SKETCH_NAME_MAX - 4, true);
    assert_long_name("x", "x", 1000, SKETCH_NAME_MAX - 4, true);
    /* Nothing is divided: 124 bytes hold 62 letters of two, 41 of three, 31 escapes. */
    assert_long_name("\u00e9", "\u00e9", 200, 62, true);
    assert_long_name("\u20ac", "\u20ac", 200, 41, true);
    assert_long_name("\x1b", "\\x1b", 200, 31, true);
    assert_long_name("\\", "\\\\", 63, 63, false);
    assert_long_name("\\", "\\\\", 64, 62, true);
}

/* The table is not where it says, or not of what: there are no symbols, or none with a name. */
static void test_unusable_tables(void **state)
{
    static const Elf32_Sym symbol = {
        .st_name = 1, .st_value = D2, .st_size = 4, .st_info = object, .st_shndx = 1};
    _cleanup_elf_ struct elf elf = elf_with_symbols(&symbol, 1, "\0x", 3);
    Elf32_Shdr *table = elf_section(&elf, SYMBOLS_SECTION), saved = *table;
    Elf32_Shdr *strings = elf_section(&elf, STRINGS_SECTION);

    (void)state;
    table->sh_entsize = 0;
    assert_int_equal(map(&elf).n_symbols, 0);
    table->sh_entsize = 8;
    assert_int_equal(map(&elf).n_symbols, 0);
    *table = saved;
    table->sh_size = sizeof(symbol) - 1;
    assert_int_equal(map(&elf).n_symbols, 0);
    *table = saved;
    table->sh_link = UINT32_MAX;
    struct sketch_map shown = map(&elf);
    assert_symbol(&shown, 0, "", D2, 4);
    *table = saved;
    strings->sh_type = SHT_NOBITS;
    strings->sh_offset = UINT32_MAX;
    strings->sh_size = UINT32_MAX;
    shown = map(&elf);
    assert_symbol(&shown, 0, "", D2, 4);
}

/* A file may have the same long table a thousand times: it is read once. */
static void test_first_table(void **state)
{
    static const Elf32_Sym symbols[] = {
        {.st_value = D2, .st_size = 4, .st_info = object, .st_shndx = 1},
        {.st_value = D2, .st_size = 8, .st_info = object, .st_shndx = 1},
    };
    _cleanup_elf_ struct elf elf = elf_with_symbols(symbols, ELEMENTSOF(symbols), "", 1);
    Elf32_Shdr *table = elf_section(&elf, SYMBOLS_SECTION);

    (void)state;
    *elf_section(&elf, STRINGS_SECTION) = *table;
    table->sh_size = sizeof(symbols[0]);
    struct sketch_map shown = map(&elf);
    assert_int_equal(shown.n_symbols, 1);
    assert_symbol(&shown, 0, "", D2, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),       cmocka_unit_test(test_more_than_are_kept),
        cmocka_unit_test(test_left_out),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_names),  cmocka_unit_test(test_unusable_tables),
        cmocka_unit_test(test_first_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
