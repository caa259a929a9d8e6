/* The arithmetic and the bus accesses that all instructions are made of. */
#include "thumb.h"

void lockup(struct cpu *cpu, const char *reason)
{
    cpu->event = CPU_LOCKUP;
    cpu->reason = reason;
}

void undefined(struct cpu *cpu)
{
    lockup(cpu, "unknown instruction");
}

void branch(struct cpu *cpu, uint32_t address)
{
    cpu->next = address & ~1U;
}

void branch_exchange(struct cpu *cpu, uint32_t address)
{
    if (address >= 0xF0000000U)
        lockup(cpu, "exception return without an exception");
    else if (!(address & 1))
        lockup(cpu, "branch to ARM state");
    else
        branch(cpu, address);
}

void set_loaded(struct cpu *cpu, unsigned n, uint32_t value)
{
    if (cpu->event == CPU_LOCKUP)
        return;
    if (n == PC)
        branch_exchange(cpu, value);
    else
        cpu->reg.r[n] = value;
}

uint32_t load(struct cpu *cpu, uint32_t address, unsigned size)
{
    uint32_t value = 0;

    if (!bus_read(cpu->bus, address, size, &value))
        lockup(cpu, "load from nowhere");
    return value;
}

void store(struct cpu *cpu, uint32_t address, unsigned size, uint32_t value)
{
    cpu->stores++;
    if (!bus_write(cpu->bus, address, size, value))
        lockup(cpu, "store to nowhere");
}

void load_list(struct cpu *cpu, uint32_t address, uint32_t list)
{
    if (address & 3)
        lockup(cpu, "unaligned list of registers");
    for (unsigned n = 0; n < 16 && cpu->event == CPU_GO_ON; n++) {
        if (list & 1U << n) {
            set_loaded(cpu, n, load(cpu, address, 4));
            address += 4;
        }
    }
}

void store_list(struct cpu *cpu, uint32_t address, uint32_t list)
{
    if (address & 3)
        lockup(cpu, "unaligned list of registers");
    for (unsigned n = 0; n < 16 && cpu->event == CPU_GO_ON; n++) {
        if (list & 1U << n) {
            store(cpu, address, 4, cpu->reg.r[n]);
            address += 4;
        }
    }
}

void set_nz(struct cpu *cpu, uint32_t result)
{
    cpu->reg.apsr &= ~(APSR_N | APSR_Z);
    cpu->reg.apsr |= (result & APSR_N) | (result == 0 ? APSR_Z : 0);
}

void set_nzc(struct cpu *cpu, uint32_t result, bool carry)
{
    set_nz(cpu, result);
    cpu->reg.apsr = (cpu->reg.apsr & ~APSR_C) | (carry ? APSR_C : 0);
}

uint32_t add(struct cpu *cpu, uint32_t a, uint32_t b, bool carry_in, bool set_flags)
{
    uint64_t sum = (uint64_t)a + b + carry_in;
    uint32_t result = (uint32_t)sum;

    if (set_flags) {
        set_nzc(cpu, result, sum >> 32);
        bool overflow = (~(a ^ b) & (a ^ result)) >> 31;
        cpu->reg.apsr = (cpu->reg.apsr & ~APSR_V) | (overflow ? APSR_V : 0);
    }
    return result;
}

uint32_t subtract(struct cpu *cpu, uint32_t a, uint32_t b, bool set_flags)
{
    return add(cpu, a, ~b, true, set_flags);
}

static bool arithmetic(struct cpu *cpu, uint32_t operation, uint32_t a, uint32_t b, bool set_flags,
                       uint32_t *ret)
{
    switch (operation) {
    case ADD:
        *ret = add(cpu, a, b, false, set_flags);
        return true;
    case ADC:
        *ret = add(cpu, a, b, carry_flag(cpu), set_flags);
        return true;
    case SBC:
        *ret = add(cpu, a, ~b, carry_flag(cpu), set_flags);
        return true;
    case SUB:
        *ret = subtract(cpu, a, b, set_flags);
        return true;
    case RSB:
        *ret = subtract(cpu, b, a, set_flags);
        return true;
    default:
        return false;
    }
}

bool operate(struct cpu *cpu, uint32_t operation, uint32_t a, uint32_t b, bool carry,
             bool set_flags, uint32_t *ret)
{
    const uint32_t logical[] = {
        [AND] = a & b, [BIC] = a & ~b, [ORR] = a | b, [ORN] = a | ~b, [EOR] = a ^ b};

    if (operation > EOR)
        return arithmetic(cpu, operation, a, b, set_flags, ret);
    *ret = logical[operation];
    if (set_flags)
        set_nzc(cpu, *ret, carry);
    return true;
}

static uint32_t shift_out(uint32_t value, enum shift type, unsigned by)
{
    switch (type) {
    case LSL:
        return by < 32 ? value << by : 0;
    case LSR:
        return by < 32 ? value >> by : 0;
    case ASR: {
        uint32_t sign = value >> 31 ? UINT32_MAX : 0;
        return by < 32 ? (by == 0 ? value : value >> by | sign << (32 - by)) : sign;
    }
    case ROR:
        by &= 31;
        return by == 0 ? value : value >> by | value << (32 - by);
    }
    return 0;
}

uint32_t shift(uint32_t value, enum shift type, unsigned by, bool *carry)
{
    if (by == 0)
        return value;
    /* The last bit out is bit 0 (or 31, to the left) of the shift that is one shorter. */
    uint32_t before = shift_out(value, type, by - 1);
    *carry = type == LSL ? before >> 31 : before & 1;
    return shift_out(value, type, by);
}

uint32_t shift_immediate(uint32_t value, enum shift type, unsigned by, bool *carry)
{
    if (by > 0 || type == LSL)
        return shift(value, type, by, carry);
    if (type != ROR)
        return shift(value, type, 32, carry);
    bool out = value & 1;
    value = value >> 1 | (uint32_t)*carry << 31;
    *carry = out;
    return value;
}

uint32_t reverse_bytes(uint32_t value)
{
    return reverse_halfwords(value) >> 16 | reverse_halfwords(value) << 16;
}

uint32_t reverse_halfwords(uint32_t value)
{
    return (value & 0x00FF00FFU) << 8 | (value >> 8 & 0x00FF00FFU);
}
