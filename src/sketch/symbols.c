/*
 * One pass over the table keeps the biggest in order; then their names are read. Nothing in the
 * table is believed: sizes are held against the board's memory, names are foreign text.
 */
#include "sketch/symbols.h"

#include <errno.h>
#include <string.h>

#include "sketch/rules.h"
#include "util/cleanup.h"
#include "util/utf8.h"

static const char ellipsis[] = "...";

struct ranking {
    Elf32_Sym all[SKETCH_SYMBOLS_MAX]; /* by size, then address, both as they are to be shown */
    size_t n;
};

/* A file has one symbol table; should there be more, the first one counts. */
static bool find_table(const struct elf_view *view, Elf32_Shdr *ret)
{
    Elf32_Shdr section;

    for (uint64_t i = 0; elf_view_section(view, i, &section); i++)
        if (section.sh_type == SHT_SYMTAB) {
            *ret = section;
            return true;
        }
    return false;
}

static bool is_in_memory(const struct board *board, const Elf32_Sym *symbol)
{
    struct range range = {symbol->st_value, symbol->st_size};

    if (range_covers(board_range_of(&board->flash), range))
        return true;
    for (size_t i = 0; i < board->n_ram; i++)
        if (range_covers(board_range_of(&board->ram[i]), range))
            return true;
    return false;
}

/* True if it takes up memory; its value is then an address without the Thumb bit of a function. */
static bool take_up_memory(const struct board *board, Elf32_Sym *symbol)
{
    unsigned type = ELF32_ST_TYPE(symbol->st_info);

    if ((type != STT_FUNC && type != STT_OBJECT) || symbol->st_shndx == SHN_UNDEF ||
        symbol->st_size == 0)
        return false;
    if (type == STT_FUNC)
        symbol->st_value &= ~UINT32_C(1);
    return is_in_memory(board, symbol);
}

static bool comes_before(const Elf32_Sym *a, const Elf32_Sym *b)
{
    return a->st_size != b->st_size ? a->st_size > b->st_size : a->st_value < b->st_value;
}

/* An interrupt handler that nobody wrote has as many names as there are interrupts: one is kept. */
static void rank(struct ranking *ranking, const Elf32_Sym *symbol)
{
    size_t at = 0;

    while (at < ranking->n && comes_before(&ranking->all[at], symbol))
        at++;
    if (at == SKETCH_SYMBOLS_MAX || (at < ranking->n && !comes_before(symbol, &ranking->all[at])))
        return;
    if (ranking->n < SKETCH_SYMBOLS_MAX)
        ranking->n++;
    memmove(&ranking->all[at + 1], &ranking->all[at],
            (ranking->n - 1 - at) * sizeof(ranking->all[0]));
    ranking->all[at] = *symbol;
}

/* Bytes of the escaped text's first unit: a character, or an escape, which is never divided. */
static size_t unit(const char *text)
{
    if (*text == '\\')
        return text[1] == 'x' ? strlen("\\xNN") : strlen("\\\\");
    return utf8_printable(text, strlen(text));
}

/* Whole units, and an ellipsis in place of what does not fit. */
static void cut(const char *escaped, char ret[static SKETCH_NAME_MAX])
{
    size_t length = strlen(escaped), used = 0;

    if (length < SKETCH_NAME_MAX) {
        memcpy(ret, escaped, length + 1);
        return;
    }
    while (used < length && used + unit(escaped + used) <= SKETCH_NAME_MAX - sizeof(ellipsis))
        used += unit(escaped + used);
    memcpy(ret, escaped, used);
    memcpy(ret + used, ellipsis, sizeof(ellipsis));
}

/*
 * The text at an offset of the names, which may not end. Of a long one SKETCH_NAME_MAX bytes are
 * looked at, which are cut in any case: a character that is divided at their end never shows.
 */
static int read_name(const uint8_t *names, uint64_t size, uint32_t offset,
                     char ret[static SKETCH_NAME_MAX])
{
    char text[SKETCH_NAME_MAX + 1] = "";

    if (!names || offset >= size)
        return 0;
    uint64_t room = size - offset < SKETCH_NAME_MAX ? size - offset : SKETCH_NAME_MAX;
    size_t length = strnlen((const char *)names + offset, room);
    memcpy(text, names + offset, length);
    _cleanup_free_ char *escaped = utf8_escape(text);
    if (!escaped)
        return -ENOMEM;
    cut(escaped, ret);
    return 0;
}

bool symbols_find(const struct elf_view *view, const char *name, uint32_t *ret)
{
    Elf32_Shdr table, names;
    Elf32_Sym symbol;

    if (!find_table(view, &table) || !elf_view_section(view, table.sh_link, &names))
        return false;
    for (uint64_t i = 0; elf_view_symbol(view, &table, i, &symbol); i++)
        if (symbol.st_shndx != SHN_UNDEF &&
            elf_view_is_string(view, &names, symbol.st_name, name)) {
            *ret = symbol.st_value;
            return true;
        }
    return false;
}

int symbols_collect(const struct elf_view *view, const struct board *board, struct sketch_map *ret)
{
    Elf32_Shdr table, names = {0};
    struct ranking ranking = {.n = 0};
    Elf32_Sym symbol;

    if (!find_table(view, &table))
        return 0;
    for (uint64_t i = 0; elf_view_symbol(view, &table, i, &symbol); i++)
        if (take_up_memory(board, &symbol))
            rank(&ranking, &symbol);
    (void)elf_view_section(view, table.sh_link, &names);
    const uint8_t *bytes = elf_view_bytes(view, names.sh_offset, names.sh_size);
    for (size_t i = 0; i < ranking.n; i++) {
        struct sketch_symbol *to = &ret->symbols[i];

        to->address = ranking.all[i].st_value;
        to->size = ranking.all[i].st_size;
        int r = read_name(bytes, names.sh_size, ranking.all[i].st_name, to->name);
        if (r < 0)
            return r;
    }
    ret->n_symbols = ranking.n;
    return 0;
}
