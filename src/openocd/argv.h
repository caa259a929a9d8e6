/*
 * How OpenOCD is called: the one place that knows its command line and Tcl's quoting. There is no
 * shell anywhere; the procedures themselves are in units/m4flash.tcl.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum openocd_action {
    OPENOCD_PROGRAM, /* connect, halt, erase, write, verify, reset */
    OPENOCD_UPDATE,  /* the same, but an image that the chip holds already is only checked */
    OPENOCD_RELEASE, /* connect, reset, run: the M7 must not be left halted */
};

struct openocd_request {
    enum openocd_action action;
    const char *program; /* OpenOCD's path */
    const char *script;  /* path of m4flash.tcl */
    const char *config;  /* path of the board's OpenOCD configuration, or "" for none */

    /* OPENOCD_PROGRAM and OPENOCD_UPDATE only. The image is cut at sector borders into files
     * IMAGE_DIR/sector-N.bin (N from 0, decimal), each with its trailing 0xFF bytes cut off; a
     * sector without a file or with an empty one is erased and not written. OpenOCD makes a file of
     * its own there, part.bin. */
    const char *image_dir;
    uint32_t flash_start; /* address of sector 0 */
    uint32_t sector_size; /* bytes */
    uint32_t n_sectors;   /* sectors to program, from sector 0 */
};

/* Builds a NULL-terminated argv, whose first element is request->program. Returns 0, or -ENOMEM. */
int openocd_argv(const struct openocd_request *request, char ***ret_argv);

/* Frees an argv and its strings; takes and returns NULL. */
char **openocd_argv_free(char **argv);

/*
 * Quotes text as one Tcl word (a backslash before everything that Tcl would act on). Returns a
 * fresh string, or NULL if there is no memory.
 */
char *openocd_tcl_quote(const char *text);
