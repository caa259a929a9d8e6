/* Bounds first, then libelf's translation of one copied structure. */
#include "sketch/elf_view.h"

#include <string.h>

static uint64_t max64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Copies a structure out of the file, as alignment demands, and translates it in place. */
static bool read_structure(const struct elf_view *view, uint64_t offset, Elf_Type type, void *ret,
                           size_t size)
{
    const uint8_t *bytes = elf_view_bytes(view, offset, size);
    Elf_Data data = {.d_buf = ret, .d_type = type, .d_version = EV_CURRENT, .d_size = size};

    if (!bytes)
        return false;
    memcpy(ret, bytes, size);
    return elf32_xlatetom(&data, &data, ELFDATA2LSB) != NULL;
}

static void read_counts(struct elf_view *view)
{
    const Elf32_Ehdr *header = &view->header;

    if (header->e_shoff != 0 && header->e_shentsize == sizeof(Elf32_Shdr))
        view->has_section0 = read_structure(view, header->e_shoff, ELF_T_SHDR, &view->section0,
                                            sizeof(view->section0));
    if (header->e_phnum != PN_XNUM)
        view->n_segments = header->e_phnum;
    else if (view->has_section0)
        view->n_segments = view->section0.sh_info;

    if (header->e_shoff == 0)
        return;
    if (header->e_shnum != 0)
        view->n_sections = header->e_shnum;
    else if (view->has_section0)
        view->n_sections = view->section0.sh_size;
}

void elf_view_open(const void *bytes, size_t size, struct elf_gap *gap, struct elf_view *ret)
{
    struct elf_view view = {.bytes = bytes, .size = size, .gap = gap};

    elf_version(EV_CURRENT);
    if (read_structure(&view, 0, ELF_T_EHDR, &view.header, sizeof(view.header)))
        read_counts(&view);
    *ret = view;
}

bool elf_view_segment(const struct elf_view *view, uint64_t index, Elf32_Phdr *ret)
{
    if (index >= view->n_segments || view->header.e_phentsize != sizeof(*ret))
        return false;
    return read_structure(view, view->header.e_phoff + index * sizeof(*ret), ELF_T_PHDR, ret,
                          sizeof(*ret));
}

bool elf_view_section(const struct elf_view *view, uint64_t index, Elf32_Shdr *ret)
{
    if (index >= view->n_sections || view->header.e_shentsize != sizeof(*ret))
        return false;
    return read_structure(view, view->header.e_shoff + index * sizeof(*ret), ELF_T_SHDR, ret,
                          sizeof(*ret));
}

bool elf_view_symbol(const struct elf_view *view, const Elf32_Shdr *table, uint64_t index,
                     Elf32_Sym *ret)
{
    if (index >= table->sh_size / sizeof(*ret) || table->sh_entsize != sizeof(*ret))
        return false;
    return read_structure(view, table->sh_offset + index * sizeof(*ret), ELF_T_SYM, ret,
                          sizeof(*ret));
}

/* What is between, if a look reaches from before the gap to behind it, is all needed. */
static void look_at(struct elf_gap *gap, uint64_t offset, uint64_t size)
{
    uint64_t end = offset + size;

    if (size == 0 || end <= gap->start || offset >= gap->end)
        return;
    gap->needed = max64(gap->needed, end < gap->end ? end : gap->end);
}

const uint8_t *elf_view_bytes(const struct elf_view *view, uint64_t offset, uint64_t size)
{
    if (offset > view->size || size > view->size - offset)
        return NULL;
    if (view->gap)
        look_at(view->gap, offset, size);
    return view->bytes + offset;
}

bool elf_view_is_string(const struct elf_view *view, const Elf32_Shdr *table, uint32_t offset,
                        const char *string)
{
    uint64_t size = strlen(string) + 1; /* its NUL counts */

    if (offset >= table->sh_size || size > table->sh_size - offset)
        return false;
    const uint8_t *bytes = elf_view_bytes(view, (uint64_t)table->sh_offset + offset, size);
    return bytes && memcmp(bytes, string, size) == 0;
}

static uint64_t tables_end(const struct elf_view *view)
{
    const Elf32_Ehdr *header = &view->header;
    uint64_t n_sections = view->n_sections, end = 0;

    /* Without a count in the header, section 0 must be there to tell it. */
    if (header->e_shoff != 0 && header->e_shentsize == sizeof(Elf32_Shdr) && n_sections == 0)
        n_sections = 1;
    if (view->n_segments > 0)
        end = header->e_phoff + view->n_segments * header->e_phentsize;
    if (n_sections > 0)
        end = max64(end, header->e_shoff + n_sections * header->e_shentsize);
    return end;
}

uint64_t elf_view_needed_size(const struct elf_view *view)
{
    uint64_t end = max64(sizeof(view->header), tables_end(view));
    Elf32_Phdr segment;
    Elf32_Shdr section;

    /* Both loops end with the first entry past the file's end, whatever the count claims. */
    for (uint64_t i = 0; elf_view_segment(view, i, &segment); i++)
        if (segment.p_type != PT_NULL && segment.p_filesz > 0)
            end = max64(end, (uint64_t)segment.p_offset + segment.p_filesz);
    for (uint64_t i = 0; elf_view_section(view, i, &section); i++)
        if (section.sh_type != SHT_NULL && section.sh_type != SHT_NOBITS && section.sh_size > 0)
            end = max64(end, (uint64_t)section.sh_offset + section.sh_size);
    return end;
}
