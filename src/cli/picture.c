/* Each mark of a bar is told by its shape alone; colours only help. */
#include "cli/picture.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/range.h"
#include "util/utf8.h"

#define PLAIN  "\033[0m"
#define DIM    "\033[2m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define BLUE   "\033[34m"
#define PURPLE "\033[35m"
#define CYAN   "\033[36m"

enum {
    INDENT = 2,
    SECTORS_PER_ROW = 8,
    SECTOR_MIN = 7, /* columns inside a sector, for its longest word */
    WORD_MAX = 64,
};

struct canvas {
    FILE *file;
    uint32_t columns;
    uint32_t sectors_per_row, sector_columns; /* without the edges, of which neighbours share one */
    bool utf8, colour;
};

struct mark {
    const char *ascii, *utf8, *colour;
};

static const struct mark edge = {"|", "\u2502", ""};
static const struct mark nothing = {".", "\u00b7", DIM};

static void begin_line(const struct canvas *canvas)
{
    fprintf(canvas->file, "%*s", INDENT, "");
}

static void end_line(const struct canvas *canvas)
{
    fputc('\n', canvas->file);
}

static void put_coloured(const struct canvas *canvas, const char *colour, const char *text)
{
    bool coloured = canvas->colour && *colour;

    fprintf(canvas->file, "%s%s%s", coloured ? colour : "", text, coloured ? PLAIN : "");
}

static void put_marks(const struct canvas *canvas, const struct mark *mark, uint64_t n)
{
    bool coloured = canvas->colour && *mark->colour && n > 0;

    fputs(coloured ? mark->colour : "", canvas->file);
    while (n-- > 0)
        fputs(canvas->utf8 ? mark->utf8 : mark->ascii, canvas->file);
    fputs(coloured ? PLAIN : "", canvas->file);
}

/* ---- Flash ----------------------------------------------------------------------------------- */

enum sector { SECTOR_FREE, SECTOR_USED, SECTOR_SAME, SECTOR_CHANGES };

static const struct {
    const char *word, *colour;
} sectors[] = {
    [SECTOR_FREE] = {"free", DIM},
    [SECTOR_USED] = {"used", CYAN},
    [SECTOR_SAME] = {"same", GREEN},
    [SECTOR_CHANGES] = {"changes", YELLOW},
};

/* One that is free but lies between two that are used is erased, and so may change too. */
static enum sector sector_of(const struct picture *picture, uint32_t number)
{
    if (!picture->changes->unknown && picture->changes->sectors[number])
        return SECTOR_CHANGES;
    if (picture->report->sector_used[number] == 0)
        return SECTOR_FREE;
    return picture->changes->unknown ? SECTOR_USED : SECTOR_SAME;
}

/* A row of the table: the sectors from first up to end. */
struct row {
    uint32_t first, end;
};

static void share_row(struct canvas *canvas, uint32_t n_sectors)
{
    uint32_t inside = canvas->columns - INDENT - 1, n = SECTORS_PER_ROW; /* but for the last edge */

    while (n > 1 && inside / n < SECTOR_MIN + 1)
        n /= 2;
    canvas->sectors_per_row = n < n_sectors ? n : n_sectors;
    canvas->sector_columns = inside / canvas->sectors_per_row - 1;
}

static void draw_bars(const struct canvas *canvas, const struct picture *picture,
                      const struct row *row)
{
    uint64_t size = picture->board->sector_size, width = canvas->sector_columns;

    begin_line(canvas);
    for (uint32_t i = row->first; i < row->end; i++) {
        const struct mark full = {"#", "\u2588", sectors[sector_of(picture, i)].colour};
        uint64_t used = picture->report->sector_used[i];
        uint64_t filled = (used * width + size - 1) / size; /* any use at all shows */

        put_marks(canvas, &edge, 1);
        put_marks(canvas, &full, filled);
        put_marks(canvas, &nothing, width - filled);
    }
    put_marks(canvas, &edge, 1);
    end_line(canvas);
}

/* A word for each sector, below its left edge; columns counts those that are still to be passed. */
static void draw_words(const struct canvas *canvas, const struct picture *picture,
                       const struct row *row, bool numbers)
{
    size_t columns = INDENT + 1;

    for (uint32_t i = row->first; i < row->end; i++) {
        enum sector sector = sector_of(picture, i);
        char number[WORD_MAX];

        snprintf(number, sizeof(number), "%" PRIu32, i);
        const char *word = numbers ? number : sectors[sector].word;
        fprintf(canvas->file, "%*s", (int)columns, "");
        put_coloured(canvas, numbers ? "" : sectors[sector].colour, word);
        columns = canvas->sector_columns + 1 - strlen(word);
    }
    end_line(canvas);
}

