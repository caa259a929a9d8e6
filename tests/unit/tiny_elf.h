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
