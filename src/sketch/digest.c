/*
 * SHA-256 from libcrypto, as text.
 *
 * By its plain functions, which OpenSSL 3 deprecates in favour of EVP: that has to find the
 * algorithm among providers first, which takes as long as to hash a megabyte, in each checker's
 * life, and more than 100 KiB of memory for as long as the daemon lives. Both run the same code for
 * the processor at hand. These need no set-up, no configuration file and no system call, so they
 * also work in a process that is locked up.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <errno.h>
#include <m4flash/sketch.h>
#include <openssl/sha.h>

int sketch_digest(const void *data, size_t size, char ret_hex[static SKETCH_DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX context;

    if (!SHA256_Init(&context) || !SHA256_Update(&context, data, size) ||
        !SHA256_Final(digest, &context))
        return -EIO;
    for (size_t i = 0; i < sizeof(digest); i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[SKETCH_DIGEST_HEX - 1] = '\0';
    return 0;
}
