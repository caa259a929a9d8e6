/*
 * The daemon's settings and the text form of them: what /etc/m4flash.conf and its drop-ins say.
 * Pure: bytes in, values and complaints out; which files are read, and in which order, is
 * io/config_files.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * A text setting has three states: NULL is unset (the board's own value counts), "" is none (set to
 * nothing on purpose), anything else is the value.
 */
struct settings {
    char *inbox_directory;         /* [Inbox] Directory=, absolute; never NULL or "" */
    char *inbox_file_name;         /* [Inbox] FileName=, no slash; never NULL or "" */
    uint64_t inbox_max_size;       /* [Inbox] MaxSize=, bytes, more than 0 */
    char *openocd_program;         /* [OpenOCD] Program=, absolute; never NULL or "" */
    char *openocd_config;          /* [OpenOCD] Config=, absolute */
    uint64_t openocd_timeout_usec; /* [OpenOCD] TimeoutSec=, more than 0 */
    char *board_name;  /* [Board] Name=: a profile's name, or its path if it has a slash */
    char *health_file; /* [Board] HealthFile=, absolute */
};

/* Hears of each problem: file and line as a reader counts them (line 0: the file as a whole). */
typedef void (*config_complain_t)(const char *file, unsigned line, const char *message,
                                  void *userdata);

/* Fresh settings with the documented defaults. Returns 0 or -ENOMEM. */
int settings_new(struct settings **ret);
struct settings *settings_free(struct settings *settings);

/*
 * Applies size bytes of configuration text over what settings hold; later assignments win. Unknown
 * sections and keys, bad values and lines that are neither are told to complain and change nothing.
 * file is only a name for complaints. Returns 0, or -ENOMEM.
 */
int settings_parse(struct settings *settings, const char *text, size_t size, const char *file,
                   config_complain_t complain, void *userdata);
