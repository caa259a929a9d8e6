/*
 * The first violated rule decides. One sketch breaks every rule that a file can break at once; they
 * are mended in the order of the enum, and each time the next one must show.
 */
#include <string.h>

#include "fixture.h"

/* Segments of the sketch that has it all. */
enum {
    CODE,      /* the vector table */
    PROTECTED, /* in the M7's flash */
    RAM,       /* in D2 SRAM */
    OUTSIDE,   /* nowhere */
    LARGE,     /* past the window's end */
    SHARED,    /* where CODE already is */
    MEMORY,    /* too much of it */
    N,
};

static void mend_magic(struct elf *elf)
{
    elf->bytes[0] = 0x7f;
}

static void mend_class(struct elf *elf)
{
    elf->bytes[EI_CLASS] = ELFCLASS32;
}

static void mend_endian(struct elf *elf)
{
    elf->bytes[EI_DATA] = ELFDATA2LSB;
}

static void mend_end(struct elf *elf)
{
    elf_section(elf, NAMES_SECTION)->sh_size = 1;
}

static void mend_machine(struct elf *elf)
{
    elf_header(elf)->e_machine = EM_ARM;
}

static void mend_type(struct elf *elf)
{
    elf_header(elf)->e_type = ET_EXEC;
}

static void mend_version(struct elf *elf)
{
    elf_header(elf)->e_version = EV_CURRENT;
}

static void mend_types(struct elf *elf)
{
    for (size_t i = 0; i < N; i++)
        elf_segment(elf, i)->p_type = PT_LOAD;
}

static void move(struct elf *elf, size_t index, uint32_t address)
{
    elf_segment(elf, index)->p_paddr = elf_segment(elf, index)->p_vaddr = address;
}

static void mend_protected(struct elf *elf)
{
    move(elf, PROTECTED, FLASH + 0x10000);
}

static void mend_ram_load(struct elf *elf)
{
    move(elf, RAM, FLASH + 0x20000);
}

static void mend_outside(struct elf *elf)
{
    move(elf, OUTSIDE, FLASH + 0x30000);
}

static void mend_large(struct elf *elf)
{
    move(elf, LARGE, FLASH + 0x40000);
}

static void mend_shared(struct elf *elf)
{
    move(elf, SHARED, FLASH + 0x50000);
}

static void mend_vector_table(struct elf *elf)
{
    move(elf, CODE, FLASH);
}

static void mend_stack_pointer(struct elf *elf)
{
    elf_set_vector(elf, 0, STACK);
}

static void mend_reset_vector(struct elf *elf)
{
    elf_set_vector(elf, 1, RESET);
}

static void mend_entry_point(struct elf *elf)
{
    elf_header(elf)->e_entry = RESET;
}

static void mend_core(struct elf *elf)
{
    elf_section(elf, ATTRIBUTES_SECTION)->sh_size = 0;
}

static void mend_memory(struct elf *elf)
{
    elf_segment(elf, MEMORY)->p_vaddr = D2;
}

static struct elf elf_with_it_all(void)
{
    static const uint8_t pairs[] = {6, 17};
    Elf32_Phdr segments[N];
    uint8_t attributes[ATTRIBUTES_HEAD + sizeof(pairs)];

    for (size_t i = 0; i < N; i++)
        segments[i] = (Elf32_Phdr){
            .p_type = PT_NOTE, .p_filesz = CODE_SIZE, .p_memsz = CODE_SIZE, .p_flags = PF_X};
    segments[MEMORY].p_filesz = 0;
    struct elf elf =
        elf_build(segments, N, attributes, attributes_wrap(pairs, sizeof(pairs), attributes));
    move(&elf, CODE, FLASH + 8);
    move(&elf, PROTECTED, M7);
    move(&elf, RAM, D2);
    move(&elf, OUTSIDE, 0x90000000);
    move(&elf, LARGE, FLASH + FLASH_SIZE - 1);
    move(&elf, SHARED, FLASH + 8);
    move(&elf, MEMORY, 0x20000000);
    elf_set_vector(&elf, 0, 0);
    elf_set_vector(&elf, 1, 0);
    elf_section(&elf, NAMES_SECTION)->sh_size = UINT32_MAX;
    *elf_header(&elf) = (Elf32_Ehdr){
        .e_ident = {0, 'E', 'L', 'F', ELFCLASS64, ELFDATA2MSB, EV_CURRENT},
        .e_phoff = elf_header(&elf)->e_phoff,
        .e_shoff = elf_header(&elf)->e_shoff,
        .e_ehsize = sizeof(Elf32_Ehdr),
        .e_phentsize = sizeof(Elf32_Phdr),
        .e_phnum = N,
        .e_shentsize = sizeof(Elf32_Shdr),
        .e_shnum = N_SECTIONS,
    };
    return elf;
}

static void test_order(void **state)
{
    static const struct {
        enum sketch_code code;
        void (*mend)(struct elf *elf);
    } steps[] = {
        {SKETCH_NOT_ELF, mend_magic},
        {SKETCH_ELF_CLASS, mend_class},
        {SKETCH_ELF_ENDIAN, mend_endian},
        {SKETCH_TRUNCATED, mend_end},
        {SKETCH_ELF_MACHINE, mend_machine},
        {SKETCH_ELF_TYPE, mend_type},
        {SKETCH_ELF_CORRUPT, mend_version},
        {SKETCH_NO_CODE, mend_types},
        {SKETCH_PROTECTED_FLASH, mend_protected},
        {SKETCH_RAM_LOAD, mend_ram_load},
        {SKETCH_OUTSIDE_FLASH, mend_outside},
        {SKETCH_IMAGE_TOO_BIG, mend_large},
        {SKETCH_OVERLAP, mend_shared},
        {SKETCH_NO_VECTOR_TABLE, mend_vector_table},
        {SKETCH_STACK_POINTER, mend_stack_pointer},
        {SKETCH_RESET_VECTOR, mend_reset_vector},
        {SKETCH_ENTRY_POINT, mend_entry_point},
        {SKETCH_WRONG_CORE, mend_core},
        {SKETCH_RAM_OVERFLOW, mend_memory},
    };
    _cleanup_elf_ struct elf elf = elf_with_it_all();

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
        assert_verdict(&elf, steps[i].code);
        steps[i].mend(&elf);
    }
    assert_verdict(&elf, SKETCH_ACCEPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
