/* The 16-bit instructions (section A5.2). Those that compute set the flags unless they stand in an
 * IT block. */
#include "thumb.h"

static void shift_by_immediate(struct cpu *cpu, uint32_t i)
{
    bool carry = carry_flag(cpu);
    uint32_t result = shift_immediate(cpu->reg.r[bits(i, 5, 3)], (enum shift)bits(i, 12, 11),
                                      bits(i, 10, 6), &carry);
    cpu->reg.r[bits(i, 2, 0)] = result;
    if (!in_it_block(cpu))
        set_nzc(cpu, result, carry);
}

static void add_subtract(struct cpu *cpu, uint32_t i)
{
    uint32_t a = cpu->reg.r[bits(i, 5, 3)];
    uint32_t b = bits(i, 10, 10) ? bits(i, 8, 6) : cpu->reg.r[bits(i, 8, 6)];
    bool flags = !in_it_block(cpu);

    cpu->reg.r[bits(i, 2, 0)] =
        bits(i, 9, 9) ? subtract(cpu, a, b, flags) : add(cpu, a, b, false, flags);
}

/* MOV, CMP, ADD, SUB with an 8-bit immediate. */
static void immediate(struct cpu *cpu, uint32_t i)
{
    uint32_t *rd = &cpu->reg.r[bits(i, 10, 8)], value = bits(i, 7, 0);
    bool flags = !in_it_block(cpu);

    switch (bits(i, 12, 11)) {
    case 0:
        *rd = value;
        if (flags)
            set_nz(cpu, value);
        break;
    case 1:
        subtract(cpu, *rd, value, true);
        break;
    case 2:
        *rd = add(cpu, *rd, value, false, flags);
        break;
    default:
        *rd = subtract(cpu, *rd, value, flags);
    }
}

static void shift_by_register(struct cpu *cpu, uint32_t *rd, enum shift type, uint32_t by)
{
    bool carry = carry_flag(cpu);

    *rd = shift(*rd, type, by & 0xFF, &carry);
    if (!in_it_block(cpu))
        set_nzc(cpu, *rd, carry);
}

/* What is not one of the operations as they are, on Rd and Rm. */
enum {
    SHIFTS = 0x10,
    MULTIPLIES = 0x20,
    COMPARES = 0x40, /* sets flags only, and always */
    ZERO_FIRST = 0x80,
};

static void data_processing(struct cpu *cpu, uint32_t i)
{
    static const uint8_t table[16] = {
        AND,
        EOR,
        SHIFTS | LSL,
        SHIFTS | LSR,
        SHIFTS | ASR,
        ADC,
        SBC,
        SHIFTS | ROR,
        COMPARES | AND,
        ZERO_FIRST | SUB,
        COMPARES | SUB,
        COMPARES | ADD,
        ORR,
        MULTIPLIES,
        BIC,
        ZERO_FIRST | ORN,
    };
    uint32_t *rd = &cpu->reg.r[bits(i, 2, 0)], rm = cpu->reg.r[bits(i, 5, 3)], result = 0;
    unsigned kind = table[bits(i, 9, 6)];
    bool flags = !in_it_block(cpu);

    if (kind & SHIFTS) {
        shift_by_register(cpu, rd, (enum shift)(kind & 3), rm);
    } else if (kind & MULTIPLIES) {
        *rd *= rm;
        if (flags)
            set_nz(cpu, *rd);
    } else {
        operate(cpu, kind & 0xF, kind & ZERO_FIRST ? 0 : *rd, rm, carry_flag(cpu),
                flags || kind & COMPARES, &result);
        if (!(kind & COMPARES))
            *rd = result;
    }
}

/* ADD, CMP and MOV that reach the registers above r7. */
static void high_register(struct cpu *cpu, uint32_t i)
{
    unsigned d = bits(i, 7, 7) << 3 | bits(i, 2, 0);
    uint32_t rd = get_reg(cpu, d), rm = get_reg(cpu, bits(i, 6, 3));

    if (bits(i, 9, 8) == 1) {
        subtract(cpu, rd, rm, true);
        return;
    }
    uint32_t result = bits(i, 9, 8) == 0 ? rd + rm : rm;
    if (d == PC)
        branch(cpu, result);
    else
        cpu->reg.r[d] = result;
}

