/* What several commands take as arguments. */
#pragma once

#include <m4flash/sketch.h>
#include <stdint.h>

#include "cli/problem.h"
#include "config/settings.h"
#include "io/signature_files.h"

enum {
    TIMEOUT_DEFAULT_USEC = 600 * 1000 * 1000, /* longer than any programming with all its tries */
};

/*
 * A time in microseconds (value_parse_time()), UINT64_MAX for "infinity". Returns 0; -EINVAL after
 * telling on standard error.
 */
int argument_timeout(const char *text, uint64_t *ret_usec);

/* Behind the options there may be none. Returns 0; -EINVAL after telling on standard error. */
int argument_none(int argc);

/* Behind the options there may be a job's number, more than 0; else *ret stays. Likewise. */
int argument_job(int argc, char **argv, uint64_t *ret);

/* A SHA-256 in hexadecimal, of either case. Returns 0; -EINVAL after telling on standard error. */
int argument_digest(const char *text, char ret[static SKETCH_DIGEST_HEX]);

/* What a service here would judge by besides the board. */
struct policy {
    uint64_t max_size;
    bool must_be_signed;   /* by one of: */
    struct key_files keys; /* where they need not be signed: if there are any */
};

/* The configuration's. Returns 0; -ENOMEM, or another -errno after telling on standard error. */
int argument_policy(struct policy *ret);

/*
 * The same with the board, which the configuration names if name is NULL (--board). Likewise.
 */
int argument_board(const char *name, struct board *ret, struct policy *ret_policy);

/* Tells a complaint (config/complaint.h) on standard error. */
void argument_complain(const char *file, unsigned line, const char *message, void *userdata);

/* The digest of a file. Returns 0, or -errno with *problem set. */
int argument_file_digest(const char *path, char ret[static SKETCH_DIGEST_HEX],
                         struct problem *problem);
