/* Faults are data: a kind and up to two numbers. The modules that can fail ask here; none of them
 * parses a text or knows what a client is. */
#include "faults.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flash_map.h"

struct argument {
    const char *name;
    uint32_t min, max;
    bool optional;
    uint32_t standard; /* if optional and left out */
};

enum { NONE, SECTOR, ADDRESS, BIT, TRANSACTIONS, AFTER, NTH, EVERY_NTH };

static const struct argument arguments[] = {
    [SECTOR] = {"SECTOR", 0, FLASH_BANK_SECTORS - 1, false, 0},
    [ADDRESS] = {"ADDR", FLASH_START, FLASH_START + FLASH_SIZE - 1, false, 0},
    [BIT] = {"BIT", 0, 7, false, 0},
    [TRANSACTIONS] = {"TRANSACTIONS", 1, UINT32_MAX, false, 0},
    [AFTER] = {"AFTER", 0, UINT32_MAX, true, 0},
    [NTH] = {"N", 1, UINT32_MAX, false, 0},
    [EVERY_NTH] = {"N", 2, UINT32_MAX, true, 100},
};

struct kind {
    const char *name;
    uint8_t argument[2]; /* rows of arguments */
    enum line line; /* what the line is after as many transactions as the first argument says */
    const char *help;
};

static const struct kind kinds[] = {
    [FAULT_NO_TARGET_HIGH] = {"no-target-high", {NONE}, LINE_HIGH, "no chip, TDO pulled up"},
    [FAULT_NO_TARGET_LOW] = {"no-target-low", {NONE}, LINE_LOW, "no chip, TDO pulled down"},
    [FAULT_ERASE_FAIL] = {"erase-fail", {SECTOR}, LINE_GOOD, "this sector cannot be erased"},
    [FAULT_WRITE_PROTECT] = {"write-protect", {SECTOR}, LINE_GOOD, "this sector is protected"},
    [FAULT_WRITE_ERROR] = {"write-error", {ADDRESS}, LINE_GOOD, "the flash word there fails"},
    [FAULT_STUCK_BIT] = {"stuck-bit",
                         {ADDRESS, BIT},
                         LINE_GOOD,
                         "this bit of the byte there stays 1"},
    [FAULT_CORRUPT_WORD] = {"corrupt-word",
                            {ADDRESS},
                            LINE_GOOD,
                            "the 32-bit word there is inverted"},
    [FAULT_DIE_AFTER] = {"die-after", {TRANSACTIONS}, LINE_HIGH, "then the chip is gone, TDO 1"},
    [FAULT_WAIT_SOMETIMES] = {"wait-sometimes",
                              {EVERY_NTH},
                              LINE_GOOD,
                              "after every Nth AP read, one WAIT"},
    [FAULT_WAIT_FOREVER] = {"wait-forever", {AFTER}, LINE_GOOD, "then every answer is WAIT"},
    [FAULT_SILENT] = {"silent", {AFTER}, LINE_SILENT, "then nothing is answered"},
    [FAULT_DROP] = {"drop", {AFTER}, LINE_DROPPED, "then the connection is closed"},
    [FAULT_POWER_CUT_ERASE] = {"power-cut-erase",
                               {NTH},
                               LINE_GOOD,
                               "the power fails in the Nth erase"},
    [FAULT_POWER_CUT_WORD] = {"power-cut-word",
                              {NTH},
                              LINE_GOOD,
                              "the power fails in the Nth word"},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

void faults_print_help(FILE *f)
{
    for (size_t i = 0; i < KINDS; i++) {
        const struct argument *first = &arguments[kinds[i].argument[0]];
        const struct argument *second = &arguments[kinds[i].argument[1]];
        char text[64];
        (void)snprintf(text, sizeof(text), "%s%s%s%s%s%s", kinds[i].name,
                       first->name ? (first->optional ? "[:" : ":") : "",
                       first->name ? first->name : "", first->optional ? "]" : "",
                       second->name ? ":" : "", second->name ? second->name : "");
        fprintf(f, "  %-24s %s", text, kinds[i].help);
        if (first->optional)
            fprintf(f, " (%s: %" PRIu32 ")", first->name, first->standard);
        fputc('\n', f);
    }
}

/* A number that begins at *text, decimal or 0x..., and ends at ':' or the end of the text. */
static bool take_number(const char **text, const struct argument *arg, uint32_t *ret)
{
    char *end;

    if (!isdigit((unsigned char)**text))
        return false;
    errno = 0;
    unsigned long long value = strtoull(*text, &end, 0);
    if (errno != 0 || (*end != '\0' && *end != ':') || value < arg->min || value > arg->max)
        return false;
    *text = end;
    *ret = (uint32_t)value;
    return true;
}

static bool parse_arguments(const char *text, const struct kind *kind, struct fault *fault)
{
    for (unsigned a = 0; a < 2 && kind->argument[a] != NONE; a++) {
        const struct argument *argument = &arguments[kind->argument[a]];
        if (*text == '\0' && argument->optional)
            fault->arg[a] = argument->standard;
        else if (*text++ != ':' || !take_number(&text, argument, &fault->arg[a]))
            return false;
    }
    return *text == '\0';
}

int faults_add(struct faults *faults, const char *text)
{
    size_t length = strcspn(text, ":");

    for (size_t i = 0; i < KINDS; i++) {
        if (strlen(kinds[i].name) != length || strncmp(kinds[i].name, text, length) != 0)
            continue;
        struct fault fault = {.kind = (enum fault_kind)i};
        if (!parse_arguments(text + length, &kinds[i], &fault))
            return -EINVAL;
        if (faults->count == FAULTS_MAX)
            return -E2BIG;
        faults->list[faults->count++] = fault;
        return 0;
    }
    return -EINVAL;
}

int faults_add_file(struct faults *faults, const char *path, unsigned *ret_line)
{
    char line[128];
    unsigned number = 0;
    int r = 0;

    FILE *f = fopen(path, "re");
    if (!f) {
        if (errno == ENOENT)
            return 0;
        *ret_line = 0;
        return -errno;
    }
    while (r == 0 && fgets(line, sizeof(line), f)) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#')
            r = faults_add(faults, line);
    }
    if (r == 0 && ferror(f)) {
        r = -EIO;
        number = 0;
    }
    fclose(f);
    if (r < 0)
        *ret_line = number;
    return r;
}

