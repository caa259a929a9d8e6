/* The board that the targets judge for, and what more than one of them claims. */
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>

#include "config/board.h"
#include "util/cleanup.h"
#include "util/fd.h"

static void complain(const char *file, unsigned line, const char *message, _unused_ void *userdata)
{
    fprintf(stderr, "%s:%u: %s\n", file, line, message);
}

static void read_board(struct board *ret)
{
    _cleanup_fd_ int fd = open(BOARD_PROFILE, O_RDONLY | O_CLOEXEC);
    _cleanup_free_ char *text = NULL;
    size_t size;

    CLAIM(fd >= 0);
    CLAIM(fd_read_file(fd, BOARD_PROFILE_SIZE_MAX, &text, &size) == 0);
    CLAIM(board_parse(text, size, BOARD_PROFILE, complain, NULL, ret) == 0);
}

const struct board *fuzz_board(void)
{
    static struct board board;

    if (!board.name[0])
        read_board(&board);
    return &board;
}

void claim_text(const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    CLAIM(length < size);
    for (size_t i = 0; i < length; i++)
        CLAIM(text[i] >= 0x20 && text[i] <= 0x7e);
}
