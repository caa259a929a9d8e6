/*
 * The decoder: the format byte by byte, every way to be malformed, and streams that no encoder
 * wrote. Memory is guarded on one side or the other, so that a byte too far ends the test.
 */
#include <string.h>

#include "fixture.h"
#include "patch/pack.h"

enum {
    AT = 8, /* where the bytes lie in the flash of the tests by hand */
    GUARDED = 4096,
};

static const char flash_text[] = "0123456789abcdefghijklmnopqrstuvwxyz";

#define TOKEN(choice, literals, length) ((uint8_t)((choice) << 6 | (literals) << 4 | (length)))

struct stream {
    const char *about;
    uint8_t bytes[24];
    uint32_t size;
    const char *out; /* what is built; NULL: the stream is malformed */
    uint32_t out_size;
};

#define OUT(text)     .out = (text), .out_size = sizeof(text) - 1
#define MALFORMED(n)  .out_size = (n)
#define BYTES(n, ...) .size = (n), .bytes = {__VA_ARGS__}

static int unpack_guarded(const struct unpack_window *flash, const uint8_t *packed,
                          uint32_t packed_size, const char *out, uint32_t size, bool at_end)
{
    _cleanup_arena_ struct arena in = arena_new(GUARDED), to = arena_new(GUARDED);
    uint8_t *guarded = arena_place(&in, packed_size, at_end);
    uint8_t *built = arena_place(&to, size, at_end);
    int r;

    memcpy(guarded, packed, packed_size);
    r = unpack(guarded, packed_size, flash, built, size);
    if (r == 0 && out)
        assert_memory_equal(built, out, size);
    return r;
}

static void assert_streams(const struct stream *streams, size_t n)
{
    const uint32_t flash_size = sizeof(flash_text) - 1;
    _cleanup_arena_ struct arena arena = arena_new(GUARDED);

    for (size_t i = 0; i < 2 * n; i++) {
        const struct stream *stream = &streams[i / 2];
        uint8_t *bytes = arena_place(&arena, flash_size, i % 2);
        struct unpack_window flash = {bytes, flash_size, AT};

        memcpy(bytes, flash_text, flash_size);
        int r = unpack_guarded(&flash, stream->bytes, stream->size, stream->out, stream->out_size,
                               i % 2);
        if (r != (stream->out ? 0 : -1))
            fail_msg("%s: %d", stream->about, r);
    }
}

/* What unpack.h says, so that a chip and a daemon of different days understand each other. */
static void test_format(void **state)
{
    static const struct stream streams[] = {
        {"nothing", BYTES(0, 0), OUT("")},
        {"literals", BYTES(3, TOKEN(UNPACK_AGAIN, 2, 0), 'X', 'Y'), OUT("XY")},
        {"3 literals", BYTES(5, TOKEN(UNPACK_AGAIN, 3, 0), 0, 'X', 'Y', 'Z'), OUT("XYZ")},
        {"4 literals", BYTES(6, TOKEN(UNPACK_AGAIN, 3, 0), 1, 'W', 'X', 'Y', 'Z'), OUT("WXYZ")},
        {"a number of two bytes",
         BYTES(7, TOKEN(UNPACK_AGAIN, 3, 0), 0x81, 0x00, 'W', 'X', 'Y', 'Z'), OUT("WXYZ")},
        {"from where it lies", BYTES(1, TOKEN(UNPACK_AGAIN, 0, 4)), OUT("89ab")},
        {"15 bytes", BYTES(2, TOKEN(UNPACK_AGAIN, 0, 15), 0), OUT("89abcdefghijklm")},
        {"16 bytes", BYTES(2, TOKEN(UNPACK_AGAIN, 0, 15), 1), OUT("89abcdefghijklmn")},
        {"a literal, and on behind it", BYTES(2, TOKEN(UNPACK_AGAIN, 1, 3), 'X'), OUT("X9ab")},
        {"further up", BYTES(2, TOKEN(UNPACK_FLASH, 0, 0), 4), OUT("abc")},
        {"further down", BYTES(2, TOKEN(UNPACK_FLASH, 0, 0), 3), OUT("678")},
        {"the flash's first byte", BYTES(2, TOKEN(UNPACK_FLASH, 0, 0), 15), OUT("012")},
        {"the flash's last byte", BYTES(2, TOKEN(UNPACK_FLASH, 0, 0), 50), OUT("xyz")},
        {"up, and then on by the sum",
         BYTES(4, TOKEN(UNPACK_FLASH, 0, 0), 4, TOKEN(UNPACK_FLASH, 0, 0), 4), OUT("abcfgh")},
        {"again", BYTES(4, TOKEN(UNPACK_FLASH, 0, 0), 4, TOKEN(UNPACK_AGAIN, 1, 2), 'X'),
         OUT("abcXef")},
        {"the other: where it lies",
         BYTES(3, TOKEN(UNPACK_FLASH, 0, 0), 4, TOKEN(UNPACK_OTHER, 0, 2)), OUT("abcbc")},
        {"the other, and back",
         BYTES(4, TOKEN(UNPACK_FLASH, 0, 0), 4, TOKEN(UNPACK_OTHER, 0, 2),
               TOKEN(UNPACK_OTHER, 0, 1)),
         OUT("abcbcf")},
        {"the buffer", BYTES(6, TOKEN(UNPACK_BUFFER, 3, 0), 0, 2, 'X', 'Y', 'Z'), OUT("XYZXYZ")},
        {"the buffer, overlapping", BYTES(4, TOKEN(UNPACK_BUFFER, 2, 2), 1, 'X', 'Y'),
         OUT("XYXYXYX")},
        {"up from the last flash, past the buffer",
         BYTES(6, TOKEN(UNPACK_FLASH, 0, 0), 4, TOKEN(UNPACK_BUFFER, 0, 0), 2,
               TOKEN(UNPACK_FLASH, 0, 0), 2),
         OUT("abcabchij")},
        {"the other: a buffer",
         BYTES(6, TOKEN(UNPACK_BUFFER, 1, 0), 0, 'X', TOKEN(UNPACK_FLASH, 0, 0), 0,
               TOKEN(UNPACK_OTHER, 0, 1)),
         OUT("XXXXcdee")},
    };

    (void)state;
    assert_streams(streams, ELEMENTSOF(streams));
}

