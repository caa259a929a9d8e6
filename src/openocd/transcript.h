/*
 * What a run of OpenOCD says, line by line, and what it all means in the end: stage, progress, and
 * one outcome code. Pure: it is fed lines and the exit status, and keeps no text but the first
 * error. The lines are those of units/m4flash.tcl and OpenOCD's own, at any debug level.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* In the order of a run. */
enum openocd_stage {
    OPENOCD_STAGE_NONE,
    OPENOCD_STAGE_CONNECT, /* adapter, debug port, reset and halt */
    OPENOCD_STAGE_ERASE,
    OPENOCD_STAGE_WRITE,
    OPENOCD_STAGE_VERIFY,
    OPENOCD_STAGE_RESET,
    OPENOCD_STAGE_DONE, /* verified and running: the last thing that a good run says */
    _OPENOCD_STAGE_MAX,
};

const char *openocd_stage_name(enum openocd_stage stage);

/* Why programming failed. */
enum openocd_code {
    OPENOCD_OK,
    OPENOCD_MISSING,      /* the program cannot be started */
    OPENOCD_CRASHED,      /* ended by a signal or an assertion */
    OPENOCD_NO_ADAPTER,   /* the debug adapter (GPIO pins) cannot be used */
    OPENOCD_NO_TARGET,    /* no chip answers */
    OPENOCD_HALT_TIMEOUT, /* the chip answers but does not halt */
    OPENOCD_ERASE_FAILED,
    OPENOCD_WRITE_FAILED,
    OPENOCD_VERIFY_FAILED,
    OPENOCD_TIMEOUT,   /* killed at the deadline */
    OPENOCD_NO_HEALTH, /* programmed, but the bridge does not come back (judged by the job) */
    OPENOCD_INTERNAL,  /* anything else: a bad configuration, our own mistake */
    _OPENOCD_CODE_MAX,
};

/* The stable name ("no-target"; "ok" for 0), one plain sentence, and what to do. */
const char *openocd_code_name(enum openocd_code code);
const char *openocd_code_sentence(enum openocd_code code);
const char *openocd_code_hint(enum openocd_code code);

struct transcript {
    enum openocd_stage stage;
    bool connected;                   /* a core answered: it may have been left halted */
    bool erased;                      /* the first erase was begun: the old sketch is gone */
    bool unchanged;                   /* the chip held the image already, and was not touched */
    bool released;                    /* the last thing done to the chip was to let it run */
    bool done;                        /* our procedure said that everything succeeded */
    uint32_t sector;                  /* the one being erased, or looked at for a wrong byte */
    uint64_t bytes_done, bytes_total; /* written so far, and in all */
    uint64_t bytes_before;            /* bytes_done when OpenOCD's present write began */
    enum openocd_code suspected;      /* what the first error that could be understood means */
    char error[256];                  /* the first line that told of an error, for people; or "" */
};

/* What a line was, so that the caller can act on it and log it. */
struct transcript_line {
    int priority;          /* as syslog: LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG */
    bool stage_changed;    /* transcript.stage is new */
    bool progress_changed; /* sector or bytes_done is new */
    bool ours;             /* a line that we asked for to be told of progress: not for the log */
};

void transcript_init(struct transcript *transcript);
struct transcript_line transcript_feed(struct transcript *transcript, const char *line);

enum openocd_end {
    OPENOCD_END_NOT_STARTED, /* exec failed: status is the errno */
    OPENOCD_END_EXITED,      /* status is the exit status */
    OPENOCD_END_SIGNALED,    /* status is the signal; not by us */
    OPENOCD_END_DEADLINE,    /* killed by us at the deadline */
};

/*
 * The outcome of a run that has ended. OPENOCD_OK only if it exited with 0 *and* our procedure said
 * done: exit 0 alone proves nothing (OpenOCD 0.12 exits 0 after writing nothing).
 */
enum openocd_code transcript_verdict(const struct transcript *transcript, enum openocd_end end,
                                     int status);
