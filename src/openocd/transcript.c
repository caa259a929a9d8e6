/*
 * The text of a run is all that OpenOCD tells of its failures: its exit status is 1 for each. Each
 * text counts only in the stages in which OpenOCD can say it, so that a line that happens to look
 * like another failure cannot mislead.
 */
#include "openocd/transcript.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "util/cleanup.h"

#define IN(stage)   (1U << OPENOCD_STAGE_##stage)
#define ANY         (~0U)
#define ON_THE_CHIP (IN(ERASE) | IN(WRITE) | IN(VERIFY) | IN(RESET))
#define OUR_PREFIX  "m4flash: "
#define FATAL_SIGNAL                                                            \
    128 /* a wrapper's exit status for a child that died of signal N is 128 + N \
         */

/* OpenOCD 0.11's and 0.12's texts, in order of precedence within one line. */
static const struct {
    unsigned stages;
    const char *text;
    bool at_start; /* too short to be looked for anywhere else */
    enum openocd_code code;
} texts[] = {
    /* The adapter: imx_gpio's two, then those of the drivers for other boards. */
    {IN(CONNECT), "open: ", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "mmap: ", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "Failed to connect: ", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "Debug Adapter has to be specified", false, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "Debug adapter does not support any transports", false, OPENOCD_NO_ADAPTER},
    {ANY, "remote_bitbang_", true, OPENOCD_NO_ADAPTER},

    /* The debug port: at connecting, or lost midway. */
    {ANY, "Error connecting DP", false, OPENOCD_NO_TARGET},
    {ANY, "JTAG scan chain interrogation failed", false, OPENOCD_NO_TARGET},
    {ANY, "Invalid ACK", false, OPENOCD_NO_TARGET},
    {ANY, "Timeout during WAIT recovery", false, OPENOCD_NO_TARGET},

    {IN(CONNECT), "timed out while waiting for target halted", false, OPENOCD_HALT_TIMEOUT},
    {IN(CONNECT), "Not halted", false, OPENOCD_HALT_TIMEOUT},

    {IN(ERASE), "erase time-out or operation error", false, OPENOCD_ERASE_FAILED},
    {IN(ERASE), "WRPERR", false, OPENOCD_ERASE_FAILED},
    {IN(ERASE), "failed erasing sectors", false, OPENOCD_ERASE_FAILED},

    {IN(WRITE), "flash write algorithm aborted by target", false, OPENOCD_WRITE_FAILED},
    {IN(WRITE), "flash write failed", false, OPENOCD_WRITE_FAILED},
    {IN(WRITE), "WRPERR", false, OPENOCD_WRITE_FAILED},
    {IN(WRITE), "error writing to flash", false, OPENOCD_WRITE_FAILED},

    {IN(VERIFY), "checksum mismatch", false, OPENOCD_VERIFY_FAILED},
    {IN(VERIFY), "** Verify Failed **", false, OPENOCD_VERIFY_FAILED},
};

/* What the stage says where no text does. */
static const enum openocd_code stage_codes[_OPENOCD_STAGE_MAX] = {
    [OPENOCD_STAGE_NONE] = OPENOCD_INTERNAL,        [OPENOCD_STAGE_CONNECT] = OPENOCD_INTERNAL,
    [OPENOCD_STAGE_ERASE] = OPENOCD_ERASE_FAILED,   [OPENOCD_STAGE_WRITE] = OPENOCD_WRITE_FAILED,
    [OPENOCD_STAGE_VERIFY] = OPENOCD_VERIFY_FAILED, [OPENOCD_STAGE_RESET] = OPENOCD_INTERNAL,
    [OPENOCD_STAGE_DONE] = OPENOCD_INTERNAL,
};

/* How OpenOCD marks its lines; one without a mark is meant for the user. */
static const struct {
    const char *prefix;
    int priority;
} levels[] = {
    {"Error: ", LOG_ERR},
    {"Warn : ", LOG_WARNING},
    {"Info : ", LOG_INFO},
    {"Debug: ", LOG_DEBUG},
};

void transcript_init(struct transcript *transcript)
{
    *transcript = (struct transcript){.stage = OPENOCD_STAGE_NONE};
}

/* The rest of line if it begins with prefix, else NULL. */
static const char *after(const char *line, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(line, prefix, length) == 0 ? line + length : NULL;
}

/* Reads a decimal number without sign and moves *text behind it and one blank. */
static bool take_number(const char **text, uint64_t max, uint64_t *ret)
{
    char *end;

    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    uint64_t number = strtoull(*text, &end, 10);
    if (errno != 0 || number > max || (*end != ' ' && *end != '\0'))
        return false;
    *text = end + (*end == ' ');
    *ret = number;
    return true;
}