static void test_malformed(void **state)
{
    static const struct stream streams[] = {
        {"nothing, of something", BYTES(0, 0), MALFORMED(1)},
        {"a byte too few", BYTES(1, TOKEN(UNPACK_AGAIN, 0, 4)), MALFORMED(5)},
        {"a byte too many", BYTES(1, TOKEN(UNPACK_AGAIN, 0, 4)), MALFORMED(3)},
        {"a literal too many", BYTES(3, TOKEN(UNPACK_AGAIN, 2, 0), 'X', 'Y'), MALFORMED(1)},
        {"literals cut off", BYTES(2, TOKEN(UNPACK_AGAIN, 2, 0), 'X'), MALFORMED(2)},
        {"more than all literals",
         BYTES(6, TOKEN(UNPACK_AGAIN, 3, 0), 0xFD, 0xFF, 0xFF, 0xFF, 0x0F), MALFORMED(4)},
        {"no number of literals", BYTES(1, TOKEN(UNPACK_AGAIN, 3, 0)), MALFORMED(3)},
        {"no number of bytes", BYTES(1, TOKEN(UNPACK_AGAIN, 0, 15)), MALFORMED(15)},
        {"a number cut off", BYTES(2, TOKEN(UNPACK_AGAIN, 0, 15), 0x80), MALFORMED(15)},
        {"no source, flash", BYTES(1, TOKEN(UNPACK_FLASH, 0, 0)), MALFORMED(3)},
        {"no source, buffer", BYTES(2, TOKEN(UNPACK_BUFFER, 1, 0), 'X'), MALFORMED(4)},
        {"a number without end",
         BYTES(7, TOKEN(UNPACK_AGAIN, 0, 15), 0x80, 0x80, 0x80, 0x80, 0x80, 0), MALFORMED(15)},
        {"before the flash", BYTES(2, TOKEN(UNPACK_FLASH, 0, 0), 17), MALFORMED(3)},
        {"behind the flash", BYTES(2, TOKEN(UNPACK_FLASH, 0, 0), 52), MALFORMED(3)},
        {"wholly behind the flash", BYTES(3, TOKEN(UNPACK_FLASH, 0, 0), 0x80, 1), MALFORMED(3)},
        {"over the flash's end", BYTES(2, TOKEN(UNPACK_AGAIN, 0, 15), 15), MALFORMED(30)},
        {"before the buffer", BYTES(3, TOKEN(UNPACK_BUFFER, 1, 0), 1, 'X'), MALFORMED(4)},
        {"of an empty buffer", BYTES(2, TOKEN(UNPACK_BUFFER, 0, 0), 0), MALFORMED(3)},
        {"the buffer, half the memory away",
         BYTES(7, TOKEN(UNPACK_BUFFER, 1, 0), 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 'X'), MALFORMED(4)},
        {"the buffer, all the memory away",
         BYTES(7, TOKEN(UNPACK_BUFFER, 1, 0), 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 'X'), MALFORMED(4)},
        {"a token too many", BYTES(2, TOKEN(UNPACK_AGAIN, 0, 3), TOKEN(UNPACK_AGAIN, 0, 1)),
         MALFORMED(3)},
    };

    (void)state;
    assert_streams(streams, ELEMENTSOF(streams));
}

