/*
 * Rules about the file: a whole ELF32 executable for ARM whose headers do not contradict
 * themselves. Sources: System V gABI chapters 4 and 5, ELF for the Arm Architecture (IHI 0044).
 */
#include <inttypes.h>
#include <string.h>

#include "sketch/rules.h"

bool rule_empty(const struct sketch *sketch, _unused_ struct sketch_report *report)
{
    return sketch->size == 0;
}

/* A file that ends within the magic number may yet become an ELF file: that is for truncated. */
bool rule_not_elf(const struct sketch *sketch, _unused_ struct sketch_report *report)
{
    size_t present = sketch->size < SELFMAG ? sketch->size : SELFMAG;

    return memcmp(sketch->bytes, ELFMAG, present) != 0;
}

bool rule_elf_class(const struct sketch *sketch, struct sketch_report *report)
{
    if (sketch->size <= EI_CLASS || sketch->bytes[EI_CLASS] == ELFCLASS32)
        return false;
    if (sketch->bytes[EI_CLASS] == ELFCLASS64)
        report_say(report, "The file is a 64-bit program; a microcontroller's is 32-bit.");
    return true;
}

bool rule_elf_endian(const struct sketch *sketch, struct sketch_report *report)
{
    if (sketch->size <= EI_DATA || sketch->bytes[EI_DATA] == ELFDATA2LSB)
        return false;
    if (sketch->bytes[EI_DATA] == ELFDATA2MSB)
        report_say(report, "The file is a big-endian program; the board is little-endian.");
    return true;
}

bool rule_truncated(const struct sketch *sketch, struct sketch_report *report)
{
    uint64_t needed = elf_view_needed_size(&sketch->elf);

    if (needed <= sketch->size)
        return false;
    report->needed_size = needed;
    return report_say(report,
                      "The file is cut off: it has %zu bytes, and by its own headers it must have "
                      "at least %" PRIu64 ".",
                      sketch->size, needed);
}

bool rule_elf_machine(const struct sketch *sketch, struct sketch_report *report)
{
    if (sketch->elf.header.e_machine == EM_ARM)
        return false;
    return report_say(report,
                      "The file is a program for another processor (ELF machine %u), not for ARM.",
                      sketch->elf.header.e_machine);
}

bool rule_elf_type(const struct sketch *sketch, struct sketch_report *report)
{
    switch (sketch->elf.header.e_type) {
    case ET_EXEC:
        return false;
    case ET_REL:
        return report_say(report, "The file is an object file that has not been linked.");
    case ET_DYN:
        return report_say(report, "The file is a shared library or position-independent program.");
    case ET_CORE:
        return report_say(report, "The file is a memory dump (core file), not a program.");
    default:
        return report_say(report, "The file is no program: its ELF type is %u, not 2.",
                          sketch->elf.header.e_type);
    }
}

static bool header_is_corrupt(const struct elf_view *elf, struct sketch_report *report)
{
    const Elf32_Ehdr *header = &elf->header;

    if (header->e_ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT)
        return report_say(report, "The ELF version is not 1.");
    if (header->e_ehsize < sizeof(*header))
        return report_say(report, "The ELF header claims to be only %u bytes long.",
                          header->e_ehsize);
    if (header->e_phnum == PN_XNUM && !elf->has_section0)
        return report_say(report, "The number of program headers is in a section that is missing.");
    if (elf->n_segments > 0 && header->e_phentsize != sizeof(Elf32_Phdr))
        return report_say(report, "The program headers claim to be %u bytes each, not %zu.",
                          header->e_phentsize, sizeof(Elf32_Phdr));
    if (elf->n_sections > 0 && header->e_shentsize != sizeof(Elf32_Shdr))
        return report_say(report, "The section headers claim to be %u bytes each, not %zu.",
                          header->e_shentsize, sizeof(Elf32_Shdr));
    return false;
}

static bool segment_is_corrupt(const struct segment *segment, struct sketch_report *report)
{
    const uint64_t space = UINT64_C(1) << 32;

    if (segment->file_size > segment->memory_size)
        return report_say(report,
                          "The program segment at 0x%08" PRIx32
                          " has more bytes in the file (%" PRIu32 ") than in memory (%" PRIu32 ").",
                          segment->vaddr, segment->file_size, segment->memory_size);
    if (range_end(segment_memory(segment)) > space)
        return report_say(report,
                          "The program segment at 0x%08" PRIx32 " is %" PRIu32
                          " bytes long and so exceeds the 32-bit address space.",
                          segment->vaddr, segment->memory_size);
    if (range_end(segment_load(segment)) > space)
        return report_say(report,
                          "The program segment stored at 0x%08" PRIx32 " is %" PRIu32
                          " bytes long and so exceeds the 32-bit address space.",
                          segment->load, segment->file_size);
    return false;
}

/* SHN_XINDEX sends the index of the section names' table to section 0, as the counts. */
static bool names_are_corrupt(const struct elf_view *elf, struct sketch_report *report)
{
    uint32_t index = elf->header.e_shstrndx;

    if (index == SHN_XINDEX && elf->has_section0)
        index = elf->section0.sh_link;
    if (elf->n_sections == 0 || index < elf->n_sections)
        return false;
    return report_say(report,
                      "The section names are to be in section %" PRIu32
                      ", but there are only %" PRIu64 " sections.",
                      index, elf->n_sections);
}

bool rule_elf_corrupt(const struct sketch *sketch, struct sketch_report *report)
{
    if (header_is_corrupt(&sketch->elf, report))
        return true;
    for (size_t i = 0; i < sketch->segments.n; i++)
        if (segment_is_corrupt(&sketch->segments.all[i], report))
            return true;
    if (names_are_corrupt(&sketch->elf, report))
        return true;
    if (sketch->attributes_malformed)
        return report_say(report, "The ARM build attributes contradict their own lengths.");
    return false;
}
