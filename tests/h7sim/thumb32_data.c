/* The 32-bit instructions that compute: immediates, shifted registers, bit fields, multiplication
 * (sections A5.3.1, A5.3.3, A5.3.11 to A5.3.17). */
#include "thumb.h"

/* Most results may not go to SP or PC; the manual calls it unpredictable, we call it unknown. */
static void set_result(struct cpu *cpu, unsigned d, uint32_t value)
{
    if (is_special(d))
        undefined(cpu);
    else
        cpu->reg.r[d] = value;
}

/* One operation on Rn and a second operand that came with a carry out. Of an Rd of 15 only flags
 * are wanted (TST, TEQ, CMP, CMN). */
static void compute(struct cpu *cpu, uint32_t i, uint32_t b, bool carry)
{
    unsigned n = bits(i, 19, 16), d = bits(i, 11, 8);
    uint32_t op = bits(i, 24, 21), result = 0;
    bool flags = bits(i, 20, 20);
    uint32_t a = n == PC ? 0 : cpu->reg.r[n]; /* MOV and MVN have no first operand */

    if (!operate(cpu, op, a, b, carry, flags, &result))
        undefined(cpu);
    else if (d == PC && flags && (op == AND || op == EOR || op == ADD || op == SUB))
        return;
    else if (d == SP && ((op == ORR && n == PC) || (n == SP && (op == ADD || op == SUB))))
        cpu->reg.r[SP] = result & ~3U;
    else
        set_result(cpu, d, result);
}

/* Section A5.3.2: a byte, repeated or rotated. */
static uint32_t expand_immediate(uint32_t imm12, bool *carry)
{
    uint32_t byte = imm12 & 0xFF;

    switch (imm12 >> 8) {
    case 0:
        return byte;
    case 1:
        return byte << 16 | byte;
    case 2:
        return byte << 24 | byte << 8;
    case 3:
        return byte * 0x01010101U;
    default:
        return shift(0x80 | (byte & 0x7F), ROR, imm12 >> 7, carry);
    }
}

static uint32_t immediate12(uint32_t i)
{
    return bits(i, 26, 26) << 11 | bits(i, 14, 12) << 8 | bits(i, 7, 0);
}

static void modified_immediate(struct cpu *cpu, uint32_t i)
{
    bool carry = carry_flag(cpu);
    uint32_t b = expand_immediate(immediate12(i), &carry);

    compute(cpu, i, b, carry);
}

static void shifted_register(struct cpu *cpu, uint32_t i)
{
    bool carry = carry_flag(cpu);
    uint32_t b = shift_immediate(get_reg(cpu, bits(i, 3, 0)), (enum shift)bits(i, 5, 4),
                                 bits(i, 14, 12) << 2 | bits(i, 7, 6), &carry);

    compute(cpu, i, b, carry);
}

/* ADDW, SUBW; with the PC, ADR. */
static void add_subtract_wide(struct cpu *cpu, uint32_t i)
{
    unsigned n = bits(i, 19, 16), d = bits(i, 11, 8);
    uint32_t a = n == PC ? get_reg(cpu, PC) & ~3U : cpu->reg.r[n], b = immediate12(i);
    uint32_t result = bits(i, 23, 23) ? a - b : a + b;

    if (d == SP && n == SP)
        cpu->reg.r[SP] = result & ~3U;
    else
        set_result(cpu, d, result);
}

static void movw_movt(struct cpu *cpu, uint32_t i)
{
    unsigned d = bits(i, 11, 8);
    uint32_t value = bits(i, 19, 16) << 12 | immediate12(i);

    set_result(cpu, d, bits(i, 23, 23) ? (cpu->reg.r[d] & 0xFFFF) | value << 16 : value);
}

/* SBFX, UBFX. */
static void extract_field(struct cpu *cpu, uint32_t i)
{
    unsigned low = bits(i, 14, 12) << 2 | bits(i, 7, 6), width = bits(i, 4, 0) + 1;

    if (low + width > 32) {
        undefined(cpu);
        return;
    }
    uint32_t field = bits(get_reg(cpu, bits(i, 19, 16)), low + width - 1, low);
    set_result(cpu, bits(i, 11, 8), bits(i, 23, 23) ? field : sign_extend(field, width));
}

/* BFI; with 15 as source, BFC. */
static void insert_field(struct cpu *cpu, uint32_t i)
{
    unsigned low = bits(i, 14, 12) << 2 | bits(i, 7, 6), high = bits(i, 4, 0);
    unsigned n = bits(i, 19, 16), d = bits(i, 11, 8);

    if (high < low) {
        undefined(cpu);
        return;
    }
    uint32_t mask = ((2U << (high - low)) - 1) << low;
    uint32_t field = n == PC ? 0 : cpu->reg.r[n] << low;
    set_result(cpu, d, (cpu->reg.r[d] & ~mask) | (field & mask));
}

static void shift_by_register(struct cpu *cpu, uint32_t i)
{
    bool carry = carry_flag(cpu);
    uint32_t result = shift(cpu->reg.r[bits(i, 19, 16)], (enum shift)bits(i, 22, 21),
                            cpu->reg.r[bits(i, 3, 0)] & 0xFF, &carry);

    if (bits(i, 20, 20))
        set_nzc(cpu, result, carry);
    set_result(cpu, bits(i, 11, 8), result);
}

