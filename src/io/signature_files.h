/* The files that signatures are judged by: the public keys of a folder, and a detached signature.
 */
#pragma once

#include <limits.h>

#include "config/complaint.h"
#include "sketch/signature.h"

struct key_files {
    uint32_t n;
    uint8_t keys[SIGNATURE_KEYS_MAX][SIGNATURE_KEY_SIZE];
    char names[SIGNATURE_KEYS_MAX][NAME_MAX + 1]; /* of their files, printable */
};

/*
 * Reads each *.pem of a folder, in the order of their names; hidden files are none. Folder and
 * files must be root's or this user's, nobody else may write to them, and a link is not followed:
 * whoever could change them could have anything programmed. What is not used is told to complain,
 * as is a folder that cannot be. *ret is good for any result, with n 0 if there is no usable key.
 * Returns 0 or -ENOMEM.
 */
int key_files_load(const char *directory, config_complain_t complain, void *userdata,
                   struct key_files *ret);

/* Reads one key, whoever owns it. Returns 0, or -errno after complaining. */
int key_file_read(const char *path, config_complain_t complain, void *userdata,
                  uint8_t ret[static SIGNATURE_KEY_SIZE]);

/* The keys as an order, without a detached signature. */
void key_files_order(const struct key_files *files, struct signature_order *ret);

/*
 * Reads the detached signature of dirfd/name, which is dirfd/name.sig: a regular file (no link is
 * followed, nothing else is opened) of exactly SIGNATURE_SIZE bytes. It is read once and whole;
 * that it may be replaced a moment later does not matter, since it fits the sketch at hand or does
 * not. Returns 1; 0 if there is none; -EMEDIUMTYPE if it is no regular file, -EMSGSIZE if it has
 * another size; or -errno.
 */
int signature_file_read(int dirfd, const char *name, uint8_t ret[static SIGNATURE_SIZE]);
