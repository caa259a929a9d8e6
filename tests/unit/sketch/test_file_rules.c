/* Rules about the file, each at its boundaries. */
#include <string.h>

#include "fixture.h"

static void test_default_is_accepted(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    assert_verdict(&elf, SKETCH_ACCEPTED);
}

static void test_empty(void **state)
{
    _cleanup_free_ uint8_t *image = NULL;
    struct sketch_report report;

    (void)state;
    assert_int_equal(check_on(&test_board, "", 0, NULL).code, SKETCH_EMPTY);
    assert_int_equal(sketch_check(&test_board, NULL, 0, &report, &image), 0);
    assert_int_equal(report.code, SKETCH_EMPTY);
}

static void test_not_elf(void **state)
{
    static const char magic[] = "\177ELF";

    (void)state;
    assert_int_equal(check_on(&test_board, "hello, world", 12, NULL).code, SKETCH_NOT_ELF);
    for (size_t i = 0; i < 4; i++) {
        char bytes[4];

        memcpy(bytes, magic, sizeof(bytes));
        bytes[i] ^= 1;
        /* With less of it than the wrong byte, it may still become one. */
        for (size_t size = 1; size <= 4; size++)
            assert_int_equal(check_on(&test_board, bytes, size, NULL).code,
                             size > i ? SKETCH_NOT_ELF : SKETCH_TRUNCATED);
    }
}

static void test_class(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_header(&elf)->e_ident[EI_CLASS] = ELFCLASS64;
    assert_sentence(&elf, SKETCH_ELF_CLASS, "64-bit");
    elf_header(&elf)->e_ident[EI_CLASS] = 0;
    assert_verdict(&elf, SKETCH_ELF_CLASS);
    assert_int_equal(check_on(&test_board, elf.bytes, 5, NULL).code, SKETCH_ELF_CLASS);
    assert_int_equal(check_on(&test_board, elf.bytes, 4, NULL).code, SKETCH_TRUNCATED);
}

static void test_endian(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_header(&elf)->e_ident[EI_DATA] = ELFDATA2MSB;
    assert_sentence(&elf, SKETCH_ELF_ENDIAN, "big-endian");
    elf_header(&elf)->e_ident[EI_DATA] = 3;
    assert_verdict(&elf, SKETCH_ELF_ENDIAN);
    assert_int_equal(check_on(&test_board, elf.bytes, 6, NULL).code, SKETCH_ELF_ENDIAN);
    assert_int_equal(check_on(&test_board, elf.bytes, 5, NULL).code, SKETCH_TRUNCATED);
}

static void test_machine(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_header(&elf)->e_machine = EM_X86_64;
    assert_sentence(&elf, SKETCH_ELF_MACHINE, "62");
}

static void test_type(void **state)
{
    static const struct {
        uint16_t type;
        const char *text;
    } types[] = {{ET_REL, "object file"},
                 {ET_DYN, "shared library"},
                 {ET_CORE, "memory dump"},
                 {ET_NONE, "type is 0"},
                 {0xffff, "type is 65535"}};

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(types); i++) {
        _cleanup_elf_ struct elf elf = elf_default();

        elf_header(&elf)->e_type = types[i].type;
        assert_sentence(&elf, SKETCH_ELF_TYPE, types[i].text);
    }
}

static void test_version(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default(), other = elf_default();

    (void)state;
    elf_header(&elf)->e_version = 2;
    assert_sentence(&elf, SKETCH_ELF_CORRUPT, "version");
    elf_header(&other)->e_ident[EI_VERSION] = 0;
    assert_sentence(&other, SKETCH_ELF_CORRUPT, "version");
}

static void test_header_size(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_header(&elf)->e_ehsize = 51;
    assert_sentence(&elf, SKETCH_ELF_CORRUPT, "51 bytes");
    elf_header(&elf)->e_ehsize = 53;
    assert_verdict(&elf, SKETCH_ACCEPTED);
}

