/*
 * Reads a file once and prints its SHA-256: what nobody who looks at every byte of an upload can do
 * without, and so what the checker is measured against.
 *
 * usage: read_and_digest FILE
 */
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <unistd.h>

enum {
    PIECE = 128 * 1024, /* as coreutils read */
};

static int digest(int fd, uint8_t ret[static SHA256_DIGEST_SIZE])
{
    static uint8_t piece[PIECE];
    struct sha256_ctx context;
    ssize_t n;

    sha256_init(&context);
    while ((n = read(fd, piece, sizeof(piece))) > 0)
        sha256_update(&context, (size_t)n, piece);
    sha256_digest(&context, SHA256_DIGEST_SIZE, ret);
    return (int)n;
}

int main(int argc, char **argv)
{
    uint8_t found[SHA256_DIGEST_SIZE];

    int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || digest(fd, found) < 0) {
        fprintf(stderr, "usage: read_and_digest FILE, which must be readable\n");
        return 1;
    }
    for (size_t i = 0; i < sizeof(found); i++)
        printf("%02x", found[i]);
    putchar('\n');
    return 0;
}
