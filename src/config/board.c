/*
 * Reads a profile by a table, one row a key. A section may stand for one of several ranges
 * ("[RAM D2 SRAM]"), so each line first finds the part of the board that its section fills.
 */
#include "config/board.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "config/board_rules.h"
#include "config/ini_text.h"
#include "config/values.h"
#include "util/cleanup.h"

/* Sets a field from a text that is not empty. Returns 0 or -EINVAL. */
typedef int (*set_t)(const char *text, void *field);

/* Profiles' texts end up in verdicts, which are printable ASCII (sketch/answer.h). */
static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if (*text < 0x20 || *text > 0x7e)
            return false;
    return true;
}

/* A hint may be longer than a line, so a second one goes on where the first ended. */
static int set_text(const char *text, void *field)
{
    char *at = field;
    size_t used = strlen(at);

    if (!is_ascii(text))
        return -EINVAL;
    int n = snprintf(at + used, BOARD_TEXT_MAX - used, "%s%s", used ? " " : "", text);
    return n >= 0 && (size_t)n < BOARD_TEXT_MAX - used ? 0 : -EINVAL;
}

static int set_name(const char *text, void *field)
{
    return value_is_name(text) ? set_text(text, field) : -EINVAL;
}

static int set_path(const char *text, void *field)
{
    return value_is_path(text) ? set_text(text, field) : -EINVAL;
}

static int set_u32(const char *text, void *field)
{
    return value_parse_u32(text, field);
}

/*
 * Tag_CPU_arch by name (Addenda to the ABI for the Arm Architecture, IHI 0045): the highest that
 * each core runs. Only cores that run code for every lower M-profile are here, since the checker
 * knows no other order; v7-M runs v6-M (11) and v6S-M (12), though its own tag is 10.
 */
static int set_architecture(const char *text, void *field)
{
    static const struct {
        const char *name;
        uint32_t highest;
    } cores[] = {{"v7-M", 12}, {"v7E-M", 13}, {"v8-M.mainline", 17}, {"v8.1-M.mainline", 21}};

    for (size_t i = 0; i < ELEMENTSOF(cores); i++)
        if (strcmp(cores[i].name, text) == 0) {
            *(uint32_t *)field = cores[i].highest;
            return 0;
        }
    return -EINVAL;
}

static int set_fpu(const char *text, void *field)
{
    static const char *const names[] = {
        [BOARD_FPU_NONE] = "none",
        [BOARD_FPU_SINGLE] = "single",
        [BOARD_FPU_DOUBLE] = "double",
    };

    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        if (strcmp(names[i], text) == 0) {
            *(enum board_fpu *)field = (enum board_fpu)i;
            return 0;
        }
    return -EINVAL;
}

enum need {
    OPTIONAL, /* may be missing or empty */
    REQUIRED,
    REPEATABLE, /* required, and may go on in a second line */
};

struct key {
    const char *section, *name;
    set_t set;
    size_t offset; /* in the board, or in the section's range */
    enum need need;
    const char *expected;
};

#define TEXT     "ASCII text, at most 255 bytes"
#define PATH     "an absolute path, at most 255 bytes"
#define NUMBER   "a number that fits into 32 bits, such as 0x08100000, 131072 or 128K"
#define ON(f)    offsetof(struct board, f)
#define RANGE(f) offsetof(struct board_range, f)

