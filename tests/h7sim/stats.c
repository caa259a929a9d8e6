/* The counters as JSON. Tests read this file while the simulator runs: hence the rename. */
#include "stats.h"

#include <inttypes.h>
#include <stdio.h>

#include "replace.h"

static const char *state_name(enum chip_state state)
{
    switch (state) {
    case CHIP_RUNNING:
        return "running";
    case CHIP_ROUTINE:
        return "routine";
    case CHIP_HALTED:
        return "halted";
    case CHIP_RESET:
        return "reset";
    }
    return "unknown";
}

static void print_number(FILE *f, const char *name, uint64_t value)
{
    fprintf(f, "  \"%s\": %" PRIu64 ",\n", name, value);
}

static void print_sectors(FILE *f, const char *name, const uint64_t sectors[8], const char *end)
{
    fprintf(f, "    \"%s\": [", name);
    for (unsigned i = 0; i < 8; i++)
        fprintf(f, "%s%" PRIu64, i > 0 ? ", " : "", sectors[i]);
    fprintf(f, "]%s\n", end);
}

static void print_json(FILE *f, const void *userdata)
{
    const struct stats *s = userdata;

    fprintf(f, "{\n");
    print_number(f, "clients", s->clients);
    print_number(f, "clients_left", s->clients_left);
    print_number(f, "clocks", s->clocks);
    print_number(f, "transactions", s->transactions);
    fprintf(f, "  \"erases\": {\n");
    print_sectors(f, "bank1", s->erases[0], ",");
    print_sectors(f, "bank2", s->erases[1], "");
    fprintf(f, "  },\n");
    fprintf(f, "  \"words\": {\"bank1\": %" PRIu64 ", \"bank2\": %" PRIu64 "},\n", s->words[0],
            s->words[1]);
    print_number(f, "resets", s->resets);
    fprintf(f, "  \"state\": \"%s\",\n", state_name(s->state));
    fprintf(f, "  \"m4_started\": %s,\n", s->m4_started ? "true" : "false");
    print_number(f, "lockups", s->lockups);
    if (s->lockup_reason)
        fprintf(f,
                "  \"last_lockup\": {\"pc\": \"0x%08" PRIx32 "\", \"instruction\": \"0x%08" PRIx32
                "\", \"reason\": \"%s\"},\n",
                s->lockup_pc, s->lockup_instruction, s->lockup_reason);
    if (s->unknown_accesses > 0)
        fprintf(f, "  \"last_unknown_address\": \"0x%08" PRIx32 "\",\n", s->unknown_address);
    fprintf(f, "  \"unknown_accesses\": %" PRIu64 "\n}\n", s->unknown_accesses);
}

int stats_write(const struct stats *stats, const char *path)
{
    return replace_file(path, print_json, stats);
}
