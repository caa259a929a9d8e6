/*
 * The encoder: at each byte the copy that saves most, found through chains of places whose first
 * bytes have the same hash, unless the copy from the next byte on saves more still.
 */
#include "patch/pack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "patch/pages.h"
#include "util/cleanup.h"

enum {
    KEY = 4, /* bytes that are hashed: the shortest copy that a search finds */
    HASH_BITS = 15,
    DEPTH = 8,         /* places that are looked at for one search */
    LONG_ENOUGH = 128, /* a copy of this length ends the search */
    NOWHERE = -1,
};

/* Places in bytes by the hash of what begins there. The one that was added last comes first. */
struct index {
    const uint8_t *bytes;
    uint32_t size;
    int32_t *first;    /* by hash */
    int32_t *previous; /* by place: the one before it with the same hash */
};

struct source {
    bool flash;
    uint32_t shift; /* from a place in the bytes to be packed to one in the flash or in them */
};

struct copy {
    uint8_t choice; /* UNPACK_AGAIN and so on */
    struct source source;
    uint32_t length;
    int saves; /* bytes that the copy is shorter as a token; 0 or less: no copy at all */
};

struct packer {
    struct index flash, self;
    uint32_t indexed; /* the first place of self that is not in its index yet */
    struct source source, other;
    uint32_t flash_shift;
    uint8_t *out;
    uint32_t out_size;
};

/* ---- The index ----------------------------------------------------------------------------- */

static uint32_t hash(const uint8_t *key)
{
    uint32_t word;

    memcpy(&word, key, KEY);
    return word * UINT32_C(2654435761) >> (32 - HASH_BITS); /* 2^32 divided by the golden ratio */
}

static size_t index_memory(uint32_t size)
{
    return (((size_t)1 << HASH_BITS) + size) * sizeof(int32_t);
}

/* An empty one. Returns 0 or -ENOMEM. */
static int index_open(const uint8_t *bytes, uint32_t size, struct index *ret)
{
    int32_t *places = pages_new(index_memory(size));

    if (!places)
        return -ENOMEM;
    for (size_t i = 0; i < (size_t)1 << HASH_BITS; i++)
        places[i] = NOWHERE;
    *ret = (struct index){bytes, size, places, places + ((size_t)1 << HASH_BITS)};
    return 0;
}

static void index_close(struct index *index)
{
    pages_free(index->first, index_memory(index->size));
}

static void index_add(struct index *index, uint32_t place)
{
    int32_t *first = &index->first[hash(index->bytes + place)];

    index->previous[place] = *first;
    *first = (int32_t)place;
}

/* ---- Copies -------------------------------------------------------------------------------- */

static uint32_t number_length(uint32_t number)
{
    uint32_t length = 1;

    for (; number > 0x7F; number >>= 7)
        length++;
    return length;
}

/* A signed distance as UNPACK_FLASH has it. */
static uint32_t zigzag(uint32_t distance)
{
    return distance << 1 ^ -(distance >> 31);
}

static uint32_t common_length(const uint8_t *a, const uint8_t *b, uint32_t max)
{
    uint32_t n = 0;

    while (n < max && a[n] == b[n])
        n++;
    return n;
}

/* How many bytes from at on the source has too. */
static uint32_t source_length(const struct packer *packer, uint32_t at, struct source source)
{
    const struct index *self = &packer->self;
    uint32_t place = at + source.shift, left = self->size - at;

    if (!source.flash)
        return place < at ? common_length(self->bytes + at, self->bytes + place, left) : 0;
    if (place >= packer->flash.size)
        return 0;
    if (left > packer->flash.size - place)
        left = packer->flash.size - place;
    return common_length(self->bytes + at, packer->flash.bytes + place, left);
}

static uint32_t source_number(const struct packer *packer, struct source source)
{
    return source.flash ? zigzag(source.shift - packer->flash_shift) : ~source.shift;
}

static uint32_t least_length(uint8_t choice)
{
    return choice >= UNPACK_FLASH ? UNPACK_MIN : 0;
}

/* Takes the copy from this source if it saves more than the best so far. */
static void consider(const struct packer *packer, uint32_t at, uint8_t choice, struct source source,
                     struct copy *best)
{
    uint32_t length = source_length(packer, at, source), cost = 1;

    if (length < least_length(choice))
        return;
    if (choice >= UNPACK_FLASH)
        cost += number_length(source_number(packer, source));
    if (length - least_length(choice) >= UNPACK_LENGTH_MAX)
        cost += number_length(length - least_length(choice) - UNPACK_LENGTH_MAX);
    if ((int)(length - cost) > best->saves)
        *best = (struct copy){choice, source, length, (int)(length - cost)};
}

