/* The 32-bit branches and the control instructions (section A5.3.4). */
#include "thumb.h"

/* B.W and BL reach 16 MiB: the two J bits are stored as whether they differ from the sign. */
static uint32_t far_offset(uint32_t i)
{
    uint32_t s = bits(i, 26, 26);
    uint32_t i1 = bits(i, 13, 13) ^ s ^ 1, i2 = bits(i, 11, 11) ^ s ^ 1;

    return sign_extend(s << 24 | i1 << 23 | i2 << 22 | bits(i, 25, 16) << 12 | bits(i, 10, 0) << 1,
                       25);
}

static void branch_always(struct cpu *cpu, uint32_t i)
{
    branch(cpu, get_reg(cpu, PC) + far_offset(i));
}

static void branch_link(struct cpu *cpu, uint32_t i)
{
    cpu->reg.r[LR] = cpu->next | 1;
    branch_always(cpu, i);
}

static void branch_conditional(struct cpu *cpu, uint32_t i)
{
    uint32_t offset = bits(i, 26, 26) << 20 | bits(i, 11, 11) << 19 | bits(i, 13, 13) << 18 |
                      bits(i, 21, 16) << 12 | bits(i, 10, 0) << 1;

    if (bits(i, 25, 22) >= 14)
        undefined(cpu);
    else if (condition_holds(cpu, bits(i, 25, 22)))
        branch(cpu, get_reg(cpu, PC) + sign_extend(offset, 21));
}

/* NOP.W and the barriers: nothing to order in a core that runs one instruction at a time. */
static void no_operation(struct cpu *cpu, uint32_t i)
{
    (void)cpu;
    (void)i;
}

/* SYSm numbers of table B5-1; the masks have their bits in registers.special. */
enum { SYS_APSR = 0, SYS_XPSR = 3, SYS_MSP = 8, SYS_PSP = 9 };

static bool mask_position(uint32_t sysm, unsigned *ret_low, unsigned *ret_width)
{
    switch (sysm) {
    case 16: /* PRIMASK */
        *ret_low = 0;
        *ret_width = 1;
        return true;
    case 17: /* BASEPRI */
        *ret_low = 8;
        *ret_width = 8;
        return true;
    case 19: /* FAULTMASK */
        *ret_low = 16;
        *ret_width = 1;
        return true;
    default:
        return false;
    }
}

static void mrs(struct cpu *cpu, uint32_t i)
{
    uint32_t *rd = &cpu->reg.r[bits(i, 11, 8)], sysm = bits(i, 7, 0);
    unsigned low, width;

    if (is_special(bits(i, 11, 8)))
        undefined(cpu);
    else if (sysm == SYS_APSR || sysm == SYS_XPSR) /* EPSR reads as zero */
        *rd = cpu->reg.apsr;
    else if (sysm == SYS_MSP)
        *rd = cpu->reg.r[SP];
    else if (sysm == SYS_PSP)
        *rd = cpu->reg.psp;
    else if (mask_position(sysm, &low, &width))
        *rd = bits(cpu->reg.special, low + width - 1, low);
    else
        undefined(cpu);
}

static void msr(struct cpu *cpu, uint32_t i)
{
    uint32_t value = cpu->reg.r[bits(i, 19, 16)], sysm = bits(i, 7, 0);
    unsigned low, width;

    if (is_special(bits(i, 19, 16))) {
        undefined(cpu);
    } else if (sysm == SYS_APSR || sysm == SYS_XPSR) {
        cpu->reg.apsr = value & 0xF8000000U;
    } else if (sysm == SYS_MSP) {
        cpu->reg.r[SP] = value & ~3U;
    } else if (sysm == SYS_PSP) {
        cpu->reg.psp = value & ~3U;
    } else if (mask_position(sysm, &low, &width)) {
        uint32_t mask = ((1U << width) - 1) << low;
        cpu->reg.special = (cpu->reg.special & ~mask) | (value << low & mask);
    } else {
        undefined(cpu);
    }
}

const struct thumb_op thumb32_branch_ops[] = {
    {0xF800D000, 0xF000D000, branch_link},
    {0xF800D000, 0xF0009000, branch_always},
    {0xFFFFFFFF, 0xF3AF8000, no_operation}, /* NOP.W */
    {0xFFFFFFF0, 0xF3BF8F40, no_operation}, /* DSB */
    {0xFFFFFFF0, 0xF3BF8F50, no_operation}, /* DMB */
    {0xFFFFFFF0, 0xF3BF8F60, no_operation}, /* ISB */
    {0xFFF0FF00, 0xF3808800, msr},
    {0xFFFFF000, 0xF3EF8000, mrs},
    {0xF800D000, 0xF0008000, branch_conditional},
    {0, 0, NULL},
};