static void bx_blx(struct cpu *cpu, uint32_t i)
{
    uint32_t target = get_reg(cpu, bits(i, 6, 3));

    if (bits(i, 7, 7))
        cpu->reg.r[LR] = cpu->next | 1;
    branch_exchange(cpu, target);
}

static void load_literal(struct cpu *cpu, uint32_t i)
{
    uint32_t address = (get_reg(cpu, PC) & ~3U) + 4 * bits(i, 7, 0);
    set_loaded(cpu, bits(i, 10, 8), load(cpu, address, 4));
}

/* STR, STRH, STRB, LDRSB, LDR, LDRH, LDRB, LDRSH with a register as offset. */
static void load_store_register(struct cpu *cpu, uint32_t i)
{
    static const uint8_t sizes[8] = {4, 2, 1, 1, 4, 2, 1, 2};
    uint32_t op = bits(i, 11, 9), address = cpu->reg.r[bits(i, 5, 3)] + cpu->reg.r[bits(i, 8, 6)];
    uint32_t *rt = &cpu->reg.r[bits(i, 2, 0)];

    if (op < 3) {
        store(cpu, address, sizes[op], *rt);
        return;
    }
    uint32_t value = load(cpu, address, sizes[op]);
    *rt = op == 3 || op == 7 ? sign_extend(value, 8 * sizes[op]) : value;
}

static void load_store(struct cpu *cpu, uint32_t i, uint32_t address, unsigned t, unsigned size)
{
    if (bits(i, 11, 11))
        set_loaded(cpu, t, load(cpu, address, size));
    else
        store(cpu, address, size, cpu->reg.r[t]);
}

/* A 5-bit offset that counts in units of the access: words, bytes and halfwords. */
static void load_store_immediate(struct cpu *cpu, uint32_t i)
{
    unsigned size = bits(i, 15, 12) == 8 ? 2 : bits(i, 12, 12) ? 1 : 4;
    uint32_t address = cpu->reg.r[bits(i, 5, 3)] + size * bits(i, 10, 6);

    load_store(cpu, i, address, bits(i, 2, 0), size);
}

static void load_store_stack(struct cpu *cpu, uint32_t i)
{
    load_store(cpu, i, cpu->reg.r[SP] + 4 * bits(i, 7, 0), bits(i, 10, 8), 4);
}

/* ADR, or ADD Rd, SP, #. */
static void add_to_pc_or_sp(struct cpu *cpu, uint32_t i)
{
    uint32_t base = bits(i, 11, 11) ? cpu->reg.r[SP] : get_reg(cpu, PC) & ~3U;
    cpu->reg.r[bits(i, 10, 8)] = base + 4 * bits(i, 7, 0);
}

static void adjust_sp(struct cpu *cpu, uint32_t i)
{
    uint32_t by = 4 * bits(i, 6, 0);
    cpu->reg.r[SP] += bits(i, 7, 7) ? -by : by;
}

static void cbz_cbnz(struct cpu *cpu, uint32_t i)
{
    bool zero = cpu->reg.r[bits(i, 2, 0)] == 0;

    if (zero != bits(i, 11, 11))
        branch(cpu, get_reg(cpu, PC) + (bits(i, 9, 9) << 6 | bits(i, 7, 3) << 1));
}

/* SXTH, SXTB, UXTH, UXTB. */
static void extend(struct cpu *cpu, uint32_t i)
{
    uint32_t rm = cpu->reg.r[bits(i, 5, 3)];
    unsigned width = bits(i, 6, 6) ? 8 : 16;

    cpu->reg.r[bits(i, 2, 0)] = bits(i, 7, 7) ? rm & ((1U << width) - 1) : sign_extend(rm, width);
}

static void push(struct cpu *cpu, uint32_t i)
{
    uint32_t list = bits(i, 7, 0) | bits(i, 8, 8) << LR;

    cpu->reg.r[SP] -= 4 * (uint32_t)__builtin_popcount(list);
    store_list(cpu, cpu->reg.r[SP], list);
}

