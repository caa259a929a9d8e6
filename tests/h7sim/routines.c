/* Routines whose results are the same on every machine. The interpreter's test compiles them for
 * the Cortex-M7 and for this machine and compares what they compute: between them they make a
 * compiler emit every kind of instruction that the interpreter has. */
#include <stddef.h>
#include <stdint.h>

#ifdef __arm__
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    while (n-- > 0)
        *t++ = *f++;
    return to;
}
#endif

#define NOINLINE __attribute__((noinline))

struct record {
    uint8_t byte;
    int8_t signed_byte;
    uint16_t half;
    int16_t signed_half;
    uint32_t word;
    uint64_t dword;
    uint32_t more[6];
};

struct fields {
    uint32_t a : 3, b : 7, c : 11, d : 1, e : 10;
    int32_t f : 5, g : 13, h : 14;
};

static uint32_t mix(uint32_t h, uint32_t value)
{
    h ^= value;
    h *= 0x9E3779B1U;
    return h << 13 | h >> 19;
}

static uint32_t mix64(uint32_t h, uint64_t value)
{
    return mix(mix(h, (uint32_t)value), (uint32_t)(value >> 32));
}

static uint32_t random_word(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Shift counts of 0 to 31 only: more is undefined in C. */
NOINLINE static uint32_t shifts(uint32_t a, uint32_t b)
{
    uint32_t n = b & 31, h = a << n;

    h = mix(h, a >> n);
    h = mix(h, (uint32_t)((int32_t)a >> n));
    h = mix(h, a >> n | a << (-n & 31));
    h = mix(h, a >> 7 | a << 25);
    h = mix(h, b + (a << 3));
    h = mix(h, b - (a >> 5));
    h = mix(h, b ^ (uint32_t)((int32_t)a >> 9));
    h = mix(h, b & ~(a << 11));
    h = mix(h, b | ~(a >> 2));
    h = mix(h, (a << 4) - b);
    h = mix(h, ~(a << 1));
    return mix(h, a & 1 ? a >> 31 : a << 31);
}

NOINLINE static uint32_t arithmetic64(uint64_t a, uint64_t b, uint32_t n)
{
    uint32_t h = mix64(1, a + b);

    h = mix64(h, a - b);
    h = mix64(h, a * b);
    h = mix64(h, (uint64_t)((int64_t)(int32_t)a * (int32_t)b));
    h = mix64(h, a + (uint64_t)(uint32_t)a * (uint32_t)b);
    h = mix64(h, a + (uint64_t)((int64_t)(int32_t)a * (int32_t)(b >> 32)));
    h = mix64(h, a << (n & 63));
    h = mix64(h, a >> (n & 63));
    h = mix64(h, (uint64_t)((int64_t)a >> (n & 63)));
    h = mix64(h, -a);
    h = mix64(h, b == 0 ? a : a / b);
    h = mix64(h, b == 0 ? a : a % (b >> 40 | 1));
    h = mix(h, a < b);
    h = mix(h, (int64_t)a < (int64_t)b);
    return mix(h, (int64_t)a >= (int64_t)b ? 3 : 9);
}

NOINLINE static uint32_t arithmetic32(uint32_t a, uint32_t b)
{
    int32_t s = (int32_t)a, t = (int32_t)b;
    uint32_t h = mix(a, b ? a / b : 0);

    h = mix(h, b ? a % b : 1);
    if (t != 0 && !(a == 0x80000000U && t == -1)) {
        h = mix(h, (uint32_t)(s / t));
        h = mix(h, (uint32_t)(s % t));
    }
    h = mix(h, a / 10 + a % 1000);
    h = mix(h, (uint32_t)(s / 7));
    h = mix(h, a * b + h);
    h = mix(h, h - a * b);
    h = mix(h, (uint32_t)((int16_t)a * (int16_t)b));
    h = mix(h, (uint32_t)((int16_t)a * (int16_t)(b >> 16)));
    h = mix(h, (uint32_t)((int16_t)(a >> 16) * (int16_t)b) + h);
    h = mix(h, a * 45 + b * 24 + 0x00AB00AB);
    h = mix(h, (a & 0x00FF00FF) + (b | 0xFF00FF00) + (h ^ 0xABABABAB));
    h = mix(h, (a - 0x3FC00) + (b + 0xFFF) - (h - 0xABC));
    return mix(h, 0x12345678 - a);
}

NOINLINE static uint32_t comparisons(uint32_t a, uint32_t b)
{
    int32_t s = (int32_t)a, t = (int32_t)b;
    uint32_t h = 0;

    h = h * 2 + (a < b);
    h = h * 2 + (a <= b);
    h = h * 2 + (s < t);
    h = h * 2 + (s <= t);
    h = h * 2 + (a == b);
    h = h * 2 + (a == -b);
    h = h * 2 + ((a & b) != 0);
    h = h * 2 + ((a ^ b) >> 31);
    h = mix(h, a > b ? a - b : b - a);
    h = mix(h, s > t ? a : b);
    h = mix(h, s < 0 ? -a : a);
    h = mix(h, a > 1000 ? 1000 : a);
    if (s < -5 || t > 100)
        h = mix(h, a + 3);
    else if (s >= 77 && t <= 12345)
        h = mix(h, b - 9);
    if ((a & 0x10) && !(b & 0x8000))
        h ^= 0x55;
    return h;
}

NOINLINE static uint32_t extensions(uint32_t a, uint32_t b)
{
    uint32_t h = mix(a, (uint32_t)(int8_t)b);

    h = mix(h, (uint32_t)(int16_t)b);
    h = mix(h, (uint8_t)b + a);
    h = mix(h, (uint16_t)b + a);
    h = mix(h, a + (uint32_t)(int8_t)(b >> 8));
    h = mix(h, a + (uint32_t)(int16_t)(b >> 16));
    h = mix(h, (a >> 16 & 0xFF) + b);
    h = mix(h, a >> 5 & 0x1FF);
    h = mix(h, (uint32_t)((int32_t)(a << 9) >> 20));
    h = mix(h, (a & ~0x0003FF00U) | (b & 0x3FF) << 8);
    h = mix(h, a & ~0x00FFF000U);
    h = mix(h, (a & 0xFFFF) | 0xCAFE0000U);
    h = mix(h, __builtin_bswap32(a));
    h = mix(h, __builtin_bswap16((uint16_t)b));
    h = mix(h, (uint32_t)(int16_t)__builtin_bswap16((uint16_t)a));
    h = mix(h, a ? (uint32_t)__builtin_clz(a) : 32);
    h = mix(h, b ? (uint32_t)__builtin_ctz(b) : 32);
    return mix(h, (uint32_t)__builtin_popcount(a ^ b));
}

NOINLINE static uint32_t bit_fields(uint32_t a, uint32_t b)
{
    struct fields f = {0};

    f.a = a & 7;
    f.b = b & 0x7F;
    f.c = a >> 9 & 0x7FF;
    f.d = a >> 31;
    f.e = b >> 22;
    f.f = (int32_t)(a << 3) >> 27;
    f.g = (int32_t)b >> 19;
    f.h = (int32_t)(a ^ b) >> 18;
    f.c += f.a;
    f.e ^= f.b;
    return mix(mix(mix(f.a + f.b, f.c + (f.d << 4)), f.e), (uint32_t)(f.f * f.g - f.h));
}

/* Dense enough for a table of bytes. */
NOINLINE static uint32_t small_switch(uint32_t n, uint32_t a)
{
    switch (n % 11) {
    case 0:
        return a + 1;
    case 1:
        return a * 3;
    case 2:
        return a ^ 0x1234;
    case 3:
        return ~a;
    case 4:
        return a >> 3;
    case 5:
        return a << 5;
    case 6:
        return a - 0x777;
    case 7:
        return a | 0x80000001U;
    case 8:
        return a & 0x0FF00FF0U;
    default:
        return 0xDEADBEEF;
    }
}

#define BLOCK(n)                           \
    case n:                                \
        h = mix(h + n, a * (2 * n + 1));   \
        h = mix(h ^ (a >> n), a + 77 * n); \
        h = mix(h - n, ~a);                \
        h = mix(h, a >> (n + 1));          \
        break;

/* Long enough for a table of halfwords. */
NOINLINE static uint32_t large_switch(uint32_t n, uint32_t a)
{
    uint32_t h = n;

    switch (n % 12) {
        BLOCK(0)
        BLOCK(1)
        BLOCK(2)
        BLOCK(3)
        BLOCK(4)
        BLOCK(5)
        BLOCK(6)
        BLOCK(7)
        BLOCK(8)
        BLOCK(9)
        BLOCK(10)
        BLOCK(11)
    }
    return h;
}

NOINLINE static uint32_t hash_record(const struct record *r, const struct record *s)
{
    uint32_t h = mix(r->byte, (uint32_t)r->signed_byte);

    h = mix(h, r->half);
    h = mix(h, (uint32_t)r->signed_half);
    h = mix64(mix(h, r->word), r->dword + s->dword);
    for (unsigned i = 0; i < 6; i++)
        h = mix(h, r->more[i] ^ s->more[5 - i]);
    return h;
}

NOINLINE static uint32_t records(uint32_t a, uint32_t b)
{
    struct record list[4];
    uint32_t state = a | 1;

    for (unsigned i = 0; i < 4; i++) {
        struct record *r = &list[i];
        r->byte = (uint8_t)random_word(&state);
        r->signed_byte = (int8_t)random_word(&state);
        r->half = (uint16_t)random_word(&state);
        r->signed_half = (int16_t)random_word(&state);
        r->word = random_word(&state);
        r->dword = (uint64_t)random_word(&state) << 32 | b;
        for (unsigned k = 0; k < 6; k++)
            r->more[k] = random_word(&state);
    }
    struct record copy = list[b & 3];
    list[(b >> 2) & 3] = copy;
    copy.dword -= list[0].dword;
    return mix(hash_record(&copy, &list[1]), hash_record(&list[2], &list[3]));
}

NOINLINE static void copy_backwards(uint8_t *to, const uint8_t *from, unsigned n)
{
    to += n;
    while (n-- > 0)
        *--to = *from++;
}

/* Unaligned words and halfwords at offsets of every kind. */
NOINLINE static uint32_t memory(uint32_t a, uint32_t b)
{
    uint8_t bytes[80], back[80];
    int16_t halves[20];
    int8_t signs[20];
    uint32_t words[20], state = a | 1, h = b;

    for (unsigned i = 0; i < 80; i++)
        bytes[i] = (uint8_t)random_word(&state);
    copy_backwards(back, bytes, 80);
    for (unsigned i = 0; i < 20; i++) {
        halves[i] = (int16_t)(back[i] << 8 | bytes[i]);
        signs[i] = (int8_t)bytes[i + 20];
        words[i] = random_word(&state);
    }
    for (unsigned i = 0; i < 20; i++) {
        h = mix(h, (uint32_t)halves[(b + i) % 20] + words[19 - i]);
        h = mix(h, (uint32_t)signs[(a + i) % 20]);
        words[(a >> 3) % 20] += h;
        halves[(b >> 3) % 20] = (int16_t)h;
        signs[i] = (int8_t)(h >> 8);
    }
    for (unsigned i = 0; i + 4 <= 80; i += 3) {
        uint32_t word;
        uint16_t half;
        __builtin_memcpy(&word, bytes + i, 4);
        __builtin_memcpy(&half, back + i + 1, 2);
        h = mix(h, word + half);
    }
    return mix(h, words[b % 20] + (uint32_t)halves[a % 20] + (uint32_t)signs[b % 20]);
}

NOINLINE static void sort(uint32_t *list, int n)
{
    int i = 0, j = n - 1;
    uint32_t pivot;

    if (n < 2)
        return;
    pivot = list[n / 2];
    while (i <= j) {
        while (list[i] < pivot)
            i++;
        while (list[j] > pivot)
            j--;
        if (i <= j) {
            uint32_t swap = list[i];
            list[i++] = list[j];
            list[j--] = swap;
        }
    }
    sort(list, j + 1);
    sort(list + i, n - i);
}

NOINLINE static uint32_t sorting(uint32_t a)
{
    uint32_t list[64], state = a | 1, h = 0;

    for (unsigned i = 0; i < 64; i++)
        list[i] = random_word(&state) % 100;
    sort(list, 64);
    for (unsigned i = 0; i < 64; i++)
        h = mix(h, list[i]);
    return h;
}

NOINLINE static uint32_t crc32(const uint8_t *p, unsigned n, uint32_t crc)
{
    while (n-- > 0) {
        crc ^= (uint32_t)*p++ << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000U ? crc << 1 ^ 0x04C11DB7 : crc << 1;
    }
    return crc;
}

NOINLINE static uint32_t many(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e,
                              uint32_t f, uint32_t g)
{
    return mix(mix(mix(a, b), mix(c, d)), mix(mix(e, f), g));
}

/* Instructions that C has no way to ask for, and what they compute in C. */
#if defined(__arm__) && __ARM_ARCH >= 7

#define BY_NAME(name, code)                                                                        \
    NOINLINE static uint32_t name(uint32_t a, uint32_t b)                                          \
    {                                                                                              \
        uint32_t x, y = 0;                                                                         \
        __asm__ volatile(code : "=&r"(x), "+&r"(y) : "r"(a), "r"(b) : "cc", "r4", "r5", "memory"); \
        return x + y;                                                                              \
    }

BY_NAME(reverse_bits, "rbit %0, %2")
BY_NAME(swap_bytes, "rev16 %0, %2\n rev16.w %1, %3")
BY_NAME(carries, "cmp %2, %3\n sbcs %0, %2, %3\n adc %0, %0, %2, rrx")
BY_NAME(masks, "cpsid i\n mrs %0, PRIMASK\n cpsie i\n mrs %1, PRIMASK\n orr %2, #1\n"
               "msr PRIMASK, %2\n mrs %2, PRIMASK\n add %0, %2\n msr PRIMASK, %1\n"
               "dsb\n dmb\n isb\n nop\n nop.w")
BY_NAME(it_block, "cmp %2, %3\n ittee hi\n addhi %0, %2, #5\n movhi.w %0, %0, ror #7\n"
                  "subls %0, %3, #3\n eorls %0, %2, %0, lsl #2")
BY_NAME(stack, "mov r4, %2\n mov r5, %3\n push {r4, r5}\n ldr %0, [sp], #4\n pop {r5}\n"
               "stmdb sp!, {r4-r7}\n ldr %1, [sp, #4]\n add %0, %0, %1, lsl #1\n movs %1, #0\n"
               "ldmia.w sp!, {r4-r7}\n ldr %1, [sp, #-12]\n str %0, [sp, #-8]!\n add sp, #8")
BY_NAME(equal_signs, "teq %2, %3\n ite mi\n movmi %0, #1\n movpl %0, #2")
BY_NAME(halfwords, "smlatb %0, %2, %3, %2\n smultt %1, %2, %3")
BY_NAME(shift_33, "movs %1, #33\n lsls %0, %2, %1\n it cs\n addcs %0, #1\n lsrs.w %2, %2, #32\n"
                  "adc %0, %0, %0\n movs %1, #0")
BY_NAME(divisions, "movs %1, #0\n udiv %0, %2, %1\n sdiv %1, %3, %1\n mov.w r4, #0x80000000\n"
                   "mvn r5, #0\n sdiv r4, r4, r5\n add %0, r4")
BY_NAME(flags, "subs %0, %2, %3\n mrs %0, APSR\n lsr %0, %0, #28\n adds %1, %2, %3\n"
               "mrs %1, APSR\n lsr %1, %1, #24")

#else

static uint32_t reverse_bits(uint32_t a, uint32_t b)
{
    (void)b;
    uint32_t x = 0;
    for (unsigned n = 0; n < 32; n++)
        x |= (a >> n & 1) << (31 - n);
    return x;
}

static uint32_t swap_bytes(uint32_t a, uint32_t b)
{
    return ((a & 0x00FF00FF) << 8 | (a >> 8 & 0x00FF00FF)) +
           ((b & 0x00FF00FF) << 8 | (b >> 8 & 0x00FF00FF));
}

static uint32_t carries(uint32_t a, uint32_t b)
{
    uint32_t borrow = a < b, carry = a >= (uint64_t)b + borrow;
    return a - b - borrow + (carry << 31 | a >> 1) + carry;
}

static uint32_t masks(uint32_t a, uint32_t b)
{
    (void)a, (void)b;
    return 1 + 0 + 1;
}

static uint32_t it_block(uint32_t a, uint32_t b)
{
    return a > b ? (a + 5) >> 7 | (a + 5) << 25 : a ^ (b - 3) << 2;
}

static uint32_t stack(uint32_t a, uint32_t b)
{
    return a + 2 * b + b;
}

static uint32_t equal_signs(uint32_t a, uint32_t b)
{
    return (a ^ b) >> 31 ? 1 : 2;
}

static uint32_t halfwords(uint32_t a, uint32_t b)
{
    return a + (uint32_t)((int16_t)(a >> 16) * (int16_t)b) +
           (uint32_t)((int16_t)(a >> 16) * (int16_t)(b >> 16));
}

/* Nothing is left of a shift by 33, its carry is 0; that of a shift by 32 is bit 31. */
static uint32_t shift_33(uint32_t a, uint32_t b)
{
    (void)b;
    return a >> 31;
}

/* By zero: 0. The one quotient that is too large wraps. */
static uint32_t divisions(uint32_t a, uint32_t b)
{
    (void)a, (void)b;
    return 0x80000000U;
}

static uint32_t nzcv(uint32_t a, uint32_t b, uint32_t carry_in)
{
    uint64_t sum = (uint64_t)a + b + carry_in;
    uint32_t x = (uint32_t)sum;
    return x >> 31 << 3 | (uint32_t)(x == 0) << 2 | (uint32_t)(sum >> 32) << 1 |
           (~(a ^ b) & (a ^ x)) >> 31;
}

static uint32_t flags(uint32_t a, uint32_t b)
{
    return nzcv(a, ~b, 1) + (nzcv(a, b, 0) << 4);
}

#endif

NOINLINE static uint32_t by_name(uint32_t a, uint32_t b)
{
    uint32_t h = mix(reverse_bits(a, b), swap_bytes(a, b));

    h = mix(mix(h, carries(a, b)), masks(a, b));
    h = mix(mix(h, it_block(a, b)), stack(a, b));
    h = mix(mix(h, equal_signs(a, b)), halfwords(a, b));
    h = mix(mix(h, shift_33(a, b)), flags(a, b));
    h = mix(mix(h, flags(a, a)), flags(a, -a));
    h = mix(h, divisions(a, b));
    return mix(h, flags(a ^ 0x80000000U, b ^ 0x80000000U));
}

uint32_t routine(uint32_t which, uint32_t a, uint32_t b, uint32_t c)
{
    uint8_t bytes[64];
    uint32_t state = a | 1;

    switch (which) {
    case 0:
        return shifts(a, b);
    case 1:
        return arithmetic64((uint64_t)a << 32 | b, (uint64_t)c << 32 | (a ^ c), c);
    case 2:
        return arithmetic32(a, b);
    case 3:
        return comparisons(a, b);
    case 4:
        return extensions(a, b);
    case 5:
        return bit_fields(a, b);
    case 6:
        return mix(small_switch(a, b), large_switch(b, c));
    case 7:
        return records(a, b);
    case 8:
        return memory(a, b);
    case 9:
        return sorting(a);
    case 10:
        for (unsigned i = 0; i < 64; i++)
            bytes[i] = (uint8_t)random_word(&state);
        return crc32(bytes + (b & 3), 60, c);
    case 11:
        return many(a, b, c, a + b, b + c, a - c, ~a);
    case 12:
        return by_name(a, b);
    default:
        return 0;
    }
}
