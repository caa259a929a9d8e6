#include "sketch/signature.h"

#include <stdio.h>
#include <string.h>

#include "sketch/signature_note.h"

_Static_assert(NOTE_HEAD_SIZE + SIGNATURE_KEY_SIZE + SIGNATURE_SIZE == SIGNATURE_NOTE_SIZE,
               "a note is its head, a key and a signature");

bool signature_find(const void *file, size_t size, const uint8_t **ret_key,
                    const uint8_t **ret_signature)
{
    if (size < SIGNATURE_NOTE_SIZE)
        return false;
    const uint8_t *note = (const uint8_t *)file + size - SIGNATURE_NOTE_SIZE;
    if (memcmp(note, note_head, sizeof(note_head)) != 0)
        return false;
    *ret_key = note + NOTE_HEAD_SIZE;
    *ret_signature = *ret_key + SIGNATURE_KEY_SIZE;
    return true;
}

void signature_write_message(const char digest[static SKETCH_DIGEST_HEX],
                             char ret[static SIGNATURE_MESSAGE_SIZE])
{
    char text[SIGNATURE_MESSAGE_SIZE + 1];

    snprintf(text, sizeof(text), "m4flash sketch 1 %s\n", digest);
    memcpy(ret, text, SIGNATURE_MESSAGE_SIZE);
}

void signature_message(const void *bytes, size_t size, char ret[static SIGNATURE_MESSAGE_SIZE])
{
    char digest[SKETCH_DIGEST_HEX];

    sketch_digest(bytes, size, digest);
    signature_write_message(digest, ret);
}
