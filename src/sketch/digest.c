/*
 * SHA-256 from nettle, as text.
 *
 * It uses the processor's own instructions for it, as libcrypto does, and takes no set-up, no
 * configuration file and no system call, so it also works in a process that is locked up. And it is
 * small: libcrypto's tables, which the dynamic linker has to relocate, are 400 KiB of memory of
 * each process's own and half a millisecond of each one's start.
 */
#include <m4flash/sketch.h>
#include <nettle/sha2.h>

void sketch_digest(const void *data, size_t size, char ret_hex[static SKETCH_DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx context;

    sha256_init(&context);
    sha256_update(&context, size, data);
    sha256_digest(&context, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[SKETCH_DIGEST_HEX - 1] = '\0';
}
