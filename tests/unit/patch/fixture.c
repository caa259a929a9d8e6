/* Bytes, edits and guarded memory for the tests of packing. */
#include "fixture.h"

#include <string.h>
#include <sys/mman.h>

#include "patch/pack.h"

uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

void fill_random(uint8_t *bytes, size_t size, uint32_t *seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(next_random(seed) >> 8);
}

void fill_code(uint8_t *bytes, size_t size, uint32_t *seed)
{
    uint8_t idioms[512][8];

    fill_random(idioms[0], sizeof(idioms), seed);
    for (size_t i = 0; i < size; i++) {
        if (i % 8 == 0)
            memcpy(idioms[0], idioms[next_random(seed) % ELEMENTSOF(idioms)], 8);
        if (i % 8 == 0 && next_random(seed) % 2)
            idioms[0][next_random(seed) % 8] = (uint8_t)next_random(seed);
        bytes[i] = idioms[0][i % 8];
    }
}

static void change_words(uint8_t *bytes, size_t size, uint32_t *seed)
{
    for (uint32_t i = next_random(seed) % 50; i > 0; i--)
        bytes[next_random(seed) % size] += (uint8_t)next_random(seed);
}

static void insert(uint8_t *bytes, size_t *size, size_t max, uint32_t *seed)
{
    size_t at = next_random(seed) % *size, n = next_random(seed) % 5000;

    if (n > max - *size)
        n = max - *size;
    memmove(bytes + at + n, bytes + at, *size - at);
    fill_random(bytes + at, n, seed);
    *size += n;
}

static void cut(uint8_t *bytes, size_t *size, uint32_t *seed)
{
    size_t at = next_random(seed) % *size, n = next_random(seed) % 5000;

    if (n > *size - at)
        n = *size - at;
    if (n == *size)
        n--;
    memmove(bytes + at, bytes + at + n, *size - at - n);
    *size -= n;
}

static void overwrite(uint8_t *bytes, size_t size, uint32_t *seed)
{
    size_t at = next_random(seed) % size, n = next_random(seed) % (size - at) + 1;

    if (next_random(seed) % 3)
        fill_random(bytes + at, n % 3000, seed);
    else
        memset(bytes + at, next_random(seed) % 2 ? 0xFF : 0, n);
}

void edit(uint8_t *bytes, size_t *size, size_t max, uint32_t *seed)
{
    switch (next_random(seed) % 4) {
    case 0:
        change_words(bytes, *size, seed);
        break;
    case 1:
        insert(bytes, size, max, seed);
        break;
    case 2:
        cut(bytes, size, seed);
        break;
    default:
        overwrite(bytes, *size, seed);
    }
}

static size_t whole_pages(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (size + page - 1) / page * page;
}

struct arena arena_new(size_t max)
{
    size_t page = whole_pages(1), inner = whole_pages(max);
    uint8_t *map = mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(map, MAP_FAILED);
    assert_int_equal(mprotect(map + page, inner, PROT_READ | PROT_WRITE), 0);
    return (struct arena){map, max};
}

void arena_free(struct arena *arena)
{
    munmap(arena->map, whole_pages(arena->max) + 2 * whole_pages(1));
}

uint8_t *arena_place(const struct arena *arena, size_t size, bool at_end)
{
    uint8_t *start = arena->map + whole_pages(1);

    assert_true(size <= arena->max);
    return at_end ? start + whole_pages(arena->max) - size : start;
}

uint32_t round_trip(const struct unpack_window *flash, const uint8_t *bytes, uint32_t size)
{
    _cleanup_free_ uint8_t *packed = NULL;
    uint32_t packed_size = 0;

    assert_int_equal(pack(flash, bytes, size, &packed, &packed_size), 0);
    assert_true(packed_size <= pack_bound(size));
    _cleanup_arena_ struct arena in = arena_new(packed_size), out = arena_new(size);
    for (int at_end = 0; at_end < 2; at_end++) {
        uint8_t *packed_again = arena_place(&in, packed_size, at_end);
        uint8_t *bytes_again = arena_place(&out, size, at_end);

        if (packed_size > 0)
            memcpy(packed_again, packed, packed_size);
        assert_int_equal(unpack(packed_again, packed_size, flash, bytes_again, size), 0);
        if (size > 0)
            assert_memory_equal(bytes_again, bytes, size);
    }
    return packed_size;
}
