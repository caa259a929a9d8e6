/* One step of the core: fetch, condition, look-up, run. What is not in a table is a lockup: a
 * simulator that guesses would prove nothing about the code it runs. */
#include "cpu.h"

#include <errno.h>
#include <stdlib.h>

#include "thumb.h"

static const struct thumb_op *find(const struct thumb_op *ops, uint32_t instruction)
{
    while (ops->run && (instruction & ops->mask) != ops->value)
        ops++;
    return ops;
}

int cpu_new(struct bus *bus, struct cpu **ret)
{
    struct cpu *cpu = calloc(1, sizeof(*cpu));
    if (!cpu)
        return -ENOMEM;
    cpu->bus = bus;
    for (uint32_t i = 0; i < 0x10000; i++)
        cpu->decoded[i] = (uint8_t)(find(thumb16_ops, i) - thumb16_ops);
    *ret = cpu;
    return 0;
}

void cpu_free(struct cpu *cpu)
{
    free(cpu);
}

/* Table A5-9: which group a 32-bit instruction belongs to. */
static const struct thumb_op *find32(uint32_t i)
{
    switch (bits(i, 28, 25)) {
    case 0x4: /* 1110100: LDM, STM, LDRD, STRD, TBB */
    case 0xC: /* 1111100: single loads and stores */
        return find(thumb32_memory_ops, i);
    case 0x5: /* 1110101: shifted register */
    case 0xD: /* 1111101: register, multiplication */
        return find(thumb32_data_ops, i);
    case 0x8:
    case 0x9:
    case 0xA:
    case 0xB: /* 11110: immediate, or branches and control */
        return find(bits(i, 15, 15) ? thumb32_branch_ops : thumb32_data_ops, i);
    default: /* coprocessors, the FPU among them */
        return NULL;
    }
}

static const struct thumb_op *fetch(struct cpu *cpu)
{
    uint32_t pc = cpu->reg.r[PC], first, second;

    cpu->instruction = 0;
    if (!bus_read(cpu->bus, pc, 2, &first)) {
        lockup(cpu, "instruction fetch from nowhere");
        return NULL;
    }
    cpu->instruction = first;
    cpu->next = pc + 2;
    if (first < 0xE800)
        return &thumb16_ops[cpu->decoded[first]];
    if (!bus_read(cpu->bus, pc + 2, 2, &second)) {
        lockup(cpu, "instruction fetch from nowhere");
        return NULL;
    }
    cpu->instruction = first << 16 | second;
    cpu->next = pc + 4;
    return find32(cpu->instruction);
}

bool condition_holds(const struct cpu *cpu, uint32_t condition)
{
    uint32_t f = cpu->reg.apsr;
    bool n = f & APSR_N, z = f & APSR_Z, c = f & APSR_C, v = f & APSR_V;
    const bool even[8] = {z, c, n, v, c && !z, n == v, n == v && !z, true};

    return condition == 15 || even[condition >> 1] != (condition & 1);
}

static void advance_it(struct cpu *cpu)
{
    uint32_t it = cpu->reg.it;
    cpu->reg.it = it & 7 ? (it & 0xE0) | (it << 1 & 0x1F) : 0;
}

enum cpu_event cpu_step(struct cpu *cpu)
{
    cpu->event = CPU_GO_ON;
    const struct thumb_op *op = fetch(cpu);
    if (cpu->event == CPU_LOCKUP)
        return CPU_LOCKUP;
    if (!op || !op->run) {
        undefined(cpu);
        return CPU_LOCKUP;
    }

    bool conditional = in_it_block(cpu);
    if (!conditional || condition_holds(cpu, cpu->reg.it >> 4))
        op->run(cpu, cpu->instruction);
    if (cpu->event != CPU_GO_ON)
        return cpu->event;
    if (conditional)
        advance_it(cpu);
    cpu->reg.r[PC] = cpu->next;
    return CPU_GO_ON;
}

/* Section B1.4.2: APSR in bits 31 to 27, ITSTATE split over two fields, T in bit 24. */
uint32_t cpu_xpsr(const struct cpu *cpu)
{
    uint32_t it = cpu->reg.it;
    return cpu->reg.apsr | (it & 3) << 25 | 1U << 24 | (it >> 2) << 10;
}

void cpu_set_xpsr(struct cpu *cpu, uint32_t xpsr)
{
    cpu->reg.apsr = xpsr & 0xF8000000U;
    cpu->reg.it = bits(xpsr, 26, 25) | bits(xpsr, 15, 10) << 2;
}
