/* What a board asks of a sketch's first words. Needs no ELF: who reads an answer judges it too. */
#include "sketch/rules.h"

bool board_starts_with(const struct board *board, uint32_t pointer)
{
    return (pointer & board->stack_mask) == board->stack_value;
}

bool board_has_stack_top(const struct board *board, uint32_t pointer)
{
    for (size_t i = 0; i < board->n_ram; i++) {
        struct range ram = board_range_of(&board->ram[i]);

        if (pointer > ram.start && pointer <= range_end(ram))
            return true;
    }
    return false;
}
