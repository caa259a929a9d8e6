/* What a sketch's signature is worth, for commands that tell of it. */
#pragma once

#include "io/signature_files.h"

struct signed_by {
    struct signature_verdict verdict; /* FOREIGN only if the signature fits the file: else WRONG */
    bool detached;                    /* GOOD: it is in a file of its own */
    char key[SKETCH_DIGEST_HEX];      /* fingerprint of GOOD's or FOREIGN's key; else "" */
    char key_file[NAME_MAX + 1];      /* GOOD: the name of its file; else "" */
};

/*
 * Judges size bytes of a file whose detached signature is PATH.sig (path NULL: there is none). One
 * that cannot be read counts as none. Returns 0, -EIO or -ENOMEM.
 */
int signed_look(const struct key_files *keys, const char *path, const void *bytes, size_t size,
                struct signed_by *ret);

/* "none", "good", "foreign" or "wrong". */
const char *signed_name(const struct signed_by *by);
