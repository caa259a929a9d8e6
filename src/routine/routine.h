/*
 * The routines for the chips that we know, ready to be loaded. Their sources are beside this; what
 * they understand is in mailbox.h and patch/packet.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct routine {
    const char *name;    /* as in a board profile's Routine= */
    const uint8_t *code; /* runs at ROUTINE_ENTRY */
    size_t size;         /* bytes */
};

/* The routine of that name, or NULL: none was built, or there is none. */
const struct routine *routine_find(const char *name);
