/* SHA-256 from libcrypto, as text. */
#include <errno.h>
#include <m4flash/sketch.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

int sketch_digest(const void *data, size_t size, char ret_hex[static SKETCH_DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;

    /* A digest must not depend on openssl.cnf, which the checker may not be able to read. */
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
        return -EIO;
    if (!EVP_Digest(data, size, digest, &length, EVP_sha256(), NULL) ||
        length != (SKETCH_DIGEST_HEX - 1) / 2)
        return -EIO;
    for (size_t i = 0; i < length; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[SKETCH_DIGEST_HEX - 1] = '\0';
    return 0;
}
