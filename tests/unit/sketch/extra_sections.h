/* The default sketch with more sections: what reserves memory, symbols, and whatever they name. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "fixture.h"

struct extra_section {
    const char *name;
    Elf32_Shdr header; /* all but the name and, if it has data, the offset */
    const void *data;
};

static inline size_t extra_append(struct elf *elf, const void *data, size_t size)
{
    size_t offset = (elf->size + 3) & ~(size_t)3;

    elf->bytes = realloc(elf->bytes, offset + size);
    assert_non_null(elf->bytes);
    memset(elf->bytes + elf->size, 0, offset - elf->size);
    if (size > 0)
        memcpy(elf->bytes + offset, data, size);
    elf->size = offset + size;
    return offset;
}

/*
 * The default sketch's N_SECTIONS sections, then these, then the section names, which are
 * e_shstrndx. For elf_free().
 */
static inline _unused_ struct elf elf_with_sections(const struct extra_section *extra, size_t n)
{
    _cleanup_free_ Elf32_Shdr *sections = calloc(N_SECTIONS + n + 1, sizeof(*sections));
    struct elf elf = elf_default();
    char names[4096] = "";
    size_t used = 1;

    assert_non_null(sections);
    memcpy(sections, elf_section(&elf, 0), N_SECTIONS * sizeof(*sections));
    for (size_t i = 0; i < n; i++) {
        Elf32_Shdr *section = &sections[N_SECTIONS + i];
        *section = extra[i].header;
        section->sh_name = (uint32_t)used;
        assert_true(used + strlen(extra[i].name) < sizeof(names));
        strcpy(names + used, extra[i].name);
        used += strlen(extra[i].name) + 1;
        if (extra[i].data)
            section->sh_offset = (uint32_t)extra_append(&elf, extra[i].data, section->sh_size);
        else if (section->sh_type != SHT_NOBITS)
            section->sh_type = SHT_NULL; /* points nowhere */
    }
    sections[N_SECTIONS + n] = (Elf32_Shdr){
        .sh_type = SHT_STRTAB,
        .sh_offset = (uint32_t)extra_append(&elf, names, used),
        .sh_size = (uint32_t)used,
    };
    size_t table = extra_append(&elf, sections, (N_SECTIONS + n + 1) * sizeof(*sections));
    elf_header(&elf)->e_shoff = (uint32_t)table;
    elf_header(&elf)->e_shnum = (uint16_t)(N_SECTIONS + n + 1);
    elf_header(&elf)->e_shstrndx = (uint16_t)(N_SECTIONS + n);
    return elf;
}
