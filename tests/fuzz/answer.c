/*
 * The checker's answer as the daemon reads it: a signature's verdict, or a head, then a tail, from
 * a checker that lies. What passes must be safe to use unchecked, which is what is done here, as
 * the daemon does it.
 */
#include "sketch/answer.h"

#include <string.h>

#include "fuzz.h"
#include "util/cleanup.h"

/* Sector by sector through an image of the stated size, and not a byte beyond. */
static void use_image(const struct board *board, const struct answer_head *head)
{
    const struct sketch_report *report = &head->report;
    _cleanup_free_ uint8_t *image = calloc(1, report->image_size);
    uint32_t sectors = 0, used = 0;

    CLAIM(image);
    for (uint32_t start = 0; start < report->image_size; start += board->sector_size) {
        uint32_t left = report->image_size - start;
        uint32_t room = left < board->sector_size ? left : board->sector_size;
        uint32_t filled = report->sector_used[start / board->sector_size];

        CLAIM(filled <= room);
        memset(image + start, 0xFF, filled);
        sectors += filled > 0;
        used += filled;
    }
    /* Not the image that the report is of: no stack begins at 0xFFFFFFFF. */
    CLAIM(answer_check_image(head, image) < 0);
    CLAIM(sectors == report->sectors && sectors > 0 && used == report->flash_used);
}

static void use_report(const struct board *board, const struct answer_head *head)
{
    const struct sketch_report *report = &head->report;
    bool accepted = report->code == SKETCH_ACCEPTED;

    CLAIM(sketch_code_name(report->code));
    /* Judged by who opens the file, never by a checker. */
    CLAIM(report->code != SKETCH_NOT_REGULAR && report->code != SKETCH_UNREADABLE &&
          report->code != SKETCH_TOO_LARGE && report->code != SKETCH_OWNER &&
          report->code != SKETCH_SIGNATURE);
    claim_text(report->sentence, sizeof(report->sentence));
    claim_text(report->hint, sizeof(report->hint));
    CLAIM(!*report->sentence == accepted && !*report->hint == accepted);
    CLAIM(accepted == (report->image_size > 0));
    CLAIM(report->image_size <= board->flash.size);
    if (accepted)
        use_image(board, head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sketch_gap missing = {100, 200}, nothing = {0, 0};
    const struct board *board = fuzz_board();
    struct answer_head head = {0};
    struct answer_tail tail = {0};
    char text[32]; /* too small for all of it */
    size_t of_head = size < sizeof(head) ? size : sizeof(head);
    size_t left = size - of_head;

    memcpy(&head, data, of_head);
    if (answer_check_head(board, &head) == 0) {
        use_report(board, &head);
        claim_text(answer_cage_lacks(head.cage, text, sizeof(text)), sizeof(text));
    }

    if (answer_check_request(&missing, &head) == 0)
        CLAIM(head.needed > 100 && head.needed <= 200 && answer_check_head(board, &head) < 0);
    CLAIM(answer_check_request(&nothing, &head) < 0);

    struct answer_signature signature = {0};
    memcpy(&signature, data, size < sizeof(signature) ? size : sizeof(signature));
    if (answer_check_signature(&signature, 3) == 0)
        CLAIM(signature.verdict.state < _SIGNATURE_STATE_MAX && signature.verdict.signer < 3);

    memcpy(&tail, data + of_head, left < sizeof(tail) ? left : sizeof(tail));
    if (answer_check_tail(&tail) == 0)
        CLAIM(strspn(tail.sha256, "0123456789abcdef") == SKETCH_DIGEST_HEX - 1);
    return 0;
}