static void keep_first_error(struct transcript *transcript, const char *text)
{
    if (transcript->error[0] == '\0')
        snprintf(transcript->error, sizeof(transcript->error), "%s", text);
}

static void suspect(struct transcript *transcript, const char *text)
{
    for (size_t i = 0; i < ELEMENTSOF(texts) && transcript->suspected == OPENOCD_OK; i++) {
        const char *found = strstr(text, texts[i].text);

        if (found && (found == text || !texts[i].at_start) &&
            (texts[i].stages & (1U << transcript->stage)))
            transcript->suspected = texts[i].code;
    }
}

/* A run only moves forward, and is done only when the chip runs: anything else is not our line. */
static bool take_stage(struct transcript *transcript, const char *name)
{
    enum openocd_stage stage = OPENOCD_STAGE_CONNECT;

    while (stage < _OPENOCD_STAGE_MAX && strcmp(name, openocd_stage_name(stage)) != 0)
        stage++;
    if (stage == _OPENOCD_STAGE_MAX || stage <= transcript->stage)
        return false;
    if (stage == OPENOCD_STAGE_DONE && !transcript->released)
        return false;
    transcript->stage = stage;
    transcript->erased |= stage == OPENOCD_STAGE_ERASE;
    transcript->done = stage == OPENOCD_STAGE_DONE;
    return true;
}

static bool take_sector(struct transcript *transcript, const char *text)
{
    uint64_t sector;

    if (!take_number(&text, UINT32_MAX, &sector) || *text)
        return false;
    transcript->sector = (uint32_t)sector;
    return true;
}

static bool take_progress(struct transcript *transcript, const char *text)
{
    uint64_t done, total;

    if (!take_number(&text, UINT64_MAX, &done) || !take_number(&text, UINT64_MAX, &total) ||
        *text || done > total)
        return false;
    transcript->bytes_done = done;
    transcript->bytes_total = total;
    return true;
}

/* "STAGE message": the stage is the one we are in, unless a line was lost. */
static void take_error(struct transcript *transcript, const char *text)
{
    const char *message = strchr(text, ' ');

    keep_first_error(transcript, message ? message + 1 : text);
    suspect(transcript, message ? message + 1 : text);
}

static struct transcript_line feed_ours(struct transcript *transcript, const char *text)
{
    struct transcript_line line = {.priority = LOG_INFO, .ours = true};
    const char *rest;

    if ((rest = after(text, "stage ")))
        line.stage_changed = take_stage(transcript, rest);
    else if ((rest = after(text, "sector ")))
        line.progress_changed = take_sector(transcript, rest);
    else if ((rest = after(text, "progress ")))
        line.progress_changed = take_progress(transcript, rest);
    else if (strcmp(text, "connected") == 0)
        transcript->connected = true;
    else if (strcmp(text, "released") == 0)
        transcript->released = true;
    else if ((rest = after(text, "error "))) {
        line.priority = LOG_ERR;
        take_error(transcript, rest);
    }
    return line;
}

struct transcript_line transcript_feed(struct transcript *transcript, const char *line)
{
    struct transcript_line result = {.priority = LOG_INFO};
    const char *text = after(line, OUR_PREFIX);

    if (text)
        return feed_ours(transcript, text);
    text = line;
    for (size_t i = 0; i < ELEMENTSOF(levels); i++)
        if (after(line, levels[i].prefix)) {
            text = after(line, levels[i].prefix);
            result.priority = levels[i].priority;
            break;
        }
    if (result.priority == LOG_ERR)
        keep_first_error(transcript, text);
    suspect(transcript, text);
    return result;
}

enum openocd_code transcript_verdict(const struct transcript *transcript, enum openocd_end end,
                                     int status)
{
    switch (end) {
    case OPENOCD_END_NOT_STARTED:
        return OPENOCD_MISSING;
    case OPENOCD_END_SIGNALED:
        return OPENOCD_CRASHED;
    case OPENOCD_END_DEADLINE:
        return OPENOCD_TIMEOUT;
    case OPENOCD_END_EXITED:
        break;
    }
    if (status == 0 && transcript->done)
        return OPENOCD_OK;
    if (status > FATAL_SIGNAL)
        return OPENOCD_CRASHED;
    if (transcript->suspected != OPENOCD_OK)
        return transcript->suspected;
    return status == 0 ? OPENOCD_INTERNAL : stage_codes[transcript->stage];
}
