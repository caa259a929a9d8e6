/* The board, the builder and the judge that all tests of the checker go through. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sketch/answer.h"

const struct board test_board = {
    .name = "portenta-x8",
    .description = "Arduino Portenta X8",
    .flash = {.name = "M4 flash", .start = FLASH, .size = FLASH_SIZE},
    .sector_size = SECTOR,
    .word_size = 32,
    .protected_flash = {{"bootloader", "Hint of the bootloader.", BOOTLOADER, M7 - BOOTLOADER},
                        {"M7 firmware", "Hint of the M7 firmware.", M7, FLASH - M7},
                        {"behind the last", "", 0x90000000, 0x1000}},
    .n_protected_flash = 2,
    .ram = {{"D2 SRAM", "", D2, D2_SIZE},
            {"D3 SRAM", "", D3, D3_SIZE},
            {"behind the last", "", 0x20000000, 0x1000}},
    .n_ram = 2,
    .stack_mask = 0xff000000,
    .stack_value = 0x10000000,
    .cpu_arch_max = 13,
    .fpu = BOARD_FPU_SINGLE,
};

/* What GCC says of code for a Cortex-M4F: v7E-M, profile M, Thumb-2, VFPv4-D16, single only. */
static const uint8_t m4f_attributes[] = {6, 13, 7, 'M', 9, 2, 10, 6, 27, 1};

static uint32_t align4(size_t size)
{
    return (uint32_t)(size + 3) & ~UINT32_C(3);
}

static void *allocate(size_t size)
{
    void *p = calloc(1, size);

    if (!p)
        abort();
    return p;
}

static void build_sections(struct elf *elf, size_t n_segments, uint32_t attributes_offset,
                           size_t attributes_size)
{
    Elf32_Shdr *sections = (Elf32_Shdr *)(elf->bytes + elf_header(elf)->e_shoff);

    sections[NULL_SECTION].sh_info = n_segments >= PN_XNUM ? (uint32_t)n_segments : 0;
    sections[ATTRIBUTES_SECTION].sh_type = SHT_ARM_ATTRIBUTES;
    sections[ATTRIBUTES_SECTION].sh_offset = attributes_offset;
    sections[ATTRIBUTES_SECTION].sh_size = (uint32_t)attributes_size;
    sections[NAMES_SECTION].sh_type = SHT_STRTAB;
    sections[NAMES_SECTION].sh_offset = sizeof(Elf32_Ehdr);
    sections[NAMES_SECTION].sh_size = 1;
}

struct elf elf_build(const Elf32_Phdr *segments, size_t n, const void *attributes,
                     size_t attributes_size)
{
    size_t data = sizeof(Elf32_Ehdr) + n * sizeof(Elf32_Phdr), size = data;
    struct elf elf = {0};

    for (size_t i = 0; i < n; i++)
        size += align4(segments[i].p_filesz);
    uint32_t attributes_offset = (uint32_t)size;
    uint32_t sections_offset = attributes_offset + align4(attributes_size);
    elf.size = sections_offset + N_SECTIONS * sizeof(Elf32_Shdr);
    elf.bytes = allocate(elf.size);
    *elf_header(&elf) = (Elf32_Ehdr){
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_ARM,
        .e_version = EV_CURRENT,
        .e_entry = RESET,
        .e_phoff = sizeof(Elf32_Ehdr),
        .e_shoff = sections_offset,
        .e_ehsize = sizeof(Elf32_Ehdr),
        .e_phentsize = sizeof(Elf32_Phdr),
        .e_phnum = n < PN_XNUM ? (Elf32_Half)n : PN_XNUM,
        .e_shentsize = sizeof(Elf32_Shdr),
        .e_shnum = N_SECTIONS,
        .e_shstrndx = NAMES_SECTION,
    };
    for (size_t i = 0; i < n; i++) {
        *elf_segment(&elf, i) = segments[i];
        elf_segment(&elf, i)->p_offset = (uint32_t)data;
        for (size_t j = 0; j < segments[i].p_filesz; j++)
            elf.bytes[data + j] = (uint8_t)(i + j * 7);
        data += align4(segments[i].p_filesz);
    }
    if (attributes_size > 0)
        memcpy(elf.bytes + attributes_offset, attributes, attributes_size);
    build_sections(&elf, n, attributes_offset, attributes_size);
    return elf;
}

size_t attributes_wrap(const uint8_t *pairs, size_t size, uint8_t *ret)
{
    const uint8_t head[ATTRIBUTES_HEAD] = {
        'A', (uint8_t)(size + 15), 0, 0, 0, 'a', 'e', 'a', 'b', 'i', 0, /* length, vendor */
        1,   (uint8_t)(size + 5),  0, 0, 0,                             /* of the file, length */
    };

    memcpy(ret, head, sizeof(head));
    memcpy(ret + sizeof(head), pairs, size);
    return sizeof(head) + size;
}

struct elf elf_with_attributes(const uint8_t *pairs, size_t size)
{
    static const Elf32_Phdr segments[N_SEGMENTS] = {
        [CODE_SEGMENT] = {.p_type = PT_LOAD,
                          .p_vaddr = FLASH,
                          .p_paddr = FLASH,
                          .p_filesz = CODE_SIZE,
                          .p_memsz = CODE_SIZE,
                          .p_flags = PF_R | PF_X},
        [DATA_SEGMENT] = {.p_type = PT_LOAD,
                          .p_vaddr = DATA,
                          .p_paddr = FLASH + CODE_SIZE,
                          .p_filesz = DATA_SIZE,
                          .p_memsz = DATA_SIZE,
                          .p_flags = PF_R | PF_W},
        [BSS_SEGMENT] = {.p_type = PT_LOAD,
                         .p_vaddr = BSS,
                         .p_paddr = FLASH + CODE_SIZE + DATA_SIZE,
                         .p_memsz = BSS_SIZE,
                         .p_flags = PF_R | PF_W},
    };
    uint8_t attributes[256];
    struct elf elf =
        elf_build(segments, N_SEGMENTS, attributes, attributes_wrap(pairs, size, attributes));

