/* The checker trusts a board's numbers without looking twice; this is where they are looked at. */
#include "config/board_rules.h"

#include <errno.h>
#include <inttypes.h>

#include "util/range.h"

enum {
    SECTOR_MIN = 8, /* so that the vector table's first two words are in one: sketch/check.c */
};

static struct range range_of(const struct board_range *range)
{
    return (struct range){range->start, range->size};
}

static bool is_power_of_two(uint32_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

struct rules {
    const struct complaints *complaints;
    unsigned broken;
};

static void require(struct rules *rules, bool holds, const char *what, const char *name,
                    const char *rule)
{
    if (holds)
        return;
    rules->broken++;
    complain_about(rules->complaints, 0, "%s%s%s %s", what, *name ? " " : "", name, rule);
}

static void judge_range(struct rules *rules, const char *what, const struct board_range *range)
{
    const char *name = range->name;

    require(rules, range->size > 0, what, name, "has no size");
    require(rules, range_end(range_of(range)) <= (uint64_t)1 << 32, what, name,
            "goes on past the end of the 32-bit address space");
}

static void judge_flash(struct rules *rules, const struct board *board)
{
    const struct board_range *flash = &board->flash;
    uint32_t sector = board->sector_size;

    judge_range(rules, "[Flash]", flash);
    require(rules, is_power_of_two(sector) && sector >= SECTOR_MIN, "[Flash]",
            "SectorSize=", "must be a power of two, at least 8");
    require(rules, is_power_of_two(board->word_size) && board->word_size <= sector, "[Flash]",
            "WordSize=", "must be a power of two, at most a sector");
    if (!is_power_of_two(sector))
        return;
    require(rules, flash->start % sector == 0 && flash->size % sector == 0, "[Flash]", "",
            "must start and end with a sector");
    require(rules, flash->size / sector <= BOARD_SECTORS_MAX, "[Flash]", "",
            "has more than 64 sectors");
}

/* No address may be two things at once. */
static void judge_apart(struct rules *rules, const char *what, const struct board_range *ranges,
                        size_t n, const struct board_range *flash)
{
    for (size_t i = 0; i < n; i++) {
        judge_range(rules, what, &ranges[i]);
        require(rules, !range_overlaps(range_of(&ranges[i]), range_of(flash)), what, ranges[i].name,
                "overlaps [Flash]");
        for (size_t k = 0; k < i; k++)
            require(rules, !range_overlaps(range_of(&ranges[i]), range_of(&ranges[k])), what,
                    ranges[i].name, "overlaps the one before it");
    }
}

int board_judge(const struct board *board, const struct complaints *complaints)
{
    struct rules rules = {complaints, 0};

    judge_flash(&rules, board);
    judge_apart(&rules, "[Protected]", board->protected_flash, board->n_protected_flash,
                &board->flash);
    judge_apart(&rules, "[RAM]", board->ram, board->n_ram, &board->flash);
    require(&rules, board->n_ram > 0, "there must be a", "[RAM NAME]", "section");
    for (size_t i = 0; i < board->n_ram; i++)
        for (size_t k = 0; k < board->n_protected_flash; k++)
            require(&rules,
                    !range_overlaps(range_of(&board->ram[i]), range_of(&board->protected_flash[k])),
                    "[RAM]", board->ram[i].name, "overlaps a [Protected] range");
    require(&rules, (board->stack_value & ~board->stack_mask) == 0, "[Boot]",
            "StackValue=", "has bits that StackMask= has not, so no sketch could ever start");
    return rules.broken ? -EINVAL : 0;
}
