/* The symbols of a sketch that people ask about: what takes so much room? */
#pragma once

#include <m4flash/sketch.h>

#include "sketch/elf_view.h"

/*
 * Fills ret's symbols, which must be all zero: the biggest ones, as sketch_map() promises. One pass
 * over the symbol table, and of names only those that are kept. Returns 0 or -ENOMEM.
 */
int symbols_collect(const struct elf_view *view, const struct board *board, struct sketch_map *ret);

/* The value of the first symbol with this name, whatever it is the name of. False if there is none.
 */
bool symbols_find(const struct elf_view *view, const char *name, uint32_t *ret);
