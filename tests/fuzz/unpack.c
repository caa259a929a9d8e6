/* The decoder of the packed stream, which is what the chip gets over a wire that has no checksum.
 */
#include "patch/unpack.h"

#include <string.h>

#include "fuzz.h"
#include "unpack.h"
#include "util/cleanup.h"

static uint32_t number(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

/* In memory of its exact size, so that AddressSanitizer sees a byte too many. */
static uint8_t *copy_of(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    CLAIM(copy);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t content[UNPACK_INPUT_WINDOW];

    if (size < UNPACK_INPUT_HEAD)
        return 0;
    unpack_input_window(content);
    uint32_t n = number(data), packed_size = (uint32_t)(size - UNPACK_INPUT_HEAD);
    _cleanup_free_ uint8_t *window = copy_of(content, sizeof(content));
    _cleanup_free_ uint8_t *packed = copy_of(data + UNPACK_INPUT_HEAD, packed_size);
    _cleanup_free_ uint8_t *bytes = calloc(n > 0 ? n : 1, 1);
    _cleanup_free_ uint8_t *again = calloc(n > 0 ? n : 1, 1);
    struct unpack_window flash = {window, sizeof(content), number(data + 2)};

    CLAIM(bytes && again);
    memset(again, 0xA5, n);
    int r = unpack(packed, packed_size, &flash, bytes, n);
    CLAIM(r == 0 || r == -1);
    CLAIM(unpack(packed, packed_size, &flash, again, n) == r);
    /* Every byte was built, and of nothing that was in the buffer before. */
    if (r == 0 && n > 0)
        CLAIM(memcmp(bytes, again, n) == 0);
    CLAIM(memcmp(window, content, sizeof(content)) == 0);
    return 0;
}
