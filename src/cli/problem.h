/*
 * Why a command could not do its work: for people a sentence and a hint on standard error, for
 * programs a word.
 */
#pragma once

#include "util/cleanup.h"

enum {
    PROBLEM_TEXT_MAX = 512,
};

struct problem {
    const char *code; /* "no-bus" and so on; static */
    char message[PROBLEM_TEXT_MAX];
    char hint[PROBLEM_TEXT_MAX];
};

/* The texts may be longer than there is room, and hold bytes that are not printable. */
void problem_set(struct problem *ret, const char *code, const char *hint, const char *format, ...)
    _printf_(4, 5);

/* "no-memory". Returns -ENOMEM. */
int problem_set_memory(struct problem *ret);
