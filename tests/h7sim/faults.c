/* Faults are data: a kind and up to two numbers. The modules that can fail ask here; none of them
 * parses a text or knows what a client is. */
#include "faults.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flash_map.h"

struct argument {
    const char *name; /* NULL: no such argument */
    uint32_t min, max;
    bool optional;
    uint32_t standard; /* if optional and left out */
};

struct kind {
    const char *name;
    struct argument arg[2];
    const char *help;
};

#define SECTOR                                        \
    {                                                 \
        "SECTOR", 0, FLASH_BANK_SECTORS - 1, false, 0 \
    }
#define ADDRESS                                                     \
    {                                                               \
        "ADDR", FLASH_START, FLASH_START + FLASH_SIZE - 1, false, 0 \
    }
#define NUMBER(name)                  \
    {                                 \
        name, 1, UINT32_MAX, false, 0 \
    }
#define OPTIONAL(name, min, standard)         \
    {                                         \
        name, min, UINT32_MAX, true, standard \
    }

static const struct kind kinds[] = {
    [FAULT_NO_TARGET_HIGH] = {"no-target-high", {{0}}, "no chip, TDO pulled up"},
    [FAULT_NO_TARGET_LOW] = {"no-target-low", {{0}}, "no chip, TDO pulled down"},
    [FAULT_ERASE_FAIL] = {"erase-fail", {SECTOR}, "erasing this sector of bank 2 fails"},
    [FAULT_WRITE_PROTECT] = {"write-protect", {SECTOR}, "this sector of bank 2 is protected"},
    [FAULT_WRITE_ERROR] = {"write-error", {ADDRESS}, "programming the flash word there fails"},
    [FAULT_STUCK_BIT] = {"stuck-bit",
                         {ADDRESS, {"BIT", 0, 7, false, 0}},
                         "this bit of the byte there stays 1 when programmed"},
    [FAULT_CORRUPT_WORD] = {"corrupt-word",
                            {ADDRESS},
                            "the 32-bit word there is inverted once it is programmed"},
    [FAULT_DIE_AFTER] = {"die-after",
                         {NUMBER("TRANSACTIONS")},
                         "the chip is gone (TDO 1) after so many transactions"},
    [FAULT_WAIT_SOMETIMES] = {"wait-sometimes",
                              {OPTIONAL("N", 2, 100)},
                              "after every Nth AP read the next scan is answered WAIT"},
    [FAULT_WAIT_FOREVER] = {"wait-forever",
                            {OPTIONAL("AFTER", 0, 0)},
                            "every transaction after so many is answered WAIT"},
    [FAULT_SILENT] = {"silent",
                      {OPTIONAL("AFTER", 0, 0)},
                      "nothing is answered after so many transactions"},
    [FAULT_DROP] = {"drop",
                    {OPTIONAL("AFTER", 0, 0)},
                    "the connection is closed after so many transactions"},
    [FAULT_POWER_CUT_ERASE] = {"power-cut-erase",
                               {NUMBER("N")},
                               "the supply fails in the middle of the Nth erase"},
    [FAULT_POWER_CUT_WORD] = {"power-cut-word",
                              {NUMBER("N")},
                              "the supply fails in the middle of the Nth flash word"},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

void faults_print_help(FILE *f)
{
    for (size_t i = 0; i < KINDS; i++) {
        char text[64];
        int n = snprintf(text, sizeof(text), "%s", kinds[i].name);
        for (unsigned a = 0; a < 2 && kinds[i].arg[a].name; a++)
            n += snprintf(text + n, sizeof(text) - (size_t)n,
                          kinds[i].arg[a].optional ? "[:%s]" : ":%s", kinds[i].arg[a].name);
        fprintf(f, "  %-24s %s", text, kinds[i].help);
        if (kinds[i].arg[0].optional)
            fprintf(f, " (%s = %u if left out)", kinds[i].arg[0].name, kinds[i].arg[0].standard);
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
    for (unsigned a = 0; a < 2 && kind->arg[a].name; a++) {
        if (*text == '\0' && kind->arg[a].optional) {
            fault->arg[a] = kind->arg[a].standard;
            continue;
        }
        if (*text++ != ':' || !take_number(&text, &kind->arg[a], &fault->arg[a]))
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

/* The line's state once the client has made so many transactions; the worst fault wins. */
static enum line line_after(const struct faults *faults, uint64_t transactions)
{
    enum line line = LINE_GOOD;

    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        enum line now = LINE_GOOD;
        if (fault->kind == FAULT_NO_TARGET_HIGH)
            now = LINE_HIGH;
        else if (fault->kind == FAULT_NO_TARGET_LOW)
            now = LINE_LOW;
        else if (fault->kind == FAULT_DIE_AFTER && transactions > fault->arg[0])
            now = LINE_HIGH;
        else if (fault->kind == FAULT_SILENT && transactions >= fault->arg[0])
            now = LINE_SILENT;
        else if (fault->kind == FAULT_DROP && transactions >= fault->arg[0])
            now = LINE_DROPPED;
        if (now > line)
            line = now;
    }
    return line;
}

void faults_start(struct faults *faults)
{
    faults->transactions = faults->reads = faults->erases = faults->words = 0;
    faults->line = line_after(faults, 0);
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
    enum line line = line_after(faults, ++faults->transactions);

    faults->reads += after_read;
    if (line > faults->line)
        faults->line = line;
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