static void test_entry_sizes(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default(), other = elf_default();

    (void)state;
    elf_header(&elf)->e_phentsize = 31;
    assert_sentence(&elf, SKETCH_ELF_CORRUPT, "31 bytes");
    elf_header(&elf)->e_phentsize = 33;
    assert_sentence(&elf, SKETCH_ELF_CORRUPT, "33 bytes");
    elf_header(&elf)->e_phnum = 0;
    assert_verdict(&elf, SKETCH_NO_CODE);

    elf_header(&other)->e_shentsize = 39;
    assert_sentence(&other, SKETCH_ELF_CORRUPT, "39 bytes");
    elf_header(&other)->e_shentsize = 0;
    assert_sentence(&other, SKETCH_ELF_CORRUPT, "0 bytes");
    elf_header(&other)->e_shnum = 0;
    assert_verdict(&other, SKETCH_ACCEPTED);
}

static void test_section_names(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_header(&elf)->e_shstrndx = N_SECTIONS - 1;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    elf_header(&elf)->e_shstrndx = N_SECTIONS;
    assert_sentence(&elf, SKETCH_ELF_CORRUPT, "section 3");
    elf_header(&elf)->e_shstrndx = SHN_XINDEX;
    elf_section(&elf, NULL_SECTION)->sh_link = N_SECTIONS;
    assert_sentence(&elf, SKETCH_ELF_CORRUPT, "section 3");
    elf_section(&elf, NULL_SECTION)->sh_link = N_SECTIONS - 1;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    elf_header(&elf)->e_shstrndx = SHN_UNDEF;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    /* Without sections the index means nothing. */
    elf_strip(&elf);
    elf_header(&elf)->e_shstrndx = 7;
    elf_header(&elf)->e_shnum = 7;
    assert_verdict(&elf, SKETCH_ACCEPTED);
}

static void test_more_in_file_than_in_memory(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_segment(&elf, DATA_SEGMENT)->p_memsz = DATA_SIZE - 1;
    assert_sentence(&elf, SKETCH_ELF_CORRUPT, "more bytes in the file (64) than in memory (63)");
    elf_segment(&elf, DATA_SEGMENT)->p_memsz = 0;
    assert_verdict(&elf, SKETCH_ELF_CORRUPT);
    elf_segment(&elf, DATA_SEGMENT)->p_type = PT_NOTE;
    assert_verdict(&elf, SKETCH_ACCEPTED);
}

static void test_address_space_ends(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default(), other = elf_default();

    (void)state;
    elf_segment(&elf, BSS_SEGMENT)->p_vaddr = (uint32_t)-BSS_SIZE; /* ends at 2^32 */
    assert_verdict(&elf, SKETCH_RAM_OVERFLOW);
    elf_segment(&elf, BSS_SEGMENT)->p_vaddr++;
    assert_sentence(&elf, SKETCH_ELF_CORRUPT, "address space");

    elf_segment(&other, DATA_SEGMENT)->p_paddr = (uint32_t)-DATA_SIZE;
    assert_verdict(&other, SKETCH_OUTSIDE_FLASH);
    elf_segment(&other, DATA_SEGMENT)->p_paddr++;
    assert_sentence(&other, SKETCH_ELF_CORRUPT, "address space");
    /* .bss is stored nowhere: its load address means nothing. */
    elf_segment(&other, DATA_SEGMENT)->p_paddr = FLASH + CODE_SIZE;
    elf_segment(&other, BSS_SEGMENT)->p_paddr = UINT32_MAX;
    assert_verdict(&other, SKETCH_ACCEPTED);
}

static void test_wrap_around_is_no_way_in(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_segment(&elf, CODE_SEGMENT)->p_offset = UINT32_MAX - 3;
    elf_segment(&elf, CODE_SEGMENT)->p_filesz = CODE_SIZE;
    assert_int_equal(check(&elf).needed_size, (uint64_t)UINT32_MAX - 3 + CODE_SIZE);
    assert_verdict(&elf, SKETCH_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_is_accepted),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_not_elf),
        cmocka_unit_test(test_class),
        cmocka_unit_test(test_endian),
        cmocka_unit_test(test_machine),
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_header_size),
        cmocka_unit_test(test_entry_sizes),
        cmocka_unit_test(test_section_names),
        cmocka_unit_test(test_more_in_file_than_in_memory),
        cmocka_unit_test(test_address_space_ends),
        cmocka_unit_test(test_wrap_around_is_no_way_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
