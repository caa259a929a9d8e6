/*
 * Adds the note to an ELF file without touching what is in it: names and headers of the sections
 * are copied to the end with one entry more. The old ones stay where they are, unused; that is a
 * few kilobytes, and works for every layout there is.
 */
#include "sketch/signature_note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sketch/elf_view.h"
#include "util/cleanup.h"
#include "util/range.h"

static const char names_section[] = ".shstrtab";
static const char note_section[] = ".note.m4flash";

enum {
    ALIGNMENT = 4, /* of the headers and the note: a word's */
};

/* What is to stand behind the old file. */
struct layout {
    uint32_t n_sections;   /* old ones, or those that there must be anyway */
    uint32_t names;        /* number of the section with the names */
    Elf32_Shdr old_names;  /* all zero if there were no names */
    uint64_t names_offset; /* in the new file */
    uint64_t names_size;
    uint64_t headers_offset;
    uint64_t note_offset;
    uint64_t size;
};

static uint64_t aligned(uint64_t offset)
{
    return (offset + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

static bool is_in_segment(const struct elf_view *view, struct range bytes)
{
    Elf32_Phdr segment;

    for (uint64_t i = 0; elf_view_segment(view, i, &segment); i++)
        if (segment.p_type == PT_LOAD &&
            range_overlaps((struct range){segment.p_offset, segment.p_filesz}, bytes))
            return true;
    return false;
}

static struct range section_range(const Elf32_Shdr *section)
{
    bool has_bytes = section->sh_type != SHT_NULL && section->sh_type != SHT_NOBITS;

    return (struct range){section->sh_offset, has_bytes ? section->sh_size : 0};
}

static uint64_t count_sections(const struct elf_view *view, struct range bytes)
{
    Elf32_Shdr section;
    uint64_t n = 0;

    for (uint64_t i = 0; elf_view_section(view, i, &section); i++)
        n += range_overlaps(section_range(&section), bytes);
    return n;
}

static bool is_in_table(const struct elf_view *view, struct range bytes)
{
    const Elf32_Ehdr *header = &view->header;
    struct range segments = {header->e_phoff, view->n_segments * header->e_phentsize};
    struct range sections = {header->e_shoff, view->n_sections * header->e_shentsize};

    return range_overlaps(segments, bytes) || range_overlaps(sections, bytes);
}

/* Bytes that are something of the sketch's as well, so that a signature must not change them. */
static bool is_shared(const struct elf_view *view, struct range bytes, uint64_t n_sections)
{
    return is_in_segment(view, bytes) || is_in_table(view, bytes) ||
           count_sections(view, bytes) > n_sections;
}

/* Is the note at the file's end a section of its own, as add() makes it? */
static bool has_note(const struct elf_view *view)
{
    const uint8_t *key, *signature;

    if (!signature_find(view->bytes, view->size, &key, &signature))
        return false;
    struct range note = {view->size - SIGNATURE_NOTE_SIZE, SIGNATURE_NOTE_SIZE};
    Elf32_Shdr last;

    return view->n_sections > 0 && elf_view_section(view, view->n_sections - 1, &last) &&
           last.sh_type == SHT_NOTE && last.sh_offset == note.start && last.sh_size == note.size &&
           !is_shared(view, note, 1);
}

static const char *reason_against(const struct elf_view *view)
{
    const uint8_t *ident = view->header.e_ident;

    if (memcmp(ident, ELFMAG, SELFMAG) != 0)
        return "The file is not an ELF file.";
    if (ident[EI_CLASS] != ELFCLASS32 || ident[EI_DATA] != ELFDATA2LSB)
        return "The file is not a 32-bit little-endian ELF file.";
    if (elf_view_needed_size(view) > view->size)
        return "The file is cut off: its headers point past its end.";
    if (view->n_sections > 0 && view->header.e_shentsize != sizeof(Elf32_Shdr))
        return "The ELF file's section headers are not of the standard's size.";
    if (is_shared(view, (struct range){0, sizeof(view->header)}, 0))
        return "A signature in the file would change the sketch, which the ELF file's header is "
               "part of. Sign it with --detached.";
    return NULL;
}

/* The section with the names; SHN_XINDEX sends for it to section 0, as for the counts. */
static uint32_t names_index(const struct elf_view *view)
{
    uint32_t index = view->header.e_shstrndx;

    return index == SHN_XINDEX && view->has_section0 ? view->section0.sh_link : index;
}

/* Returns NULL, or why it cannot be. */
static const char *plan(const struct elf_view *view, struct layout *ret)
{
    struct layout layout = {.n_sections = (uint32_t)view->n_sections, .names = names_index(view)};
    uint64_t old_size = 1; /* the empty name's NUL */

    if (layout.n_sections == 0)
        layout = (struct layout){.n_sections = 1}; /* section 0, which stands for none */
    if (layout.names != SHN_UNDEF) {
        if (!elf_view_section(view, layout.names, &layout.old_names) ||
            layout.old_names.sh_type != SHT_STRTAB)
            return "The ELF file's section names are not where its header says.";
        old_size = layout.old_names.sh_size;
    } else {
        layout.names = layout.n_sections++;
    }
    layout.names_offset = view->size;
    layout.names_size = old_size + sizeof(names_section) + sizeof(note_section);
    layout.headers_offset = aligned(layout.names_offset + layout.names_size);
    layout.note_offset = layout.headers_offset + (layout.n_sections + 1) * sizeof(Elf32_Shdr);
    layout.size = layout.note_offset + SIGNATURE_NOTE_SIZE;
    if (layout.size > UINT32_MAX)
        return "The ELF file is too large.";
    *ret = layout;
    return NULL;
}

/* In the file's byte order, which libelf knows. */
static void put(uint8_t *where, Elf_Type type, void *structure, size_t size)
{
    Elf_Data data = {.d_buf = structure, .d_type = type, .d_version = EV_CURRENT, .d_size = size};

    elf32_xlatetof(&data, &data, ELFDATA2LSB);
    memcpy(where, structure, size);
}

static void put_section(uint8_t *file, const struct layout *layout, uint32_t index,
                        Elf32_Shdr section)
{
    put(file + layout->headers_offset + index * sizeof(section), ELF_T_SHDR, &section,
        sizeof(section));
}

/* The header has no room for such a count or index: section 0 has it. */
static bool is_large(uint32_t number)
{
    return number >= SHN_LORESERVE;
}

static void put_header(uint8_t *file, const struct elf_view *view, const struct layout *layout)
{
    Elf32_Ehdr header = view->header;

    header.e_shoff = (Elf32_Off)layout->headers_offset;
    header.e_shnum = is_large(layout->n_sections + 1) ? 0 : (Elf32_Half)(layout->n_sections + 1);
    header.e_shentsize = sizeof(Elf32_Shdr);
    header.e_shstrndx = is_large(layout->names) ? SHN_XINDEX : (Elf32_Half)layout->names;
    put(file, ELF_T_EHDR, &header, sizeof(header));
}

/* The old names, then those of the two sections that may be new. */
static void put_names(uint8_t *file, const struct elf_view *view, const struct layout *layout)
{
    uint8_t *names = file + layout->names_offset;
    size_t old_size = layout->names_size - sizeof(names_section) - sizeof(note_section);

    if (layout->old_names.sh_size > 0)
        memcpy(names, elf_view_bytes(view, layout->old_names.sh_offset, old_size), old_size);
    memcpy(names + old_size, names_section, sizeof(names_section));
    memcpy(names + old_size + sizeof(names_section), note_section, sizeof(note_section));
}

static void put_sections(uint8_t *file, const struct elf_view *view, const struct layout *layout)
{
    uint32_t note_name = (uint32_t)(layout->names_size - sizeof(note_section));
    Elf32_Shdr names = layout->old_names, section = {0};

    elf_view_section(view, 0, &section);
    if (is_large(layout->n_sections + 1))
        section.sh_size = layout->n_sections + 1;
    if (is_large(layout->names))
        section.sh_link = layout->names;
    put_section(file, layout, 0, section);
    for (uint32_t i = 1; elf_view_section(view, i, &section); i++)
        put_section(file, layout, i, section);

    if (names.sh_type == SHT_NULL)
        names = (Elf32_Shdr){.sh_type = SHT_STRTAB,
                             .sh_name = note_name - (uint32_t)sizeof(names_section),
                             .sh_addralign = 1};
    names.sh_offset = (Elf32_Off)layout->names_offset;
    names.sh_size = (Elf32_Word)layout->names_size;
    put_section(file, layout, layout->names, names);

    put_section(file, layout, layout->n_sections,
                (Elf32_Shdr){.sh_name = note_name,
                             .sh_type = SHT_NOTE,
                             .sh_offset = (Elf32_Off)layout->note_offset,
                             .sh_size = SIGNATURE_NOTE_SIZE,
                             .sh_addralign = ALIGNMENT});
}

/* The last bytes; the signature's own are zero. */
static void put_note(uint8_t *file, size_t size, const uint8_t *key)
{
    uint8_t *note = file + size - SIGNATURE_NOTE_SIZE;

    memcpy(note, note_head, sizeof(note_head));
    memcpy(note + sizeof(note_head), key, SIGNATURE_KEY_SIZE);
    memset(note + sizeof(note_head) + SIGNATURE_KEY_SIZE, 0, SIGNATURE_SIZE);
}

static int add(const struct elf_view *view, const uint8_t *key, uint8_t **ret, size_t *ret_size,
               const char **ret_reason)
{
    struct layout layout;

    const char *reason = reason_against(view);
    if (!reason)
        reason = plan(view, &layout);
    if (reason) {
        *ret_reason = reason;
        return -EINVAL;
    }
    uint8_t *file = calloc(1, layout.size);
    if (!file)
        return -ENOMEM;
    memcpy(file, view->bytes, view->size);
    put_header(file, view, &layout);
    put_names(file, view, &layout);
    put_sections(file, view, &layout);
    put_note(file, layout.size, key);
    *ret = file;
    *ret_size = layout.size;
    return 0;
}

/* The same file with another key in its note. */
static int renew(const struct elf_view *view, const uint8_t *key, uint8_t **ret, size_t *ret_size)
{
    uint8_t *file = malloc(view->size);

    if (!file)
        return -ENOMEM;
    memcpy(file, view->bytes, view->size);
    put_note(file, view->size, key);
    *ret = file;
    *ret_size = view->size;
    return 0;
}

int signature_note_add(const void *elf, size_t size, const uint8_t key[static SIGNATURE_KEY_SIZE],
                       uint8_t **ret, size_t *ret_size, const char **ret_reason)
{
    struct elf_view view;

    elf_view_open(elf, size, NULL, &view);
    return has_note(&view) ? renew(&view, key, ret, ret_size)
                           : add(&view, key, ret, ret_size, ret_reason);
}