/* Without flash nothing can come from there, and its address is never used. */
static void test_no_flash(void **state)
{
    const struct unpack_window none = {NULL, 0, 0};
    const uint8_t again[] = {TOKEN(UNPACK_AGAIN, 0, 1)};
    const uint8_t literal[] = {TOKEN(UNPACK_BUFFER, 1, 0), 0, 'X'};

    (void)state;
    assert_int_equal(unpack_guarded(&none, again, sizeof(again), NULL, 1, true), -1);
    assert_int_equal(unpack_guarded(&none, literal, sizeof(literal), "XXXX", 4, true), 0);
}

enum {
    HOSTILE_MAX = 600, /* bytes of a stream and of what it builds */
    HOSTILE_FLASH = 300,
};

struct hostile {
    struct arena in, flash, out;
    uint32_t seed;
    unsigned int accepted, rejected;
};

static void try_stream(struct hostile *h, const uint8_t *stream, uint32_t stream_size,
                       const struct unpack_window *flash, uint32_t size)
{
    bool at_end = next_random(&h->seed) % 2;
    uint8_t *in = arena_place(&h->in, stream_size, at_end);
    uint8_t *bytes = arena_place(&h->flash, flash->size, at_end);
    struct unpack_window window = {bytes, flash->size, flash->offset};

    memcpy(in, stream, stream_size);
    memcpy(bytes, flash->bytes, flash->size);
    if (unpack(in, stream_size, &window, arena_place(&h->out, size, at_end), size) == 0)
        h->accepted++;
    else
        h->rejected++;
}

/* A valid stream of a small edit, for a window somewhere. Returns its size. */
static uint32_t valid_stream(struct hostile *h, const struct unpack_window *flash, uint32_t size,
                             uint8_t *ret)
{
    uint8_t bytes[HOSTILE_MAX];
    size_t edited = size;
    _cleanup_free_ uint8_t *packed = NULL;
    uint32_t packed_size = 0;

    fill_code(bytes, size, &h->seed);
    for (uint32_t i = 0; i < size && i + flash->offset < flash->size; i++)
        bytes[i] = flash->bytes[i + flash->offset];
    edit(bytes, &edited, size, &h->seed);
    assert_int_equal(pack(flash, bytes, size, &packed, &packed_size), 0);
    assert_true(packed_size <= HOSTILE_MAX);
    memcpy(ret, packed, packed_size);
    return packed_size;
}

static void damage(struct hostile *h, uint8_t *stream, uint32_t *size)
{
    for (uint32_t n = next_random(&h->seed) % 4; n > 0; n--) {
        uint32_t at = next_random(&h->seed) % *size;

        switch (next_random(&h->seed) % 4) {
        case 0:
            stream[at] ^= (uint8_t)(1U << next_random(&h->seed) % 8);
            break;
        case 1:
            stream[at] = (uint8_t)(next_random(&h->seed) % 2 ? 0xFF : next_random(&h->seed));
            break;
        case 2:
            memmove(stream + at, stream + at + 1, *size - at - 1);
            break;
        default:
            *size = at + 1;
        }
    }
}

static void test_hostile(void **state)
{
    _cleanup_arena_ struct arena in = arena_new(HOSTILE_MAX), flash = arena_new(HOSTILE_FLASH),
                                 out = arena_new(HOSTILE_MAX);
    struct hostile h = {in, flash, out, .seed = 0x6d34666c};
    uint8_t old[HOSTILE_FLASH], stream[HOSTILE_MAX];

    (void)state;
    for (int round = 0; round < 3000; round++) {
        fill_code(old, sizeof(old), &h.seed);
        struct unpack_window window = {old, HOSTILE_FLASH, next_random(&h.seed) % HOSTILE_FLASH};
        uint32_t size = next_random(&h.seed) % (HOSTILE_MAX - 50) + 1, stream_size;
        uint32_t valid = valid_stream(&h, &window, size, stream);

        for (int i = 0; i < 10; i++) {
            uint8_t damaged[HOSTILE_MAX];

            stream_size = valid;
            memcpy(damaged, stream, valid);
            damage(&h, damaged, &stream_size);
            try_stream(&h, damaged, stream_size, &window, size);
        }
        fill_random(stream, sizeof(stream), &h.seed);
        for (int i = 0; i < 10; i++) {
            stream_size = next_random(&h.seed) % 40;
            window.offset = next_random(&h.seed); /* anywhere */
            try_stream(&h, stream + i * 50, stream_size, &window, next_random(&h.seed) % 100);
        }
    }
    assert_true(h.accepted > 5000 && h.rejected > 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_no_flash),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
