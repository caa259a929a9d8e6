/*
 * The text of a run is all that OpenOCD tells of its failures: its exit status is 1 for each. Each
 * text counts only in the stages in which OpenOCD can say it, so that a line that happens to look
 * like another failure cannot mislead.
 */
#include "openocd/transcript.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "util/cleanup.h"

#define IN(stage)  (1U << OPENOCD_STAGE_##stage)
#define ANY        (~0U)
#define OUR_PREFIX "m4flash: "

enum {
    FATAL_SIGNAL = 128, /* a wrapper's exit status for a child that died of signal N is 128 + N */
};

/* OpenOCD 0.11's and 0.12's error texts. Which one of several decides is the run's order: the first
 * is nearest to the cause. */
static const struct {
    unsigned stages;
    const char *text;
    bool at_start; /* too short to be looked for anywhere else */
    enum openocd_code code;
} texts[] = {
    /* The adapter: imx_gpio's two, those of other drivers and of a wrong configuration, and the
     * socket of a remote one. */
    {IN(CONNECT), "open: ", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "mmap: ", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "Cannot open LinuxGPIOD", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "Couldn't export gpio", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "unable to find a matching CMSIS-DAP", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "open failed", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "no device found", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "Debug Adapter has to be specified", true, OPENOCD_NO_ADAPTER},
    {IN(CONNECT), "The specified debug interface was not found", true, OPENOCD_NO_ADAPTER},
    {ANY, "Error on socket", true, OPENOCD_NO_ADAPTER},   /* 0.12 */
    {IN(CONNECT), "connect: ", true, OPENOCD_NO_ADAPTER}, /* 0.11 */
    {ANY, "fflush: ", true, OPENOCD_NO_ADAPTER},

    /* The debug port: at connecting, or lost midway. */
    {ANY, "Error connecting DP", true, OPENOCD_NO_TARGET},
    {ANY, "JTAG scan chain interrogation failed", true, OPENOCD_NO_TARGET},
    {ANY, "Invalid ACK", true, OPENOCD_NO_TARGET},
    {ANY, "Timeout during WAIT recovery", true, OPENOCD_NO_TARGET},
    {IN(CONNECT), "Could not find MEM-AP to control the core", false, OPENOCD_NO_TARGET},
    {IN(CONNECT), "Not examined", false, OPENOCD_NO_TARGET},

    {IN(CONNECT), "timed out while waiting for target halted", true, OPENOCD_HALT_TIMEOUT},
    {IN(CONNECT), "Not halted", false, OPENOCD_HALT_TIMEOUT},

    {IN(ERASE), "wait_flash_op_queue, WRPERR detected", true, OPENOCD_ERASE_FAILED},
    {IN(ERASE), "erase time-out or operation error", true, OPENOCD_ERASE_FAILED},
    {IN(ERASE), "failed erasing sectors", true, OPENOCD_ERASE_FAILED},
    {IN(ERASE), "is not sector-aligned", false, OPENOCD_INTERNAL},

    {IN(WRITE), "flash write algorithm aborted by target", true, OPENOCD_WRITE_FAILED},
    {IN(WRITE), "wait_flash_op_queue, WRPERR detected", true, OPENOCD_WRITE_FAILED},
    {IN(WRITE), "flash write failed", true, OPENOCD_WRITE_FAILED},
    {IN(WRITE), "error writing to flash", true, OPENOCD_WRITE_FAILED},

    {IN(VERIFY), "checksum mismatch", true, OPENOCD_VERIFY_FAILED},
};

/* What the stage says where no text does. */
static const enum openocd_code stage_codes[_OPENOCD_STAGE_MAX] = {
    [OPENOCD_STAGE_NONE] = OPENOCD_INTERNAL,        [OPENOCD_STAGE_CONNECT] = OPENOCD_INTERNAL,
    [OPENOCD_STAGE_ERASE] = OPENOCD_ERASE_FAILED,   [OPENOCD_STAGE_WRITE] = OPENOCD_WRITE_FAILED,
    [OPENOCD_STAGE_VERIFY] = OPENOCD_VERIFY_FAILED, [OPENOCD_STAGE_RESET] = OPENOCD_INTERNAL,
    [OPENOCD_STAGE_DONE] = OPENOCD_INTERNAL,
};