    elf_set_vector(&elf, 0, STACK);
    elf_set_vector(&elf, 1, RESET);
    return elf;
}

struct elf elf_default(void)
{
    return elf_with_attributes(m4f_attributes, sizeof(m4f_attributes));
}

void elf_strip(struct elf *elf)
{
    elf->size = elf_section(elf, ATTRIBUTES_SECTION)->sh_offset;
    elf_header(elf)->e_shoff = 0;
    elf_header(elf)->e_shnum = 0;
    elf_header(elf)->e_shstrndx = 0;
}

void elf_free(struct elf *elf)
{
    free(elf->bytes);
}

Elf32_Ehdr *elf_header(struct elf *elf)
{
    return (Elf32_Ehdr *)elf->bytes;
}

Elf32_Phdr *elf_segment(struct elf *elf, size_t index)
{
    return (Elf32_Phdr *)(elf->bytes + elf_header(elf)->e_phoff) + index;
}

Elf32_Shdr *elf_section(struct elf *elf, size_t index)
{
    return (Elf32_Shdr *)(elf->bytes + elf_header(elf)->e_shoff) + index;
}

void elf_set_vector(struct elf *elf, size_t index, uint32_t value)
{
    size_t offset = elf_segment(elf, CODE_SEGMENT)->p_offset + 4 * index;

    memcpy(elf->bytes + offset, &value, sizeof(value));
}

/* The verdict from a copy that begins offset bytes behind an aligned address. */
static struct sketch_report check_at(const struct board *board, const void *bytes, size_t size,
                                     size_t offset, uint8_t **ret_image)
{
    _cleanup_free_ uint8_t *copy = allocate(size + offset + (size + offset == 0));
    struct sketch_report report;

    if (size > 0)
        memcpy(copy + offset, bytes, size);
    memset(&report, 0xa5, sizeof(report));
    assert_int_equal(sketch_check(board, copy + offset, size, &report, ret_image), 0);
    return report;
}

static void assert_contract(const struct board *board, const struct sketch_report *report,
                            const uint8_t *image)
{
    bool accepted = report->code == SKETCH_ACCEPTED;
    struct answer_head head;

    assert_int_equal(image != NULL, accepted);
    assert_int_equal(report->sentence[0] == '\0', accepted);
    assert_int_equal(report->hint[0] == '\0', accepted);
    answer_make_head(report, &head);
    assert_int_equal(answer_check_head(board, &head), 0);
}

static void assert_same(const struct sketch_report *a, const struct sketch_report *b)
{
    assert_int_equal(a->code, b->code);
    assert_string_equal(a->sentence, b->sentence);
    assert_string_equal(a->hint, b->hint);
    assert_int_equal(a->needed_size, b->needed_size);
    assert_memory_equal(&a->image_size, &b->image_size,
                        sizeof(*a) - offsetof(struct sketch_report, image_size) - 4);
}

/*
 * Of the same file, as long as a part of it is not known (and holds garbage), there is the same
 * verdict or none, and each time none is given it is told how much more is needed for one.
 */
static void assert_same_with_gap(const struct board *board, const uint8_t *bytes, size_t size,
                                 struct sketch_gap gap, const struct sketch_report *expected,
                                 const uint8_t *expected_image)
{
    _cleanup_free_ uint8_t *copy = allocate(size), *image = NULL;
    struct sketch_report report;
    uint64_t needed;
    int r;

    memcpy(copy, bytes, size);
    memset(copy + gap.start, 0xa5, gap.end - gap.start);
    memset(&report, 0xa5, sizeof(report));
    while ((r = sketch_check_part(board, copy, size, &gap, &report, &image, &needed)) == -EAGAIN) {
        assert_true(needed > gap.start && needed <= gap.end);
        assert_null(image);
        memcpy(copy + gap.start, bytes + gap.start, needed - gap.start);
        gap.start = needed;
    }
    assert_int_equal(r, 0);
    assert_same(&report, expected);
    if (image)
        assert_memory_equal(image, expected_image, report.image_size);
}

/* Each time elsewhere, and the same in every run. */
static void assert_same_with_gaps(const struct board *board, const uint8_t *bytes, size_t size,
                                  const struct sketch_report *report, const uint8_t *image)
{
    static uint32_t chance;

    for (int i = 0; i < 2; i++) {
        struct sketch_gap gap;

        chance = chance * 1664525 + 1013904223;
        gap.start = (chance >> 8) % size;
        gap.end = gap.start + 1 + (chance >> 16) % (size - gap.start);
        assert_same_with_gap(board, bytes, size, gap, report, image);
    }
}

struct sketch_report check_on(const struct board *board, const void *bytes, size_t size,
                              uint8_t **ret_image)
{
    _cleanup_free_ uint8_t *image = NULL, *unaligned_image = NULL;
    struct sketch_report report = check_at(board, bytes, size, 0, &image);
    struct sketch_report unaligned = check_at(board, bytes, size, 1, &unaligned_image);

    assert_contract(board, &report, image);
    assert_same(&report, &unaligned);
    if (image)
        assert_memory_equal(image, unaligned_image, report.image_size);
    if (size > 0)
        assert_same_with_gaps(board, bytes, size, &report, image);
    if (ret_image)
        *ret_image = TAKE_PTR(image);
    return report;
}

struct sketch_report check(const struct elf *elf)
{
    return check_on(&test_board, elf->bytes, elf->size, NULL);
}
