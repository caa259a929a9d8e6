/*
 * The C checker for whoever has many files to judge: one process, no file, and no daemon's rules.
 * usage: judge BOARD-PROFILE     On standard input: a file's size as four bytes (little endian),
 * and its bytes; again and again. On standard output, for each: a line CODE NEEDED-SIZE
 * IMAGE-SHA256.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/board.h"
#include "util/cleanup.h"
#include "util/fd.h"

static void complain(const char *file, unsigned line, const char *message, _unused_ void *userdata)
{
    fprintf(stderr, "%s:%u: %s\n", file, line, message);
}

static int read_board(const char *path, struct board *ret)
{
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    _cleanup_free_ char *text = NULL;
    size_t size;

    if (fd < 0 || fd_read_file(fd, BOARD_PROFILE_SIZE_MAX, &text, &size) < 0)
        return -1;
    return board_parse(text, size, path, complain, NULL, ret);
}

static int judge(const struct board *board, const uint8_t *elf, size_t size)
{
    _cleanup_free_ uint8_t *image = NULL;
    char digest[SKETCH_DIGEST_HEX] = "-";
    struct sketch_report report;

    if (sketch_check(board, elf, size, &report, &image) < 0)
        return -1;
    if (image)
        sketch_digest(image, report.image_size, digest);
    printf("%s %" PRIu64 " %s\n", sketch_code_name(report.code), report.needed_size, digest);
    return 0;
}

/* The next file in memory of its exact size. Returns 1, 0 at the end, or -1. */
static int read_next(uint8_t **ret, size_t *ret_size)
{
    uint8_t head[4];

    size_t n = fread(head, 1, sizeof(head), stdin);
    if (n < sizeof(head))
        return n == 0 ? 0 : -1;
    size_t size =
        (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    _cleanup_free_ uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (!bytes || fread(bytes, 1, size, stdin) < size)
        return -1;
    *ret = TAKE_PTR(bytes);
    *ret_size = size;
    return 1;
}

int main(int argc, char **argv)
{
    struct board board;

    if (argc != 2 || read_board(argv[1], &board) < 0)
        return EXIT_FAILURE;
    for (;;) {
        _cleanup_free_ uint8_t *elf = NULL;
        size_t size;

        int r = read_next(&elf, &size);
        if (r <= 0)
            return r < 0 || fflush(stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (judge(&board, elf, size) < 0)
            return EXIT_FAILURE;
    }
}