/* How OpenOCD marks its lines; what is meant for the user has a mark only while it debugs. */
static const struct {
    const char *mark;
    int priority;
    bool user;
} levels[] = {
    {"Error: ", LOG_ERR, false},   {"Warn : ", LOG_WARNING, false}, {"Info : ", LOG_INFO, false},
    {"Debug: ", LOG_DEBUG, false}, {"User : ", LOG_INFO, true},     {"", LOG_INFO, true},
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

/* While it debugs, OpenOCD says where each line comes from: "71 633 core.c:92 function(): text". */
static const char *skip_position(const char *text)
{
    int length = 0;

    sscanf(text, "%*u %*u %*[^: ]:%*u %*[^() ](): %n", &length);
    return text + length;
}

static enum openocd_code look_up(enum openocd_stage stage, const char *text)
{
    for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
        const char *found = strstr(text, texts[i].text);

        if (found && (found == text || !texts[i].at_start) && (texts[i].stages & (1U << stage)))
            return texts[i].code;
    }
    return OPENOCD_OK;
}

static void take_error_text(struct transcript *transcript, const char *text)
{
    if (transcript->error[0] == '\0')
        snprintf(transcript->error, sizeof(transcript->error), "%s", text);
    if (transcript->suspected == OPENOCD_OK)
        transcript->suspected = look_up(transcript->stage, text);
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
    transcript->bytes_done = transcript->bytes_before = done;
    transcript->bytes_total = total;
    return true;
}

/* How far OpenOCD's present write has come, in its debugging output: "offs 0x3fe0 count 0x2401". */
static bool take_offset(struct transcript *transcript, const char *text)
{
    const char *number = after(text, "offs 0x");
    char *end;

    if (!number)
        return false;
    uint64_t offset = strtoull(number, &end, 16);
    if (end == number || offset > transcript->bytes_total - transcript->bytes_before)
        return false;
    transcript->bytes_done = transcript->bytes_before + offset;
    return true;
}

/* Of our script itself: "embedded:startup.tcl:28: Error: Can't find m4flash.tcl". */
static void take_script_error(struct transcript *transcript, const char *text)
{
    static const char mark[] = ": Error: ";
    const char *found = strstr(text, mark);

    if (found)
        take_error_text(transcript, found + strlen(mark));
}

/* "STAGE message". Nothing after it counts: it tells of the attempt to let the chip run. */
static void take_error(struct transcript *transcript, const char *text)
{
    const char *message = strchr(text, ' ');

    if (message)
        take_error_text(transcript, message + 1);
    if (transcript->suspected == OPENOCD_OK)
        transcript->suspected = stage_codes[transcript->stage];
}

/* The run begins once more, in OpenOCD's own way: what went wrong before has not failed it. */
static void take_again(struct transcript *transcript)
{
    transcript->stage = OPENOCD_STAGE_CONNECT;
    transcript->released = false;
    transcript->suspected = OPENOCD_OK;
    transcript->error[0] = '\0';
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
    else if (strcmp(text, "unchanged") == 0)
        transcript->unchanged = true;
    else if (strcmp(text, "released") == 0)
        transcript->released = true;
    else if (after(text, "again ")) {
        line = (struct transcript_line){.priority = LOG_WARNING, .stage_changed = true};
        take_again(transcript);
    } else if ((rest = after(text, "error "))) {
        line.priority = LOG_ERR;
        take_error(transcript, rest);
    }
    return line;
}

struct transcript_line transcript_feed(struct transcript *transcript, const char *line)
{
    size_t level = 0;
    const char *text;

    while (!(text = after(line, levels[level].mark)))
        level++;
    text = skip_position(text);
    if (levels[level].user && after(text, OUR_PREFIX))
        return feed_ours(transcript, after(text, OUR_PREFIX));

    struct transcript_line result = {.priority = levels[level].priority};
    if (result.priority == LOG_ERR)
        take_error_text(transcript, text);
    if (levels[level].user && transcript->stage == OPENOCD_STAGE_NONE)
        take_script_error(transcript, text);
    if (result.priority == LOG_INFO && transcript->stage == OPENOCD_STAGE_CONNECT)
        transcript->connected |= strstr(text, " breakpoints, ") != NULL;
    if (result.priority == LOG_DEBUG && transcript->stage == OPENOCD_STAGE_WRITE) {
        result.ours = true;
        result.progress_changed = take_offset(transcript, text);
    }
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
