/*
 * Seeds that have the layout of a C structure or of our own format, from ELF files.
 * usage: make-seeds ANSWERS PACKED FILE...    (two folders, then what to judge and to pack)
 */
#include <fcntl.h>
#include <string.h>

#include "fuzz.h"
#include "patch/pack.h"
#include "sketch/answer.h"
#include "unpack.h"
#include "util/cleanup.h"
#include "util/fd.h"

enum {
    PACKED_BYTES = 512, /* of an upload, packed against the window */
    LIES = 1000,        /* where the numbers of seeds that lie begin */
    FORGED = 2000,      /* likewise, of those with another code */
    REQUESTS = 3000,    /* of those that ask for more instead */
    PRIME = 7,
};

static void write_seed(const char *folder, int number, const void *data, size_t size)
{
    _cleanup_free_ char *path = NULL;

    CLAIM(asprintf(&path, "%s/%04d", folder, number) > 0);
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    CLAIM(fd >= 0);
    CLAIM(fd_write_full(fd, data, size) == 0);
}

enum {
    ANSWER_SIZE = sizeof(struct answer_head) + sizeof(struct answer_tail),
};

/* What a checker could say that lies: the truth but for one byte, or for its code. */
static void write_lies(const char *folder, int number, const struct answer_head *head,
                       const struct answer_tail *tail)
{
    uint8_t lie[ANSWER_SIZE];
    struct answer_head forged = *head;

    memcpy(lie, head, sizeof(*head));
    memcpy(lie + sizeof(*head), tail, sizeof(*tail));
    lie[(size_t)number * PRIME % sizeof(lie)] ^= (uint8_t)(0x80 >> number % 8);
    write_seed(folder, LIES + number, lie, sizeof(lie));

    forged.report.code = (enum sketch_code)(number % (_SKETCH_CODE_MAX + 1));
    write_seed(folder, FORGED + number, &forged, sizeof(forged));

    answer_make_request((uint64_t)number % 300, &forged);
    write_seed(folder, REQUESTS + number, &forged, sizeof(forged));
}

static void write_answer(const char *folder, int number, const char *elf, size_t size)
{
    _cleanup_free_ uint8_t *image = NULL;
    struct sketch_report report;
    char digest[SKETCH_DIGEST_HEX];
    uint8_t seed[ANSWER_SIZE];
    struct answer_head head;
    struct answer_tail tail;

    CLAIM(sketch_check(fuzz_board(), elf, size, &report, &image) == 0);
    sketch_digest(elf, size, digest);
    answer_make_head(&report, &head);
    answer_make_tail(digest, &tail);
    memcpy(seed, &head, sizeof(head));
    memcpy(seed + sizeof(head), &tail, sizeof(tail));
    write_seed(folder, number, seed, sizeof(seed));
    write_lies(folder, number, &head, &tail);
}

/* Half from the window, half from the upload, so that every kind of copy is worth it. */
static void write_packed(const char *folder, int number, const char *elf, size_t size)
{
    uint8_t window[UNPACK_INPUT_WINDOW], bytes[2 * PACKED_BYTES];
    uint32_t n = size < PACKED_BYTES ? (uint32_t)size : PACKED_BYTES, packed_size;
    uint32_t offset = (uint32_t)number % 64;
    _cleanup_free_ uint8_t *packed = NULL;

    unpack_input_window(window);
    memcpy(bytes, window + offset, PACKED_BYTES);
    bytes[number % PACKED_BYTES] ^= 0x55;
    memcpy(bytes + PACKED_BYTES, elf, n);
    n += PACKED_BYTES;

    struct unpack_window flash = {window, sizeof(window), offset};
    CLAIM(pack(&flash, bytes, n, &packed, &packed_size) == 0);
    _cleanup_free_ uint8_t *seed = malloc(UNPACK_INPUT_HEAD + packed_size);
    CLAIM(seed);
    seed[0] = (uint8_t)n;
    seed[1] = (uint8_t)(n >> 8);
    seed[2] = (uint8_t)offset;
    seed[3] = 0;
    memcpy(seed + UNPACK_INPUT_HEAD, packed, packed_size);
    write_seed(folder, number, seed, UNPACK_INPUT_HEAD + packed_size);
    /* And as the wire may have left it: one byte wrong, mostly in what says how much to copy. */
    seed[(size_t)number % (UNPACK_INPUT_HEAD + packed_size)] ^= (uint8_t)(1 << number % 8);
    write_seed(folder, LIES + number, seed, UNPACK_INPUT_HEAD + packed_size);
}

int main(int argc, char **argv)
{
    for (int i = 3; i < argc; i++) {
        _cleanup_fd_ int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *elf = NULL;
        size_t size;

        CLAIM(fd >= 0);
        CLAIM(fd_read_file(fd, 64 << 20, &elf, &size) == 0);
        write_answer(argv[1], i - 3, elf, size);
        write_packed(argv[2], i - 3, elf, size);
    }
    return EXIT_SUCCESS;
}
