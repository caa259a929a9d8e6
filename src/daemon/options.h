/* The daemon's command line. */
#pragma once

#include <stdbool.h>

#include "util/cleanup.h"

/* NULL where an option was not given. Paths are absolute. */
struct options {
    char *config;
    char *inbox;
    char *state_dir;
    char *runtime_dir;
    char *openocd;
    char *openocd_config; /* "" is none */
    char *board;          /* a name, or an absolute path */
    bool rollback;        /* do only this */
    bool json;            /* and tell the outcome so */
};

enum options_verdict {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* --help or --version was answered */
    OPTIONS_WRONG, /* said on stderr what is wrong */
};

/* Returns an enum options_verdict, or -errno. ret is for options_clear() in any case. */
int options_parse(int argc, char *argv[], struct options *ret);

void options_clear(struct options *options);
