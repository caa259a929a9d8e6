/*
 * The ELF checker: an upload's bytes -> a verdict and an image. What it says must pass the daemon's
 * own judgement of it, and every byte of the image must be one of the upload's or a gap's. While a
 * part of the upload is not known, it says the same or asks for more.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "sketch/answer.h"
#include "util/cleanup.h"

enum {
    SECTOR_SIZE = 4096, /* instead of 128 KiB: most of the time went into gaps between segments */
};

static void claim_image(const struct sketch_report *report, const uint8_t *image,
                        const uint8_t *data, size_t size)
{
    bool present[256] = {[0xFF] = true};

    for (size_t i = 0; i < size; i++)
        present[data[i]] = true;
    for (uint32_t i = 0; i < report->image_size; i++)
        CLAIM(present[image[i]]);
}

/* Somewhere, as the input has it. */
static struct sketch_gap gap_of(const uint8_t *data, size_t size)
{
    uint32_t chance = (uint32_t)size;
    struct sketch_gap gap;

    for (size_t i = 0; i < size && i < 256; i++)
        chance = chance * 31 + data[i];
    gap.start = (chance >> 4) % size;
    gap.end = gap.start + 1 + (chance >> 12) % (size - gap.start);
    return gap;
}

static void claim_same_with_gap(const struct board *board, const uint8_t *data, size_t size,
                                const struct sketch_report *expected, const uint8_t *expected_image)
{
    _cleanup_free_ uint8_t *copy = malloc(size), *image = NULL;
    struct sketch_gap gap = gap_of(data, size);
    struct sketch_report report;
    uint64_t needed;
    int r;

    CLAIM(copy);
    memcpy(copy, data, size);
    memset(copy + gap.start, (int)size, gap.end - gap.start);
    while ((r = sketch_check_part(board, copy, size, &gap, &report, &image, &needed)) == -EAGAIN) {
        CLAIM(needed > gap.start && needed <= gap.end);
        memcpy(copy + gap.start, data + gap.start, needed - gap.start);
        gap.start = needed;
    }
    CLAIM(r == 0 && report.code == expected->code && (image != NULL) == (expected_image != NULL));
    CLAIM(strcmp(report.sentence, expected->sentence) == 0);
    CLAIM(report.image_size == expected->image_size && report.ram_used == expected->ram_used);
    CLAIM(!image || memcmp(image, expected_image, report.image_size) == 0);
}

static enum sketch_code judge(const struct board *board, const uint8_t *data, size_t size)
{
    _cleanup_free_ uint8_t *image = NULL;
    struct sketch_report report;
    struct answer_head head;

    CLAIM(sketch_check(board, data, size, &report, &image) == 0);
    /* Of rejections one size in eight: it takes as long as to judge the file. */
    if (image || size % 8 == 0) {
        answer_make_head(&report, &head);
        CLAIM(answer_check_head(board, &head) == 0);
        if (size > 0)
            claim_same_with_gap(board, data, size, &report, image);
    }
    CLAIM(report.code != SKETCH_TRUNCATED || report.needed_size > size);
    CLAIM((image != NULL) == (report.code == SKETCH_ACCEPTED));
    if (image) {
        CLAIM(answer_check_image(&head, image) == 0);
        claim_image(&report, image, data, size);
    }
    return report.code;
}

static const struct board *small_board(void)
{
    static struct board board;

    if (!board.name[0]) {
        board = *fuzz_board();
        board.flash.size = board.flash.size / board.sector_size * SECTOR_SIZE;
        board.sector_size = SECTOR_SIZE;
    }
    return &board;
}

/* Cores with another FPU judge but one rule otherwise, which only a sound sketch comes to. */
static void judge_for_other_cores(const uint8_t *data, size_t size)
{
    struct board board = *small_board();

    board.fpu = BOARD_FPU_NONE;
    judge(&board, data, size);
    board.fpu = BOARD_FPU_DOUBLE;
    board.cpu_arch_max = UINT32_MAX;
    judge(&board, data, size);
}

/* A board that is not what it promises is refused, and nothing is said of the sketch. */
static void claim_refusal(const uint8_t *data, size_t size)
{
    struct board board = *small_board();
    struct sketch_report report;
    struct sketch_map map;
    uint8_t *image = NULL;

    board.sector_size = 0;
    CLAIM(sketch_check(&board, data, size, &report, &image) == -EINVAL && !image);
    CLAIM(sketch_map(&board, data, size, 0, &map) == -EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum sketch_code code = judge(small_board(), data, size);

    if (code == SKETCH_ACCEPTED || code == SKETCH_WRONG_CORE) {
        judge_for_other_cores(data, size);
        claim_refusal(data, size);
    }
    return 0;
}
