/* Makes keys and signatures for tests, without a line of src/cli/sign.c. */
#pragma once

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "sketch/signature.h"

/* The key pair that is made of a seed of 32 times this byte. */
static inline EVP_PKEY *signing_key(uint8_t seed, uint8_t ret_public[static SIGNATURE_KEY_SIZE])
{
    uint8_t private[SIGNATURE_KEY_SIZE];
    size_t size = SIGNATURE_KEY_SIZE;

    memset(private, seed, sizeof(private));
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private, sizeof(private));
    if (!key || EVP_PKEY_get_raw_public_key(key, ret_public, &size) != 1)
        abort();
    return key;
}

static inline void signing_make(EVP_PKEY *key, const void *bytes, size_t size,
                                uint8_t ret[static SIGNATURE_SIZE])
{
    char message[SIGNATURE_MESSAGE_SIZE];
    size_t length = SIGNATURE_SIZE;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    signature_message(bytes, size, message);
    if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(context, ret, &length, (const unsigned char *)message, sizeof(message)) != 1)
        abort();
    EVP_MD_CTX_free(context);
}

/* A copy with an embedded signature, for free(). */
static inline uint8_t *signing_embed(uint8_t seed, const void *elf, size_t size, size_t *ret_size)
{
    uint8_t public[SIGNATURE_KEY_SIZE], *copy;
    EVP_PKEY *key = signing_key(seed, public);
    const char *reason;

    if (signature_note_add(elf, size, public, &copy, ret_size, &reason) < 0)
        abort();
    signing_make(key, copy, *ret_size - SIGNATURE_SIZE, copy + *ret_size - SIGNATURE_SIZE);
    EVP_PKEY_free(key);
    return copy;
}

/* The order for a verdict by the keys of seeds 1 to n. */
static inline struct signature_order signing_order(uint32_t n)
{
    struct signature_order order = {.n_keys = n};

    for (uint32_t i = 0; i < n; i++)
        EVP_PKEY_free(signing_key((uint8_t)(i + 1), order.keys[i]));
    return order;
}
