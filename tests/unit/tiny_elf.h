/*
 * The smallest sketch there is, for tests of programs around the check: one segment at the Portenta
 * X8's window, a vector table, no sections.
 */
#pragma once

#include <elf.h>
#include <stdint.h>
#include <string.h>

enum {
    TINY_ELF_IMAGE = 200 * 1024, /* more than one sector, and more than a socket's buffer */
    TINY_ELF_HEADERS = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
    TINY_ELF_SIZE = TINY_ELF_HEADERS + TINY_ELF_IMAGE,
    TINY_ELF_MORE = 512, /* room for what tiny_elf_with_map() adds */
};

/* Writes TINY_ELF_SIZE bytes; the image is what stands behind the first TINY_ELF_HEADERS. */
static inline void tiny_elf(uint8_t *to)
{
    const uint32_t window = 0x08100000, reset = window + 0x40 + 1, vectors[] = {0x10048000, reset};
    const Elf32_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_ARM,
        .e_version = EV_CURRENT,
        .e_entry = reset,
        .e_phoff = sizeof(Elf32_Ehdr),
        .e_flags = EF_ARM_EABI_VER5,
        .e_ehsize = sizeof(Elf32_Ehdr),
        .e_phentsize = sizeof(Elf32_Phdr),
        .e_phnum = 1,
        .e_shentsize = sizeof(Elf32_Shdr),
    };
    const Elf32_Phdr segment = {
        .p_type = PT_LOAD,
        .p_offset = TINY_ELF_HEADERS,
        .p_vaddr = window,
        .p_paddr = window,
        .p_filesz = TINY_ELF_IMAGE,
        .p_memsz = TINY_ELF_IMAGE,
        .p_flags = PF_R | PF_X,
        .p_align = 4,
    };

    for (uint32_t i = 0; i < TINY_ELF_IMAGE; i++)
        to[TINY_ELF_HEADERS + i] = (uint8_t)(i * 7 + (i >> 8));
    memcpy(to, &header, sizeof(header));
    memcpy(to + sizeof(header), &segment, sizeof(segment));
    memcpy(to + TINY_ELF_HEADERS, vectors, sizeof(vectors));
}

/*
 * The same with sections: a stack of 1 KiB and one symbol of 12 bytes, whose name has an escape
 * sequence in it. Returns the size.
 */
static inline __attribute__((unused)) size_t tiny_elf_with_map(uint8_t *to)
{
    enum { SYMBOLS = 1, STRINGS, STACK, N };
    static const char strings[] = "\0a\x1b[2Jb\0.stack"; /* 1: the symbol's, 8: the section's */
    const Elf32_Sym symbol = {
        .st_name = 1,
        .st_value = 0x08100040 + 1,
        .st_size = 12,
        .st_info = ELF32_ST_INFO(STB_GLOBAL, STT_FUNC),
        .st_shndx = SHN_ABS,
    };
    const uint32_t symbol_offset = TINY_ELF_SIZE, strings_offset = symbol_offset + sizeof(symbol);
    const uint32_t sections_offset = strings_offset + sizeof(strings);
    const Elf32_Shdr sections[N] = {
        [SYMBOLS] = {.sh_type = SHT_SYMTAB,
                     .sh_offset = symbol_offset,
                     .sh_size = sizeof(symbol),
                     .sh_link = STRINGS,
                     .sh_entsize = sizeof(symbol)},
        [STRINGS] = {.sh_type = SHT_STRTAB,
                     .sh_offset = strings_offset,
                     .sh_size = sizeof(strings)},
        [STACK] = {.sh_name = 8, .sh_type = SHT_NOBITS, .sh_size = 1024},
    };
    Elf32_Ehdr header;

    tiny_elf(to);
    memcpy(&header, to, sizeof(header));
    header.e_shoff = sections_offset;
    header.e_shnum = N;
    header.e_shstrndx = STRINGS;
    memcpy(to, &header, sizeof(header));
    memcpy(to + symbol_offset, &symbol, sizeof(symbol));
    memcpy(to + strings_offset, strings, sizeof(strings));
    memcpy(to + sections_offset, sections, sizeof(sections));
    return sections_offset + sizeof(sections);
}