/* SXTH, UXTH, SXTB, UXTB of a rotated register, added to Rn unless that is 15. */
static void extend(struct cpu *cpu, uint32_t i)
{
    unsigned n = bits(i, 19, 16), width = bits(i, 22, 22) ? 8 : 16;
    bool carry = false;
    uint32_t value = shift(cpu->reg.r[bits(i, 3, 0)], ROR, 8 * bits(i, 5, 4), &carry);

    value = bits(i, 20, 20) ? value & ((1U << width) - 1) : sign_extend(value, width);
    set_result(cpu, bits(i, 11, 8), n == PC ? value : cpu->reg.r[n] + value);
}

static uint32_t reverse_bits(uint32_t value)
{
    uint32_t result = 0;

    for (unsigned n = 0; n < 32; n++)
        result |= (value >> n & 1) << (31 - n);
    return result;
}

/* REV, REV16, RBIT, REVSH. */
static void reverse(struct cpu *cpu, uint32_t i)
{
    uint32_t rm = cpu->reg.r[bits(i, 3, 0)], result;

    switch (bits(i, 5, 4)) {
    case 0:
        result = reverse_bytes(rm);
        break;
    case 1:
        result = reverse_halfwords(rm);
        break;
    case 2:
        result = reverse_bits(rm);
        break;
    default:
        result = sign_extend(reverse_halfwords(rm), 16);
    }
    set_result(cpu, bits(i, 11, 8), result);
}

static void clz(struct cpu *cpu, uint32_t i)
{
    uint32_t rm = cpu->reg.r[bits(i, 3, 0)];
    set_result(cpu, bits(i, 11, 8), rm == 0 ? 32 : (uint32_t)__builtin_clz(rm));
}

/* MUL, MLA, MLS. */
static void multiply(struct cpu *cpu, uint32_t i)
{
    unsigned a = bits(i, 15, 12);
    uint32_t product = cpu->reg.r[bits(i, 19, 16)] * cpu->reg.r[bits(i, 3, 0)];

    if (bits(i, 4, 4))
        product = cpu->reg.r[a] - product;
    else if (a != PC)
        product += cpu->reg.r[a];
    set_result(cpu, bits(i, 11, 8), product);
}

/* SMULBB to SMULTT of halfwords, without and with an addition (which may set Q: not modelled). */
static void multiply_halfwords(struct cpu *cpu, uint32_t i)
{
    uint32_t n = cpu->reg.r[bits(i, 19, 16)] >> 16 * bits(i, 5, 5);
    uint32_t m = cpu->reg.r[bits(i, 3, 0)] >> 16 * bits(i, 4, 4);
    int32_t product = (int32_t)sign_extend(n, 16) * (int32_t)sign_extend(m, 16);
    unsigned a = bits(i, 15, 12);

    set_result(cpu, bits(i, 11, 8), (uint32_t)product + (a == PC ? 0 : cpu->reg.r[a]));
}

/* SMULL, UMULL, SMLAL, UMLAL. */
static void multiply_long(struct cpu *cpu, uint32_t i)
{
    unsigned low = bits(i, 15, 12), high = bits(i, 11, 8);
    uint32_t n = cpu->reg.r[bits(i, 19, 16)], m = cpu->reg.r[bits(i, 3, 0)];
    uint64_t product =
        bits(i, 21, 21) ? (uint64_t)n * m : (uint64_t)((int64_t)(int32_t)n * (int32_t)m);

    if (bits(i, 22, 22))
        product += (uint64_t)cpu->reg.r[high] << 32 | cpu->reg.r[low];
    set_result(cpu, low, (uint32_t)product);
    set_result(cpu, high, (uint32_t)(product >> 32));
}

/* A division by zero yields 0: CCR.DIV_0_TRP is 0 after a reset. */
static void sdiv(struct cpu *cpu, uint32_t i)
{
    int64_t n = (int32_t)cpu->reg.r[bits(i, 19, 16)], m = (int32_t)cpu->reg.r[bits(i, 3, 0)];
    set_result(cpu, bits(i, 11, 8), m == 0 ? 0 : (uint32_t)(n / m));
}

static void udiv(struct cpu *cpu, uint32_t i)
{
    uint32_t n = cpu->reg.r[bits(i, 19, 16)], m = cpu->reg.r[bits(i, 3, 0)];
    set_result(cpu, bits(i, 11, 8), m == 0 ? 0 : n / m);
}

const struct thumb_op thumb32_data_ops[] = {
    {0xFE008000, 0xEA000000, shifted_register},
    {0xFA008000, 0xF0000000, modified_immediate},
    {0xFBF08000, 0xF2000000, add_subtract_wide},
    {0xFBF08000, 0xF2A00000, add_subtract_wide},
    {0xFBF08000, 0xF2400000, movw_movt},
    {0xFBF08000, 0xF2C00000, movw_movt},
    {0xFFF08020, 0xF3400000, extract_field},
    {0xFFF08020, 0xF3C00000, extract_field},
    {0xFFF08020, 0xF3600000, insert_field},
    {0xFF80F0F0, 0xFA00F000, shift_by_register},
    {0xFFE0F0C0, 0xFA00F080, extend}, /* halfwords */
    {0xFFE0F0C0, 0xFA40F080, extend}, /* bytes */
    {0xFFF0F0C0, 0xFA90F080, reverse},
    {0xFFF0F0F0, 0xFAB0F080, clz},
    {0xFFF000E0, 0xFB000000, multiply},
    {0xFFF000C0, 0xFB100000, multiply_halfwords},
    {0xFFD000F0, 0xFB800000, multiply_long},
    {0xFFD000F0, 0xFBC00000, multiply_long},
    {0xFFF0F0F0, 0xFB90F0F0, sdiv},
    {0xFFF0F0F0, 0xFBB0F0F0, udiv},
    {0, 0, NULL},
};