static const struct key keys[] = {
    {"Board", "Name", set_name, ON(name), REQUIRED, "letters, digits, '-', '_' and '.'"},
    {"Board", "Description", set_text, ON(description), REQUIRED, TEXT},
    {"Board", "Compatible", set_text, ON(compatible), OPTIONAL, TEXT},
    {"Board", "HealthFile", set_path, ON(health_file), OPTIONAL, PATH},
    {"Board", "OpenOCDConfig", set_path, ON(openocd_config), OPTIONAL, PATH},
    {"Flash", "Start", set_u32, ON(flash.start), REQUIRED, NUMBER},
    {"Flash", "Size", set_u32, ON(flash.size), REQUIRED, NUMBER},
    {"Flash", "SectorSize", set_u32, ON(sector_size), REQUIRED, NUMBER},
    {"Flash", "WordSize", set_u32, ON(word_size), REQUIRED, NUMBER},
    {"Flash", "Routine", set_name, ON(routine), OPTIONAL, "letters, digits, '-', '_' and '.'"},
    {"Boot", "StackMask", set_u32, ON(stack_mask), REQUIRED, NUMBER},
    {"Boot", "StackValue", set_u32, ON(stack_value), REQUIRED, NUMBER},
    {"Core", "Architecture", set_architecture, ON(cpu_arch_max), REQUIRED,
     "v7-M, v7E-M, v8-M.mainline or v8.1-M.mainline"},
    {"Core", "FPU", set_fpu, ON(fpu), REQUIRED, "none, single or double"},
    {"Protected", "Start", set_u32, RANGE(start), REQUIRED, NUMBER},
    {"Protected", "Size", set_u32, RANGE(size), REQUIRED, NUMBER},
    {"Protected", "Hint", set_text, RANGE(hint), REPEATABLE, TEXT " in all"},
    {"RAM", "Start", set_u32, RANGE(start), REQUIRED, NUMBER},
    {"RAM", "Size", set_u32, RANGE(size), REQUIRED, NUMBER},
};

/* A part of the board that one section fills: keys' offsets count from base. */
struct part {
    const char *section; /* as in the table of keys */
    const char *name;    /* the range's, or "" */
    void *base;
    uint32_t *seen; /* bit i: keys[i] was there */
};

struct profile {
    const struct complaints *complaints;
    unsigned refused;
    struct board board;
    uint32_t seen;
    uint32_t seen_protected[BOARD_RANGES_MAX];
    uint32_t seen_ram[BOARD_RANGES_MAX];
};

_Static_assert(ELEMENTSOF(keys) <= 32, "each key has its bit");

/* Counts what ini_text_parse() refuses, too: a profile is trusted whole or not at all. */
static void refuse(const char *file, unsigned line, const char *message, void *userdata)
{
    struct profile *profile = userdata;

    profile->refused++;
    profile->complaints->complain(file, line, message, profile->complaints->userdata);
}

static struct complaints refusals(struct profile *profile)
{
    return (struct complaints){profile->complaints->file, refuse, profile};
}

/* What follows "WORD " in a section's name, NULL if it does not begin so. */
static const char *name_behind(const char *section, const char *word)
{
    size_t length = strlen(word);

    if (strncmp(section, word, length) != 0 || section[length] != ' ' || !section[length + 1] ||
        !is_ascii(section))
        return NULL;
    return section + length + 1;
}

/* The range of that name, a fresh one if there was none. Returns its index, or n if none is left.
 */
static size_t find_range(struct board_range *ranges, size_t *n, const char *name)
{
    size_t i = 0;

    while (i < *n && strcmp(ranges[i].name, name) != 0)
        i++;
    if (i == *n && i < BOARD_RANGES_MAX) {
        snprintf(ranges[i].name, sizeof(ranges[i].name), "%s", name);
        (*n)++;
    }
    return i;
}

/* Finds the part that section fills. Returns 0, -ENOENT, or -E2BIG for one range too many. */
static int find_part(struct profile *profile, const char *section, struct part *ret)
{
    struct board *board = &profile->board;
    const char *name;

    if ((name = name_behind(section, "Protected"))) {
        size_t i = find_range(board->protected_flash, &board->n_protected_flash, name);
        if (i == BOARD_RANGES_MAX)
            return -E2BIG;
        *ret = (struct part){"Protected", name, &board->protected_flash[i],
                             &profile->seen_protected[i]};
        return 0;
    }
    if ((name = name_behind(section, "RAM"))) {
        size_t i = find_range(board->ram, &board->n_ram, name);
        if (i == BOARD_RANGES_MAX)
            return -E2BIG;
        *ret = (struct part){"RAM", name, &board->ram[i], &profile->seen_ram[i]};
        return 0;
    }
    bool range = strcmp(section, "Protected") == 0 || strcmp(section, "RAM") == 0;
    for (size_t i = 0; i < ELEMENTSOF(keys) && !range; i++)
        if (strcmp(keys[i].section, section) == 0) {
            *ret = (struct part){keys[i].section, "", board, &profile->seen};
            return 0;
        }
    return -ENOENT;
}

