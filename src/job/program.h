/*
 * Programs one image with OpenOCD: lays the image out for it, runs it, listens to it, and does not
 * leave the chip halted behind a run that failed.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "openocd/transcript.h"
#include "util/cleanup.h"

struct program;

struct program_result {
    enum openocd_code code;
    const struct transcript *transcript; /* of the programming run */
    bool released;                       /* false: the chip may have been left halted */
    bool healthy; /* false: programmed, but the board's firmware does not answer */
    unsigned
        lacks; /* of the walls around OpenOCD, what this kernel cannot build: enum walls_kind */
};

struct program_spec {
    uint64_t job_id;
    const struct board *board;
    const char *openocd;     /* OpenOCD's path */
    const char *script;      /* path of m4flash.tcl */
    const char *config;      /* the board's OpenOCD configuration, or "" */
    const char *runtime_dir; /* where the image is laid out, in a folder of its own */
    const char *chip_dir; /* of a chip that is simulated: OpenOCD may change what is in it, and talk
                           * over local sockets; or "" */
    bool update;          /* sectors that the chip holds already are not touched */
    bool distrust;        /* erase also what looks erased: an erase may have been cut off */
    uint64_t timeout_usec;        /* until OpenOCD is killed */
    const char *health_file;      /* readable when the board's firmware answers, or "" */
    uint64_t health_timeout_usec; /* for that, after each reset */
    const uint8_t *image;         /* for the window's start; outlives the program */
    size_t image_size;            /* bytes, more than 0, at most the window */

    /* The transcript has a new stage, sector or byte count. */
    void (*on_progress)(const struct transcript *transcript, void *userdata);
    /* A line of OpenOCD's own, with its priority. */
    void (*on_line)(int priority, const char *line, void *userdata);
    /* Once. May free the program. */
    void (*on_end)(const struct program_result *result, void *userdata);
    void *userdata;
};

/* True if the board's chip can be updated by a routine of its own: then to ask it costs little. */
bool program_has_routine(const struct board *board);

/*
 * Begins: OpenOCD connects, but erases nothing before program_permit(). All strings and the board
 * must outlive the program. Returns 0, or -errno if there can be no folder for the image; that
 * OpenOCD cannot be started is an outcome, told by on_end from the event loop.
 */
int program_new(sd_event *event, const struct program_spec *spec, struct program **ret);

/*
 * Lays the image out; from here on the chip may be changed. base is what it should hold, as far as
 * anybody knows (size 0: nobody does), so that only the difference need cross the wire; the chip is
 * asked first. What fails here ends OpenOCD before it changes anything, and is told by on_end.
 */
void program_permit(struct program *program, const uint8_t *base, size_t base_size);

/* The chip must not be changed: OpenOCD lets go of it and ends. Returns 0 or -errno as above. */
int program_refuse(struct program *program);

/* Kills what runs, without calling back; removes the laid-out image. Takes and returns NULL. */
struct program *program_free(struct program *program);
DEFINE_CLEANUP(struct program *, program_free)
