/* How long a file must be by its own headers: every cut, both tables, extended numbering. */
#include <string.h>

#include "fixture.h"

/* Whatever is cut off the default sketch, it is known at once; its sections come last. */
static void test_every_cut(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    for (size_t size = 1; size < elf.size; size++) {
        struct sketch_report report = check_on(&test_board, elf.bytes, size, NULL);

        assert_int_equal(report.code, SKETCH_TRUNCATED);
        assert_int_equal(report.needed_size, size < sizeof(Elf32_Ehdr) ? 52 : elf.size);
    }
}

static void test_stripped(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_strip(&elf);
    assert_verdict(&elf, SKETCH_ACCEPTED);
    elf.size--;
    assert_int_equal(check(&elf).needed_size, elf.size + 1);
    assert_sentence(&elf, SKETCH_TRUNCATED, "cut off");
}

static void test_program_header_table(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_header(&elf)->e_phoff = (uint32_t)(elf.size - N_SEGMENTS * sizeof(Elf32_Phdr));
    assert_verdict(&elf, SKETCH_NO_CODE); /* section headers taken for program headers */
    elf_header(&elf)->e_phoff++;
    assert_int_equal(check(&elf).needed_size, elf.size + 1);
    elf_header(&elf)->e_phoff = UINT32_MAX;
    assert_int_equal(check(&elf).needed_size, UINT32_MAX + N_SEGMENTS * UINT64_C(32));
    /* The stated entry size counts, however wrong. */
    elf_header(&elf)->e_phoff = 0;
    elf_header(&elf)->e_phentsize = 0xffff;
    assert_int_equal(check(&elf).needed_size, N_SEGMENTS * 0xffff);
    /* No entries, no table. */
    elf_header(&elf)->e_phnum = 0;
    elf_header(&elf)->e_phoff = UINT32_MAX;
    assert_verdict(&elf, SKETCH_NO_CODE);
}

static void test_section_header_table(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    size_t size = elf.size;

    (void)state;
    elf_header(&elf)->e_shnum = N_SECTIONS + 1;
    assert_int_equal(check(&elf).needed_size, size + 40);
    elf_header(&elf)->e_shnum = 0xffff;
    assert_int_equal(check(&elf).needed_size, size + (0xffff - N_SECTIONS) * UINT64_C(40));
    elf_header(&elf)->e_shnum = N_SECTIONS;
    elf_header(&elf)->e_shentsize = 41;
    assert_int_equal(check(&elf).needed_size, size + N_SECTIONS);
}

static void test_segments(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    Elf32_Phdr *data = elf_segment(&elf, DATA_SEGMENT);

    (void)state;
    data->p_offset = (uint32_t)elf.size - DATA_SIZE;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    data->p_offset++;
    assert_int_equal(check(&elf).needed_size, elf.size + 1);
    /* Of whatever type, but PT_NULL; and only if it has bytes. */
    data->p_type = PT_NOTE;
    assert_verdict(&elf, SKETCH_TRUNCATED);
    data->p_type = PT_NULL;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    data->p_type = PT_LOAD;
    data->p_filesz = 0;
    data->p_offset = UINT32_MAX;
    assert_verdict(&elf, SKETCH_ACCEPTED);
}

static void test_sections(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    Elf32_Shdr *section = elf_section(&elf, NAMES_SECTION);

    (void)state;
    section->sh_offset = (uint32_t)elf.size - 1;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    section->sh_offset = UINT32_MAX;
    section->sh_size = UINT32_MAX;
    assert_int_equal(check(&elf).needed_size, 2 * (uint64_t)UINT32_MAX);
    section->sh_type = SHT_NOBITS;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    section->sh_type = SHT_NULL;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    section->sh_type = SHT_PROGBITS;
    section->sh_size = 0;
    assert_verdict(&elf, SKETCH_ACCEPTED);
}

static void test_number_of_sections_in_section_0(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_header(&elf)->e_shnum = 0;
    elf_section(&elf, NULL_SECTION)->sh_size = N_SECTIONS;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    elf_header(&elf)->e_shstrndx = N_SECTIONS;
    assert_verdict(&elf, SKETCH_ELF_CORRUPT);
    elf_section(&elf, NULL_SECTION)->sh_size = UINT32_MAX;
    assert_int_equal(check(&elf).needed_size,
                     elf_header(&elf)->e_shoff + UINT32_MAX * UINT64_C(40));
    /* No sections after all: nothing to be wrong about. */
    elf_section(&elf, NULL_SECTION)->sh_size = 0;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    /* Section 0 must be there to say so. */
    elf_header(&elf)->e_shoff = (uint32_t)elf.size - 39;
    assert_int_equal(check(&elf).needed_size, elf.size + 1);
}

static void test_number_of_segments_in_section_0(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_header(&elf)->e_phnum = PN_XNUM;
    assert_verdict(&elf, SKETCH_NO_CODE); /* sh_info is 0 */
    elf_section(&elf, NULL_SECTION)->sh_info = N_SEGMENTS;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    elf_section(&elf, NULL_SECTION)->sh_info = UINT32_MAX;
    assert_int_equal(check(&elf).needed_size, 52 + UINT32_MAX * UINT64_C(32));

    elf_section(&elf, NULL_SECTION)->sh_info = N_SEGMENTS;
    elf_header(&elf)->e_shnum = 0;
    elf_header(&elf)->e_shstrndx = 0;
    assert_verdict(&elf, SKETCH_ACCEPTED); /* section 0 is there, though it says 0 sections */
    elf_header(&elf)->e_shentsize = 41;
    assert_sentence(&elf, SKETCH_ELF_CORRUPT, "missing");
    elf_header(&elf)->e_shentsize = 40;
    elf_strip(&elf);
    assert_sentence(&elf, SKETCH_ELF_CORRUPT, "missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_stripped),
        cmocka_unit_test(test_program_header_table),
        cmocka_unit_test(test_section_header_table),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_number_of_sections_in_section_0),
        cmocka_unit_test(test_number_of_segments_in_section_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
