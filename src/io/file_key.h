/*
 * Which file, in which state: what tells an upload seen again after a restart from one repeated on
 * purpose. Content is not part of it (a touch is a new upload), the device neither (its number may
 * change over a reboot while the file does not).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
    FILE_KEY_TEXT_MAX = 96, /* bytes of a key's text with its NUL */
};

struct file_key {
    uint64_t inode;        /* 0: no file */
    uint64_t size;         /* bytes */
    int64_t modified_nsec; /* since the epoch */
    int64_t changed_nsec;  /* since the epoch */
};

struct file_key file_key_of(const struct stat *status);
bool file_key_equal(const struct file_key *a, const struct file_key *b);

/* The reverse; no file if text is not one. */
void file_key_parse(const char *text, struct file_key *ret);

/* "inode:size:modified:changed" in decimal; "" for no file. */
void file_key_format(const struct file_key *key, char ret_text[static FILE_KEY_TEXT_MAX]);