/* The line may go bad after so many transactions; the worst fault wins. */
static void spoil_line(struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        enum line line = kinds[fault->kind].line;
        if (line > faults->line && faults->transactions >= fault->arg[0])
            faults->line = line;
    }
}

void faults_start(struct faults *faults)
{
    faults->transactions = faults->reads = faults->erases = faults->words = 0;
    faults->line = LINE_GOOD;
    spoil_line(faults);
}

static bool must_wait(const struct faults *faults, bool after_read)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        if (fault->kind == FAULT_WAIT_SOMETIMES && after_read && faults->reads % fault->arg[0] == 0)
            return true;
        if (fault->kind == FAULT_WAIT_FOREVER && faults->transactions > fault->arg[0])
            return true;
    }
    return false;
}

bool faults_transaction(struct faults *faults, bool after_read)
{
    spoil_line(faults);
    faults->transactions++;
    faults->reads += after_read;
    return must_wait(faults, after_read);
}

const struct fault *faults_find(const struct faults *faults, enum fault_kind kind, uint32_t first,
                                uint32_t size)
{
    for (size_t i = 0; i < faults->count; i++)
        if (faults->list[i].kind == kind && faults->list[i].arg[0] - first < size)
            return &faults->list[i];
    return NULL;
}

static bool power_cut(struct faults *faults, enum fault_kind kind, uint64_t n)
{
    if (n > UINT32_MAX || !faults_find(faults, kind, (uint32_t)n, 1))
        return false;
    faults->line = LINE_POWER_CUT;
    return true;
}

bool faults_power_cut_erase(struct faults *faults)
{
    return power_cut(faults, FAULT_POWER_CUT_ERASE, ++faults->erases);
}

bool faults_power_cut_word(struct faults *faults)
{
    return power_cut(faults, FAULT_POWER_CUT_WORD, ++faults->words);
}
