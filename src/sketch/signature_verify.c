/*
 * Verifying, with libcrypto: a library of its own, so that only who verifies has that loaded. Its
 * tables, which the dynamic linker has to relocate, are 400 KiB of memory of each process's own and
 * half a millisecond of its start.
 */
#include "sketch/signature.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "util/cleanup.h"

static void pkey_freep(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void context_freep(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

/* Without a configuration file, which would have to be read. Returns 1 if it fits, 0 if not, or
 * -ENOMEM. */
static int verify(const uint8_t *key, const uint8_t *signature,
                  const char message[static SIGNATURE_MESSAGE_SIZE])
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
    _cleanup_(pkey_freep) EVP_PKEY *pkey =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, SIGNATURE_KEY_SIZE);
    _cleanup_(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (!pkey || !context || EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) != 1)
        return -ENOMEM;
    return EVP_DigestVerify(context, signature, SIGNATURE_SIZE, (const unsigned char *)message,
                            SIGNATURE_MESSAGE_SIZE) == 1;
}

int signature_prepare(void)
{
    /* Made by openssl pkeyutl(1) for the digest of 64 zeros, with a key that is no more. */
    static const uint8_t key[SIGNATURE_KEY_SIZE] = {
        0xea, 0xc6, 0x1d, 0x8b, 0x4e, 0x4f, 0xb7, 0x2a, 0xcb, 0x7c, 0x8e,
        0x9d, 0xed, 0x9b, 0x51, 0x98, 0xb4, 0x43, 0x7f, 0x94, 0x8d, 0x9b,
        0x16, 0xf5, 0xc2, 0x91, 0x1d, 0xcd, 0xb3, 0x2e, 0x69, 0x75,
    };
    static const uint8_t signature[SIGNATURE_SIZE] = {
        0xe9, 0x44, 0xc5, 0xfa, 0x27, 0x15, 0x3e, 0xc4, 0x1a, 0xac, 0x3c, 0x2d, 0x0e,
        0x19, 0x79, 0xe5, 0x7f, 0xe6, 0xb9, 0xfa, 0xb6, 0x1d, 0xf5, 0x0b, 0x5d, 0x21,
        0xc2, 0x57, 0x06, 0x55, 0x28, 0x0a, 0xa6, 0xdf, 0xc7, 0x20, 0x92, 0x7d, 0x24,
        0xcc, 0x8b, 0x66, 0x81, 0x02, 0x86, 0xfe, 0xe3, 0xbe, 0x76, 0xf3, 0x61, 0x5d,
        0x61, 0xc6, 0x9e, 0xce, 0xcc, 0x37, 0xe9, 0xf5, 0xd8, 0xbe, 0xa0, 0x00,
    };
    char message[SIGNATURE_MESSAGE_SIZE];

    signature_write_message("0000000000000000000000000000000000000000000000000000000000000000",
                            message);
    int right = verify(key, signature, message);
    message[0]++;
    int wrong = right < 0 ? right : verify(key, signature, message);
    if (wrong < 0)
        return wrong;
    return right == 1 && wrong == 0 ? 0 : -EIO;
}

/* Returns whether one of the keys fits, *ret_signer being the first that does, or -errno. */
static int find_signer(const struct signature_order *order, const uint8_t *signature,
                       const void *bytes, size_t size, uint32_t *ret_signer)
{
    char message[SIGNATURE_MESSAGE_SIZE];

    signature_message(bytes, size, message);
    for (uint32_t i = 0; i < order->n_keys; i++) {
        int r = verify(order->keys[i], signature, message);
        if (r > 0)
            *ret_signer = i;
        if (r != 0)
            return r;
    }
    return 0;
}

static bool knows(const struct signature_order *order, const uint8_t *key, uint32_t *ret)
{
    for (uint32_t i = 0; i < order->n_keys; i++)
        if (memcmp(order->keys[i], key, SIGNATURE_KEY_SIZE) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

static int judge_embedded(const struct signature_order *order, const void *file, size_t size,
                          struct signature_verdict *ret)
{
    char message[SIGNATURE_MESSAGE_SIZE];
    const uint8_t *key, *signature;
    uint32_t signer;

    if (!signature_find(file, size, &key, &signature))
        return 0;
    if (!knows(order, key, &signer)) {
        ret->state = SIGNATURE_FOREIGN;
        memcpy(ret->key, key, SIGNATURE_KEY_SIZE);
        return 0;
    }
    signature_message(file, size - SIGNATURE_SIZE, message);
    int r = verify(key, signature, message);
    if (r < 0)
        return r;
    *ret = (struct signature_verdict){.state = r ? SIGNATURE_GOOD : SIGNATURE_WRONG,
                                      .signer = r ? signer : 0};
    return 0;
}

static int judge_detached(const struct signature_order *order, const void *file, size_t size,
                          struct signature_verdict *ret)
{
    uint32_t signer = 0;

    int r = find_signer(order, order->detached, file, size, &signer);
    if (r > 0)
        *ret = (struct signature_verdict){.state = SIGNATURE_GOOD, .signer = signer};
    else if (r == 0 && ret->state == SIGNATURE_NONE)
        ret->state = SIGNATURE_WRONG;
    return r < 0 ? r : 0;
}

int signature_judge(const struct signature_order *order, const void *file, size_t size,
                    struct signature_verdict *ret)
{
    struct signature_verdict verdict = {.state = SIGNATURE_NONE};

    int r = judge_embedded(order, file, size, &verdict);
    if (r >= 0 && verdict.state != SIGNATURE_GOOD && order->has_detached)
        r = judge_detached(order, file, size, &verdict);
    if (r < 0)
        return r;
    *ret = verdict;
    return 0;
}