static bool on_section(const char *name, unsigned line, void *userdata)
{
    struct profile *profile = userdata;
    struct complaints complaints = refusals(profile);
    struct part part;

    int r = find_part(profile, name, &part);
    if (r == -E2BIG)
        complain_about(&complaints, line, "[%s] is one range too many; %d is the most", name,
                       BOARD_RANGES_MAX);
    else if (r < 0)
        complain_about(&complaints, line,
                       "there is no section [%s], only [Board], [Flash], [Protected NAME], "
                       "[RAM NAME], [Boot] and [Core]",
                       name);
    return r >= 0;
}

static void assign(struct profile *profile, const struct part *part, size_t i, const char *value,
                   unsigned line)
{
    struct complaints complaints = refusals(profile);
    const struct key *key = &keys[i];

    if (*part->seen & (1u << i) && key->need != REPEATABLE) {
        complain_about(&complaints, line, "%s= is set twice", key->name);
        return;
    }
    *part->seen |= 1u << i;
    if (!*value && key->need == OPTIONAL)
        return;
    if (!*value || key->set(value, (char *)part->base + key->offset) < 0)
        complain_about(&complaints, line, "%s=%s must be %s", key->name, value, key->expected);
}

static int on_assignment(const char *section, const char *name, const char *value, unsigned line,
                         void *userdata)
{
    struct profile *profile = userdata;
    struct complaints complaints = refusals(profile);
    struct part part;

    if (find_part(profile, section, &part) < 0) {
        complain_about(&complaints, line, "%s= stands before the first [Section]", name);
        return 0;
    }
    for (size_t i = 0; i < ELEMENTSOF(keys); i++)
        if (strcmp(keys[i].section, part.section) == 0 && strcmp(keys[i].name, name) == 0) {
            assign(profile, &part, i, value, line);
            return 0;
        }
    complain_about(&complaints, line, "[%s] has no key %s=", section, name);
    return 0;
}

/* Tells which required keys of a part were not there. */
static void require_keys(struct profile *profile, const char *section, const char *name,
                         uint32_t seen)
{
    struct complaints complaints = refusals(profile);

    for (size_t i = 0; i < ELEMENTSOF(keys); i++)
        if (strcmp(keys[i].section, section) == 0 && keys[i].need != OPTIONAL &&
            !(seen & (1u << i)))
            complain_about(&complaints, 0, "[%s%s%s] %s= is missing", section, *name ? " " : "",
                           name, keys[i].name);
}

static void require_all_keys(struct profile *profile)
{
    static const char *const sections[] = {"Board", "Flash", "Boot", "Core"};
    const struct board *board = &profile->board;

    for (size_t i = 0; i < ELEMENTSOF(sections); i++)
        require_keys(profile, sections[i], "", profile->seen);
    for (size_t i = 0; i < board->n_protected_flash; i++)
        require_keys(profile, "Protected", board->protected_flash[i].name,
                     profile->seen_protected[i]);
    for (size_t i = 0; i < board->n_ram; i++)
        require_keys(profile, "RAM", board->ram[i].name, profile->seen_ram[i]);
}

int board_parse(const char *text, size_t size, const char *file, config_complain_t complain,
                void *userdata, struct board *ret)
{
    static const struct ini_events events = {on_section, on_assignment, NULL};
    struct complaints complaints = {file, complain, userdata};
    struct profile profile = {.complaints = &complaints, .board.flash.name = "flash"};
    struct complaints counted = refusals(&profile);

    int r = ini_text_parse(text, size, &counted, &events, &profile);
    if (r < 0)
        return r;
    require_all_keys(&profile);
    if (profile.refused)
        return -EINVAL;
    r = board_judge(&profile.board, &complaints);
    if (r < 0)
        return r;
    *ret = profile.board;
    return 0;
}
