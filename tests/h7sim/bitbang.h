/* The adapter's end of OpenOCD's remote_bitbang protocol: characters become edges on pins. */
#pragma once

#include <stddef.h>

#include "chip.h"
#include "tap.h"

struct bitbang;

/* All of them must outlive it. Returns 0 or -ENOMEM. */
int bitbang_new(struct chip *chip, struct tap *tap, struct faults *faults, struct stats *stats,
                struct bitbang **ret);
void bitbang_free(struct bitbang *bitbang);

enum bitbang_verdict {
    BITBANG_GO_ON,
    BITBANG_CLOSE, /* the client said so, or the adapter fails */
};

/* Plays size characters of a client; the replies (at most size) go to replies. Characters after the
 * one that closes, or after the chip lost its power, are not played. */
enum bitbang_verdict bitbang_play(struct bitbang *bitbang, const char *characters, size_t size,
                                  char *replies, size_t *ret_replies);