static void tell_changes(const struct canvas *canvas, const struct picture *picture, uint32_t n)
{
    uint32_t changed = 0;

    for (uint32_t i = 0; i < n; i++)
        changed += sector_of(picture, i) == SECTOR_CHANGES;
    begin_line(canvas);
    if (picture->changes->unknown)
        fprintf(canvas->file, "What an upload would change is not known: %s.\n",
                picture->changes->unknown);
    else if (changed > 0)
        fprintf(canvas->file, "An upload now would change %" PRIu32 " of %" PRIu32 " sectors.\n",
                changed, n);
    else
        fputs("An upload now would change nothing: the chip holds this sketch.\n", canvas->file);
}

static void draw_flash(struct canvas *canvas, const struct picture *picture)
{
    const struct sketch_report *report = picture->report;
    const struct board *board = picture->board;
    uint32_t n = board->flash.size / board->sector_size;
    uint32_t permille = (uint32_t)((uint64_t)report->flash_used * 1000 / board->flash.size);

    begin_line(canvas);
    fprintf(canvas->file,
            "Flash: %" PRIu32 " of %" PRIu32 " bytes (%" PRIu32 ".%" PRIu32 "%%), %" PRIu32
            " of %" PRIu32 " sectors, %" PRIu32 " KiB each\n",
            report->flash_used, board->flash.size, permille / 10, permille % 10, report->sectors, n,
            board->sector_size / 1024);
    share_row(canvas, n);
    for (uint32_t i = 0; i < n; i += canvas->sectors_per_row) {
        uint32_t left = n - i;
        const struct row row = {
            i, i + (left < canvas->sectors_per_row ? left : canvas->sectors_per_row)};

        draw_words(canvas, picture, &row, true);
        draw_bars(canvas, picture, &row);
        draw_words(canvas, picture, &row, false);
    }
    tell_changes(canvas, picture, n);
}

/* ---- RAM ------------------------------------------------------------------------------------- */

/* In the order of addresses that linkers give them. */
static const struct {
    enum sketch_use use;
    const char *word;
    struct mark mark;
} uses[] = {
    {SKETCH_DATA, ".data", {"#", "\u2588", BLUE}},    {SKETCH_BSS, ".bss", {"=", "\u2593", CYAN}},
    {SKETCH_HEAP, "heap", {"-", "\u2591", GREEN}},    {SKETCH_FREE, "free", {".", "\u00b7", DIM}},
    {SKETCH_STACK, "stack", {"+", "\u2592", PURPLE}},
};

/* Columns of a bar for each use in proportion to its bytes, one at least; together the width. */
static void share_columns(const uint32_t bytes[static _SKETCH_USE_MAX], uint64_t size,
                          uint32_t width, uint32_t ret[static _SKETCH_USE_MAX])
{
    uint32_t shared = 0;
    size_t largest = 0;

    for (size_t i = 0; i < _SKETCH_USE_MAX; i++) {
        ret[i] = (uint32_t)((uint64_t)bytes[i] * width / size);
        if (ret[i] == 0 && bytes[i] > 0)
            ret[i] = 1;
        if (ret[i] > ret[largest])
            largest = i;
        shared += ret[i];
    }
    ret[largest] += width - shared; /* or less: then it wraps around, and so it comes right */
}

static void draw_ram_bar(const struct canvas *canvas, const struct board_range *ram,
                         const uint32_t bytes[static _SKETCH_USE_MAX])
{
    uint32_t width = canvas->sectors_per_row * (canvas->sector_columns + 1) - 1; /* as the flash */
    uint32_t columns[_SKETCH_USE_MAX];

    share_columns(bytes, ram->size, width, columns);
    begin_line(canvas);
    put_marks(canvas, &edge, 1);
    for (size_t i = 0; i < ELEMENTSOF(uses); i++)
        put_marks(canvas, &uses[i].mark, columns[uses[i].use]);
    put_marks(canvas, &edge, 1);
    end_line(canvas);
}

/* What the file does not reserve comes out of what is free, where the stack is. */
static const char *purpose_of_free(const uint32_t bytes[static _SKETCH_USE_MAX], bool has_stack)
{
    if (!has_stack || bytes[SKETCH_STACK] > 0)
        return "";
    return bytes[SKETCH_HEAP] > 0 ? " (for the stack)" : " (for heap and stack)";
}