/* Follows a chain of the flash's or the bytes' own index. */
static void search(const struct packer *packer, uint32_t at, bool flash, struct copy *best)
{
    const struct index *index = flash ? &packer->flash : &packer->self;
    int32_t place = index->first[hash(packer->self.bytes + at)];

    for (int depth = DEPTH; place != NOWHERE && depth > 0; depth--) {
        struct source source = {flash, (uint32_t)place - at};

        if (best->length >= LONG_ENOUGH)
            return;
        consider(packer, at, flash ? UNPACK_FLASH : UNPACK_BUFFER, source, best);
        place = index->previous[place];
    }
}

static struct copy best_copy(struct packer *packer, uint32_t at)
{
    struct copy best = {.saves = 0};

    consider(packer, at, UNPACK_AGAIN, packer->source, &best);
    consider(packer, at, UNPACK_OTHER, packer->other, &best);
    consider(packer, at, UNPACK_FLASH, (struct source){true, packer->flash_shift}, &best);
    if (packer->self.size - at < KEY)
        return best;
    for (; packer->indexed < at; packer->indexed++)
        index_add(&packer->self, packer->indexed);
    search(packer, at, true, &best);
    search(packer, at, false, &best);
    return best;
}

/* ---- The stream ---------------------------------------------------------------------------- */

static void put_number(struct packer *packer, uint32_t number)
{
    for (; number > 0x7F; number >>= 7)
        packer->out[packer->out_size++] = (uint8_t)(number | 0x80);
    packer->out[packer->out_size++] = (uint8_t)number;
}

static void put_token(struct packer *packer, const uint8_t *literals, uint32_t n,
                      const struct copy *copy)
{
    uint32_t length = copy->length - least_length(copy->choice);
    uint32_t literals_bits = n < UNPACK_LITERALS_MAX ? n : UNPACK_LITERALS_MAX;
    uint32_t length_bits = length < UNPACK_LENGTH_MAX ? length : UNPACK_LENGTH_MAX;

    packer->out[packer->out_size++] =
        (uint8_t)((uint32_t)copy->choice << 6 | literals_bits << 4 | length_bits);
    if (literals_bits == UNPACK_LITERALS_MAX)
        put_number(packer, n - UNPACK_LITERALS_MAX);
    if (length_bits == UNPACK_LENGTH_MAX)
        put_number(packer, length - UNPACK_LENGTH_MAX);
    if (copy->choice >= UNPACK_FLASH)
        put_number(packer, source_number(packer, copy->source));
    memcpy(packer->out + packer->out_size, literals, n);
    packer->out_size += n;
}

/* The state that the decoder is in after the token. */
static void follow(struct packer *packer, const struct copy *copy)
{
    if (copy->choice == UNPACK_AGAIN)
        return;
    packer->other = packer->source;
    packer->source = copy->source;
    if (copy->choice == UNPACK_FLASH)
        packer->flash_shift = copy->source.shift;
}

static void pack_all(struct packer *packer)
{
    const uint8_t *bytes = packer->self.bytes;
    uint32_t size = packer->self.size, at = 0, copied = 0;
    struct copy copy = {.saves = 0};

    while (at < size) {
        if (copy.saves <= 0)
            copy = best_copy(packer, at);
        if (copy.saves <= 0) {
            at++;
            continue;
        }
        if (copy.length < LONG_ENOUGH && at + 1 < size) {
            struct copy next = best_copy(packer, at + 1);

            if (next.saves > copy.saves) {
                copy = next;
                at++;
                continue;
            }
        }
        put_token(packer, bytes + copied, at - copied, &copy);
        follow(packer, &copy);
        at += copy.length;
        copied = at;
        copy.saves = 0;
    }
    if (copied < size)
        put_token(packer, bytes + copied, size - copied, &(struct copy){.choice = UNPACK_AGAIN});
}

/* Only a copy that saves a byte interrupts literals. The number of more than 130 literals takes a
 * byte that was not reckoned with, of more than 16,386 two; and there is the last token. */
uint32_t pack_bound(uint32_t size)
{
    return size + size / 128 + 6;
}

int pack(const struct unpack_window *flash, const uint8_t *bytes, uint32_t size, uint8_t **ret,
         uint32_t *ret_size)
{
    struct source source = {true, flash->offset};
    struct packer packer = {.source = source, .other = source, .flash_shift = flash->offset};
    int r;

    if (size == 0) {
        *ret = NULL;
        *ret_size = 0;
        return 0;
    }
    _cleanup_free_ uint8_t *out = malloc(pack_bound(size));
    if (!out)
        return -ENOMEM;
    packer.out = out;
    r = index_open(flash->bytes, flash->size, &packer.flash);
    if (r < 0)
        return r;
    r = index_open(bytes, size, &packer.self);
    if (r < 0) {
        index_close(&packer.flash);
        return r;
    }
    /* The lowest place comes first in its chain: behind it there is most to copy. */
    for (uint32_t end = flash->size; end >= KEY; end--)
        index_add(&packer.flash, end - KEY);
    pack_all(&packer);
    index_close(&packer.flash);
    index_close(&packer.self);
    *ret = TAKE_PTR(out);
    *ret_size = packer.out_size;
    return 0;
}
