/*
 * Signatures: any file as one that may be signed, as a sketch to sign, and as a key. The first byte
 * says how many keys there are and whether a detached signature.
 */
#include "sketch/signature.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "sketch/answer.h"
#include "util/cleanup.h"

static void judge(uint8_t choice, const uint8_t *data, size_t size)
{
    struct signature_order order = {.n_keys = choice % 3, .has_detached = choice >> 2 & 1};
    struct signature_verdict verdict;
    struct answer_signature answer;
    const uint8_t *key, *signature;

    /* What stands where a note's key does is one of those in question, so that it is verified. */
    if (choice & 8 && size >= SIGNATURE_NOTE_SIZE)
        memcpy(order.keys[0], data + size - SIGNATURE_SIZE - SIGNATURE_KEY_SIZE,
               SIGNATURE_KEY_SIZE);
    CLAIM(signature_judge(&order, data, size, &verdict) == 0);
    answer_make_signature(&verdict, &answer);
    CLAIM(answer_check_signature(&answer, order.n_keys) == 0);
    CLAIM((verdict.state == SIGNATURE_NONE) ==
          (!signature_find(data, size, &key, &signature) && !order.has_detached));
}

/* Whatever gets a note has it at its end, and is the same sketch. */
static void sign(const uint8_t *data, size_t size)
{
    static const uint8_t key[SIGNATURE_KEY_SIZE] = {1};
    _cleanup_free_ uint8_t *copy = NULL, *image = NULL, *copied_image = NULL;
    struct sketch_report report, copied;
    const uint8_t *found, *signature;
    const char *reason = NULL;
    size_t copy_size;

    int r = signature_note_add(data, size, key, &copy, &copy_size, &reason);
    CLAIM(r == 0 || (r == -EINVAL && reason && !copy));
    if (r < 0)
        return;
    CLAIM(copy_size >= size && signature_find(copy, copy_size, &found, &signature));
    CLAIM(memcmp(found, key, sizeof(key)) == 0 && signature + SIGNATURE_SIZE == copy + copy_size);
    CLAIM(sketch_check(fuzz_board(), data, size, &report, &image) == 0);
    CLAIM(sketch_check(fuzz_board(), copy, copy_size, &copied, &copied_image) == 0);
    if (report.code != SKETCH_ACCEPTED)
        return;
    CLAIM(copied.code == SKETCH_ACCEPTED && copied.image_size == report.image_size);
    CLAIM(memcmp(copied_image, image, report.image_size) == 0);
}

static void parse_key(const uint8_t *data, size_t size)
{
    uint8_t key[SIGNATURE_KEY_SIZE];
    const char *reason = NULL;

    int r = signature_key_parse((const char *)data, size, key, &reason);
    CLAIM(r == 0 || (r == -EINVAL && reason && *reason));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    judge(*data, data + 1, size - 1);
    sign(data + 1, size - 1);
    parse_key(data + 1, size - 1);
    return 0;
}
