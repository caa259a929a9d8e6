/* What the files that execute instructions share: operand access, arithmetic with flags, and the
 * tables in which an instruction is looked up. */
#pragma once

#include "cpu.h"

/* One row matches if (instruction & mask) == value; the first match wins. A 32-bit instruction has
 * its first halfword in the upper half. */
struct thumb_op {
    uint32_t mask, value;
    void (*run)(struct cpu *cpu, uint32_t i);
};

/* Tables end with a row whose run is NULL. Of the 32-bit instructions each group has its own. */
extern const struct thumb_op thumb16_ops[];
extern const struct thumb_op thumb32_data_ops[];
extern const struct thumb_op thumb32_memory_ops[];
extern const struct thumb_op thumb32_branch_ops[];

enum shift { LSL, LSR, ASR, ROR };

/* Numbered as in the 32-bit instructions; MOV is ORR, MVN is ORN with 0. */
enum operation {
    AND = 0,
    BIC = 1,
    ORR = 2,
    ORN = 3,
    EOR = 4,
    ADD = 8,
    ADC = 10,
    SBC = 11,
    SUB = 13,
    RSB = 14,
};

/* Bits high..low of an instruction. */
static inline uint32_t bits(uint32_t i, unsigned high, unsigned low)
{
    return i >> low & ((2U << (high - low)) - 1);
}

static inline uint32_t sign_extend(uint32_t value, unsigned width)
{
    uint32_t sign = 1U << (width - 1);
    return ((value & ((sign << 1) - 1)) ^ sign) - sign;
}

static inline bool carry_flag(const struct cpu *cpu)
{
    return cpu->reg.apsr & APSR_C;
}

static inline bool in_it_block(const struct cpu *cpu)
{
    return cpu->reg.it != 0;
}

/* Where most 32-bit instructions name SP or PC the manual calls it unpredictable. */
static inline bool is_special(unsigned n)
{
    return n == SP || n == PC;
}

/* A register as an operand: the PC reads as the instruction's address + 4. */
static inline uint32_t get_reg(const struct cpu *cpu, unsigned n)
{
    return n == PC ? cpu->reg.r[PC] + 4 : cpu->reg.r[n];
}

/* Whether the flags meet a condition code, section A7.3. */
bool condition_holds(const struct cpu *cpu, uint32_t condition);

/* Ends the run of this instruction and of the core. */
void lockup(struct cpu *cpu, const char *reason);
void undefined(struct cpu *cpu);

/* Where the core goes on: at an address; or as BX does, where bit 0 says "Thumb". */
void branch(struct cpu *cpu, uint32_t address);
void branch_exchange(struct cpu *cpu, uint32_t address);

/* The result of a load: a PC branches as BX does. */
void set_loaded(struct cpu *cpu, unsigned n, uint32_t value);

/* Bus accesses; a bus error locks up (and a load yields 0). */
uint32_t load(struct cpu *cpu, uint32_t address, unsigned size);
void store(struct cpu *cpu, uint32_t address, unsigned size, uint32_t value);

/* Loads or stores the registers of a list at ascending addresses from address on. */
void load_list(struct cpu *cpu, uint32_t address, uint32_t list);
void store_list(struct cpu *cpu, uint32_t address, uint32_t list);

void set_nz(struct cpu *cpu, uint32_t result);
void set_nzc(struct cpu *cpu, uint32_t result, bool carry);

/* a + b + carry_in, with all four flags if set_flags. */
uint32_t add(struct cpu *cpu, uint32_t a, uint32_t b, bool carry_in, bool set_flags);

/* a - b: a + ~b + 1. */
uint32_t subtract(struct cpu *cpu, uint32_t a, uint32_t b, bool set_flags);

/* One operation; those that are logical set C to carry if set_flags. False: no such operation. */
bool operate(struct cpu *cpu, uint32_t operation, uint32_t a, uint32_t b, bool carry,
             bool set_flags, uint32_t *ret);

/* Shifts by 0 to 255; *carry becomes the last bit shifted out and stays if there is none. */
uint32_t shift(uint32_t value, enum shift type, unsigned by, bool *carry);

/* Shifts by a 5-bit immediate, in which 0 stands for 32 (LSR, ASR) or RRX (ROR). */
uint32_t shift_immediate(uint32_t value, enum shift type, unsigned by, bool *carry);

uint32_t reverse_bytes(uint32_t value);
uint32_t reverse_halfwords(uint32_t value);