static void draw_ram_words(const struct canvas *canvas,
                           const uint32_t bytes[static _SKETCH_USE_MAX], bool has_stack)
{
    size_t used = 0;

    for (size_t i = 0; i < ELEMENTSOF(uses); i++) {
        enum sketch_use use = uses[i].use;
        char word[WORD_MAX];

        if (bytes[use] == 0)
            continue;
        size_t length =
            (size_t)snprintf(word, sizeof(word), " %s %" PRIu32 "%s", uses[i].word, bytes[use],
                             use == SKETCH_FREE ? purpose_of_free(bytes, has_stack) : "");
        if (used > 0 && used + 4 + length > canvas->columns) {
            end_line(canvas);
            used = 0;
        }
        fprintf(canvas->file, "%*s", used > 0 ? 3 : INDENT + 1, "");
        put_marks(canvas, &uses[i].mark, 1);
        fputs(word, canvas->file);
        used += (used > 0 ? 3 : INDENT + 1) + 1 + length;
    }
    end_line(canvas);
}

/* A range that the sketch does not touch, such as another address of one that it does, is left out.
 */
static void draw_ram(const struct canvas *canvas, const struct picture *picture)
{
    for (size_t i = 0; i < picture->board->n_ram; i++) {
        const struct board_range *ram = &picture->board->ram[i];
        const uint32_t *bytes = picture->map->ram[i];
        uint32_t stack = picture->report->stack_pointer;
        bool has_stack = stack > ram->start && stack - ram->start <= ram->size;

        if (bytes[SKETCH_FREE] == ram->size && !has_stack)
            continue;
        end_line(canvas);
        begin_line(canvas);
        fprintf(canvas->file, "%s: %" PRIu32 " bytes from 0x%08" PRIx32 "\n", ram->name, ram->size,
                ram->start);
        draw_ram_bar(canvas, ram, bytes);
        draw_ram_words(canvas, bytes, has_stack);
    }
}

/* ---- Symbols --------------------------------------------------------------------------------- */

/* How wide a character may be: on a terminal with UTF-8 those of more than two bytes can take two.
 */
static uint32_t count_columns(const struct canvas *canvas, size_t length)
{
    return canvas->utf8 && length > 2 ? 2 : 1;
}

/* As many characters of a name as fit. */
static void put_characters(const struct canvas *canvas, const char *name, uint32_t columns)
{
    size_t length;

    for (; (length = utf8_printable(name, strlen(name))) > 0; name += length) {
        uint32_t width = count_columns(canvas, length);
        if (width > columns)
            break;
        if (canvas->utf8 || length == 1)
            fwrite(name, 1, length, canvas->file);
        else
            fputc('?', canvas->file);
        columns -= width;
    }
}

static void put_name(const struct canvas *canvas, const char *name, uint32_t columns)
{
    static const char ellipsis[] = "...";
    uint32_t width = 0;

    for (size_t at = 0, length; (length = utf8_printable(name + at, strlen(name + at))) > 0;
         at += length)
        width += count_columns(canvas, length);
    if (width <= columns) {
        put_characters(canvas, name, columns);
        return;
    }
    put_characters(canvas, name, columns - (uint32_t)strlen(ellipsis));
    fputs(ellipsis, canvas->file);
}

static void draw_symbols(const struct canvas *canvas, const struct picture *picture)
{
    const struct board_range *flash = &picture->board->flash;
    const struct range window = {flash->start, flash->size};

    if (picture->map->n_symbols == 0)
        return;
    fputs("\n  The biggest symbols, in bytes\n", canvas->file);
    for (size_t i = 0; i < picture->map->n_symbols; i++) {
        const struct sketch_symbol *symbol = &picture->map->symbols[i];
        bool in_flash = range_contains(window, symbol->address);
        char head[WORD_MAX];

        int used = snprintf(head, sizeof(head), "%*s%9" PRIu32 "  %-5s  ", INDENT, "", symbol->size,
                            in_flash ? "flash" : "RAM");
        fputs(head, canvas->file);
        put_name(canvas, *symbol->name ? symbol->name : "(no name)",
                 canvas->columns - (uint32_t)used);
        end_line(canvas);
    }
}

char *picture_render(const struct picture *picture, const struct screen *screen)
{
    _cleanup_free_ char *text = NULL;
    size_t size;
    struct canvas canvas = {
        .file = open_memstream(&text, &size),
        .columns = screen->columns,
        .utf8 = screen->utf8,
        .colour = screen->colour,
    };

    if (!canvas.file)
        return NULL;
    if (canvas.columns == 0 || canvas.columns > PICTURE_COLUMNS_MAX)
        canvas.columns = PICTURE_COLUMNS_MAX;
    if (canvas.columns < PICTURE_COLUMNS_MIN)
        canvas.columns = PICTURE_COLUMNS_MIN;
    draw_flash(&canvas, picture);
    draw_ram(&canvas, picture);
    draw_symbols(&canvas, picture);
    bool complete = !ferror(canvas.file);
    if (fclose(canvas.file) != 0 || !complete)
        return NULL;
    return TAKE_PTR(text);
}