static void pop(struct cpu *cpu, uint32_t i)
{
    uint32_t list = bits(i, 7, 0) | bits(i, 8, 8) << PC, address = cpu->reg.r[SP];

    cpu->reg.r[SP] += 4 * (uint32_t)__builtin_popcount(list);
    load_list(cpu, address, list);
}

static void load_store_multiple(struct cpu *cpu, uint32_t i)
{
    unsigned n = bits(i, 10, 8);
    uint32_t list = bits(i, 7, 0), address = cpu->reg.r[n];

    if (bits(i, 11, 11)) {
        cpu->reg.r[n] += 4 * (uint32_t)__builtin_popcount(list);
        load_list(cpu, address, list); /* a listed base takes the loaded value */
    } else {
        store_list(cpu, address, list);
        cpu->reg.r[n] += 4 * (uint32_t)__builtin_popcount(list);
    }
}

static void reverse(struct cpu *cpu, uint32_t i)
{
    uint32_t rm = cpu->reg.r[bits(i, 5, 3)], *rd = &cpu->reg.r[bits(i, 2, 0)];

    switch (bits(i, 7, 6)) {
    case 0:
        *rd = reverse_bytes(rm);
        break;
    case 1:
        *rd = reverse_halfwords(rm);
        break;
    case 3:
        *rd = sign_extend(reverse_halfwords(rm), 16);
        break;
    default:
        undefined(cpu);
    }
}

static void cps(struct cpu *cpu, uint32_t i)
{
    uint32_t masks = bits(i, 1, 1) | bits(i, 0, 0) << 16; /* PRIMASK, FAULTMASK */

    if (bits(i, 4, 4))
        cpu->reg.special |= masks;
    else
        cpu->reg.special &= ~masks;
}

static void it_or_hint(struct cpu *cpu, uint32_t i)
{
    if (bits(i, 7, 0) == 0) /* NOP */
        return;
    if (bits(i, 3, 0) == 0 || in_it_block(cpu))
        undefined(cpu);
    else
        cpu->reg.it = bits(i, 7, 0);
}

static void bkpt(struct cpu *cpu, uint32_t i)
{
    (void)i;
    cpu->event = CPU_BREAKPOINT;
}

static void branch_conditional(struct cpu *cpu, uint32_t i)
{
    if (bits(i, 11, 8) >= 14) /* UDF, SVC */
        undefined(cpu);
    else if (condition_holds(cpu, bits(i, 11, 8)))
        branch(cpu, get_reg(cpu, PC) + sign_extend(bits(i, 7, 0) << 1, 9));
}

static void branch_always(struct cpu *cpu, uint32_t i)
{
    branch(cpu, get_reg(cpu, PC) + sign_extend(bits(i, 10, 0) << 1, 12));
}

const struct thumb_op thumb16_ops[] = {
    {0xF800, 0x1800, add_subtract},
    {0xE000, 0x0000, shift_by_immediate},
    {0xE000, 0x2000, immediate},
    {0xFC00, 0x4000, data_processing},
    {0xFF00, 0x4400, high_register},
    {0xFF00, 0x4500, high_register},
    {0xFF00, 0x4600, high_register},
    {0xFF07, 0x4700, bx_blx},
    {0xF800, 0x4800, load_literal},
    {0xF000, 0x5000, load_store_register},
    {0xE000, 0x6000, load_store_immediate},
    {0xF000, 0x8000, load_store_immediate},
    {0xF000, 0x9000, load_store_stack},
    {0xF000, 0xA000, add_to_pc_or_sp},
    {0xFF00, 0xB000, adjust_sp},
    {0xF500, 0xB100, cbz_cbnz},
    {0xFF00, 0xB200, extend},
    {0xFE00, 0xB400, push},
    {0xFE00, 0xBC00, pop},
    {0xFFEC, 0xB660, cps},
    {0xFF00, 0xBA00, reverse},
    {0xFF00, 0xBE00, bkpt},
    {0xFF00, 0xBF00, it_or_hint},
    {0xF000, 0xC000, load_store_multiple},
    {0xF000, 0xD000, branch_conditional},
    {0xF800, 0xE000, branch_always},
    {0, 0, NULL},
};
