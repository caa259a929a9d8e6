/*
 * The map that `m4flash check` draws: a file's bytes, accepted or not, -> the use of RAM, and
 * symbols' names, which are a stranger's text on somebody's terminal.
 */
#include <string.h>

#include "fuzz.h"
#include "util/utf8.h"

static bool is_in(const struct board_range *range, const struct sketch_symbol *symbol)
{
    return symbol->address >= range->start &&
           (uint64_t)symbol->address + symbol->size <= (uint64_t)range->start + range->size;
}

static void claim_symbol(const struct board *board, const struct sketch_symbol *symbol)
{
    bool found = is_in(&board->flash, symbol);

    for (size_t i = 0; i < board->n_ram; i++)
        found |= is_in(&board->ram[i], symbol);
    CLAIM(found && symbol->size > 0);
    CLAIM(strnlen(symbol->name, sizeof(symbol->name)) < sizeof(symbol->name));
    CLAIM(utf8_is_printable(symbol->name, strlen(symbol->name)));
}

static void claim_sound(const struct board *board, const struct sketch_map *map)
{
    for (size_t i = 0; i < board->n_ram; i++) {
        uint64_t sum = 0;

        for (size_t use = 0; use < _SKETCH_USE_MAX; use++)
            sum += map->ram[i][use];
        CLAIM(sum == board->ram[i].size);
    }
    CLAIM(map->n_symbols <= SKETCH_SYMBOLS_MAX);
    for (size_t i = 0; i < map->n_symbols; i++) {
        claim_symbol(board, &map->symbols[i]);
        CLAIM(i == 0 || map->symbols[i].size <= map->symbols[i - 1].size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t pointers[] = {0x10048000, 0, UINT32_MAX};
    struct sketch_map map;

    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        CLAIM(sketch_map(fuzz_board(), data, size, pointers[i], &map) == 0);
        claim_sound(fuzz_board(), &map);
    }
    return 0;
}
