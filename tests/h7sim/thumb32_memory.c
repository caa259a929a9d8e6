/* The 32-bit loads and stores (sections A5.3.5 to A5.3.10). */
#include "thumb.h"

/* LDM and STM, ascending from the base or descending below it. */
static void load_store_multiple(struct cpu *cpu, uint32_t i)
{
    unsigned n = bits(i, 19, 16);
    uint32_t list = bits(i, 15, 0), size = 4 * (uint32_t)__builtin_popcount(list);
    bool before = bits(i, 24, 24), loads = bits(i, 20, 20), write_back = bits(i, 21, 21);
    uint32_t base = cpu->reg.r[n], address = before ? base - size : base;

    if (n == PC || list & 1U << SP || (!loads && list & 1U << PC) ||
        (write_back && list & 1U << n)) {
        undefined(cpu);
        return;
    }
    if (write_back)
        cpu->reg.r[n] = before ? base - size : base + size;
    if (loads)
        load_list(cpu, address, list);
    else
        store_list(cpu, address, list);
}

/* LDRD and STRD; with the PC as base, a literal. */
static void load_store_dual(struct cpu *cpu, uint32_t i)
{
    unsigned n = bits(i, 19, 16), t1 = bits(i, 15, 12), t2 = bits(i, 11, 8);
    uint32_t base = n == PC ? get_reg(cpu, PC) & ~3U : cpu->reg.r[n], offset = 4 * bits(i, 7, 0);
    bool before = bits(i, 24, 24), write_back = bits(i, 21, 21), loads = bits(i, 20, 20);
    uint32_t moved = bits(i, 23, 23) ? base + offset : base - offset;
    uint32_t address = before ? moved : base;

    if ((!before && !write_back) || (n == PC && (write_back || !loads)) || is_special(t1) ||
        is_special(t2) || address & 3) {
        undefined(cpu);
        return;
    }
    if (loads) {
        set_loaded(cpu, t1, load(cpu, address, 4));
        set_loaded(cpu, t2, load(cpu, address + 4, 4));
    } else {
        store(cpu, address, 4, cpu->reg.r[t1]);
        store(cpu, address + 4, 4, cpu->reg.r[t2]);
    }
    if (write_back)
        cpu->reg.r[n] = moved;
}

/* TBB, TBH. */
static void table_branch(struct cpu *cpu, uint32_t i)
{
    uint32_t base = get_reg(cpu, bits(i, 19, 16)), index = cpu->reg.r[bits(i, 3, 0)];
    uint32_t halfwords =
        bits(i, 4, 4) ? load(cpu, base + 2 * index, 2) : load(cpu, base + index, 1);

    branch(cpu, get_reg(cpu, PC) + 2 * halfwords);
}

/* One byte, halfword or word at an address. Loading a byte or halfword into the PC is PLD or PLI,
 * a hint without effect. */
static void access(struct cpu *cpu, uint32_t i, uint32_t address)
{
    unsigned t = bits(i, 15, 12), size = 1U << bits(i, 22, 21);
    bool loads = bits(i, 20, 20), is_signed = bits(i, 24, 24);

    if (size > 4 || (is_signed && (!loads || size == 4)) || (t == PC && !loads)) {
        undefined(cpu);
        return;
    }
    if (!loads) {
        store(cpu, address, size, cpu->reg.r[t]);
        return;
    }
    if (t == PC && size < 4)
        return;
    uint32_t value = load(cpu, address, size);
    set_loaded(cpu, t, is_signed ? sign_extend(value, 8 * size) : value);
}

static void access_literal(struct cpu *cpu, uint32_t i)
{
    uint32_t base = get_reg(cpu, PC) & ~3U, offset = bits(i, 11, 0);
    access(cpu, i, bits(i, 23, 23) ? base + offset : base - offset);
}

static void access_offset12(struct cpu *cpu, uint32_t i)
{
    access(cpu, i, cpu->reg.r[bits(i, 19, 16)] + bits(i, 11, 0));
}

/* An 8-bit offset, before or after the access, with or without write-back. */
static void access_offset8(struct cpu *cpu, uint32_t i)
{
    unsigned n = bits(i, 19, 16);
    uint32_t base = cpu->reg.r[n], offset = bits(i, 7, 0);
    bool before = bits(i, 10, 10), up = bits(i, 9, 9), write_back = bits(i, 8, 8);
    uint32_t moved = up ? base + offset : base - offset;

    /* Neither before nor written back; LDRT; or a base that is also the register accessed. */
    if ((!before && !write_back) || (before && up && !write_back) ||
        (write_back && (n == PC || n == bits(i, 15, 12)))) {
        undefined(cpu);
        return;
    }
    access(cpu, i, before ? moved : base);
    if (write_back)
        cpu->reg.r[n] = moved;
}

static void access_register(struct cpu *cpu, uint32_t i)
{
    access(cpu, i, cpu->reg.r[bits(i, 19, 16)] + (cpu->reg.r[bits(i, 3, 0)] << bits(i, 5, 4)));
}

const struct thumb_op thumb32_memory_ops[] = {
    {0xFFF0FFE0, 0xE8D0F000, table_branch},
    {0xFFC00000, 0xE8800000, load_store_multiple},
    {0xFFC00000, 0xE9000000, load_store_multiple},
    {0xFE400000, 0xE8400000, load_store_dual},
    {0xFE1F0000, 0xF81F0000, access_literal},
    {0xFE800000, 0xF8800000, access_offset12},
    {0xFE800800, 0xF8000800, access_offset8},
    {0xFE800FC0, 0xF8000000, access_register},
    {0, 0, NULL},
};
