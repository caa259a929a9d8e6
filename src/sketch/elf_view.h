/*
 * A 32-bit little-endian ELF file's headers, read from bytes that may be anything. Every offset is
 * checked in 64 bits before it is followed. libelf only translates one structure at a time (layout
 * and byte order are its business); its handles, which trust the file, are not used.
 */
#pragma once

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is not known of a file: its bytes from start up to end are there, but mean nothing. */
struct elf_gap {
    uint64_t start, end; /* offsets */
    uint64_t needed;     /* the end of what was looked at in it; 0: nothing was */
};

struct elf_view {
    const uint8_t *bytes;
    size_t size;
    struct elf_gap *gap; /* NULL: all is known */
    Elf32_Ehdr header;   /* all zero if the file is too short for it */
    Elf32_Shdr section0; /* valid if has_section0; holds the counts that the header cannot */
    bool has_section0;
    uint64_t n_segments; /* entries of the program header table by the file's own account */
    uint64_t n_sections; /* likewise; 0 if e_shoff is 0 */
};

/*
 * Looks at the ELF header and section 0. Class and byte order are the caller's to judge first.
 * The bytes are borrowed for as long as the view lives, and so is the gap (NULL: there is none), in
 * which every look at what is not known is noted.
 *
 * Extended numbering (gABI chapter 4): e_phnum 0xffff means section 0's sh_info, and e_shnum 0 with
 * e_shoff not 0 means section 0's sh_size. Section 0 is there if e_shoff is not 0, e_shentsize is
 * 40 and the entry lies in the file; a count that would come from it is 0 if it is not.
 */
void elf_view_open(const void *bytes, size_t size, struct elf_gap *gap, struct elf_view *ret);

/*
 * The header numbered index. False, with *ret untouched, past the last one, if the entries are not
 * of the standard's size (32 and 40 bytes), or if the entry does not lie wholly in the file.
 */
bool elf_view_segment(const struct elf_view *view, uint64_t index, Elf32_Phdr *ret);
bool elf_view_section(const struct elf_view *view, uint64_t index, Elf32_Shdr *ret);

/* The symbol numbered index of a symbol table, likewise (entries are 16 bytes). */
bool elf_view_symbol(const struct elf_view *view, const Elf32_Shdr *table, uint64_t index,
                     Elf32_Sym *ret);

/* True if the string at an offset of a string table is this one. */
bool elf_view_is_string(const struct elf_view *view, const Elf32_Shdr *table, uint32_t offset,
                        const char *string);

/* size bytes at offset, or NULL if they do not all lie in the file. */
const uint8_t *elf_view_bytes(const struct elf_view *view, uint64_t offset, uint64_t size);

/*
 * Bytes that the file must have: the end of the ELF header, of both tables (entries times the
 * stated entry size), and of what every header that can be read points to.
 */
uint64_t elf_view_needed_size(const struct elf_view *view);
