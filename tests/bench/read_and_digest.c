/*
 * Reads a file once and prints its SHA-256: what nobody who looks at every byte of an upload can do
 * without, and so what the checker is measured against.
 *
 * usage: read_and_digest FILE
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

enum {
    PIECE = 128 * 1024, /* as coreutils read */
};

static int digest(int fd, unsigned char *ret, unsigned *ret_size)
{
    static unsigned char piece[PIECE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ssize_t n = -1;

    if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
        while ((n = read(fd, piece, sizeof(piece))) > 0)
            EVP_DigestUpdate(context, piece, (size_t)n);
    if (n == 0 && EVP_DigestFinal_ex(context, ret, ret_size) != 1)
        n = -1;
    EVP_MD_CTX_free(context);
    return (int)n;
}

int main(int argc, char **argv)
{
    unsigned char found[EVP_MAX_MD_SIZE];
    unsigned size;

    int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || digest(fd, found, &size) < 0) {
        fprintf(stderr, "usage: read_and_digest FILE, which must be readable\n");
        return 1;
    }
    for (unsigned i = 0; i < size; i++)
        printf("%02x", found[i]);
    putchar('\n');
    return 0;
}
