/*
 * The daemon's settings and the text form of them: what /etc/m4flash.conf and its drop-ins say.
 * Pure: bytes in, values and complaints out; which files are read, and in which order, is
 * io/config_files.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/complaint.h"
#include "config/owners.h"
#include "util/cleanup.h"

enum {
    PROGRAMMINGS_MAX = 1000, /* the largest limit */
};

/*
 * A text setting has three states: NULL is unset (the board's own value counts), "" is none (set to
 * nothing on purpose), anything else is the value.
 */
struct settings {
    char *inbox_directory;         /* [Inbox] Directory=, absolute; never NULL or "" */
    char *inbox_file_name;         /* [Inbox] FileName=, no slash; never NULL or "" */
    uint64_t inbox_max_size;       /* [Inbox] MaxSize=, bytes, more than 0 */
    struct owners inbox_owners;    /* [Inbox] AllowOwners= */
    bool require_signature;        /* [Inbox] RequireSignature= */
    char *keys_directory;          /* [Inbox] KeysDirectory=, absolute; never NULL or "" */
    char *openocd_program;         /* [OpenOCD] Program=, absolute; never NULL or "" */
    char *openocd_config;          /* [OpenOCD] Config=, absolute */
    uint64_t openocd_timeout_usec; /* [OpenOCD] TimeoutSec=, more than 0 */
    char *board_name;  /* [Board] Name=: a profile's name, or its path if it has a slash; never NULL
                        * or "" */
    char *health_file; /* [Board] HealthFile=, absolute */
    uint64_t health_timeout_usec;     /* [Board] HealthTimeoutSec=, more than 0 */
    char *default_sketch;             /* [Sketch] DefaultSketch=, absolute, or ""; never NULL */
    bool restore_on_failure;          /* [Sketch] RestoreOnFailure= */
    uint32_t programmings_per_minute; /* [Limits] ProgrammingsPerMinute=, 0: no limit */
    uint32_t programmings_per_day;    /* [Limits] ProgrammingsPerDay=, 0: no limit */
    char *hooks_pre_directory;        /* [Hooks] PreDirectory=, absolute; never NULL or "" */
    char *hooks_post_directory;       /* [Hooks] PostDirectory=, absolute; never NULL or "" */
    uint64_t hooks_timeout_usec;      /* [Hooks] TimeoutSec=, of each hook, more than 0 */

    owners_find_t find_user; /* for who parses, from who reads files; NULL: no name is known */
};

/* Fresh settings with the documented defaults. Returns 0 or -ENOMEM. */
int settings_new(struct settings **ret);
struct settings *settings_free(struct settings *settings);
DEFINE_CLEANUP(struct settings *, settings_free)

/* As if only root's uploads were accepted by [Inbox] AllowOwners=, and only signed ones by
 * RequireSignature=: for when these lines may be there but cannot be read. */
void settings_keep_others_out(struct settings *settings);

/*
 * Applies size bytes of configuration text over what settings hold; later assignments win. Unknown
 * sections and keys, bad values and lines that are neither (config/ini_text.h has the syntax) are
 * told to complain and change nothing. An empty value sets a text to none where the comments above
 * allow it, and anything else back to its default. Of a list of users the words that name nobody
 * are told and allow nobody; the others count. A line that is not understood and may have been that
 * list keeps all but root out until a later line is understood; a RequireSignature= that is not
 * understood, or a line that may have been one, counts as yes in the same way; a NUL byte, behind
 * which both may be, does both. file is only a name for complaints. Returns 0, or -ENOMEM.
 */
int settings_parse(struct settings *settings, const char *text, size_t size, const char *file,
                   config_complain_t complain, void *userdata);
