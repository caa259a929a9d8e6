/*
 * Rules about starting and running. A sketch that breaks one of them programs and verifies without
 * a word and then never runs, or stops at once: the worst that can happen to its author.
 */
#include <inttypes.h>

#include "sketch/rules.h"

bool rule_stack_pointer(const struct sketch *sketch, struct sketch_report *report)
{
    const struct board *board = sketch->board;
    uint32_t pointer = image_vector(sketch, 0);

    if (!board_starts_with(board, pointer))
        return report_say(report,
                          "The sketch would be programmed but never start: its initial stack "
                          "pointer is 0x%08" PRIx32 ", and the board starts a sketch only if that "
                          "is 0x%08" PRIx32 " in the bits of 0x%08" PRIx32 ".",
                          pointer, board->stack_value, board->stack_mask);
    /* Procedure Call Standard for the Arm Architecture (IHI 0042), 6.2.1.2. */
    if (pointer % 8 != 0)
        return report_say(report,
                          "The initial stack pointer 0x%08" PRIx32
                          " is not a multiple of 8, as ARM code needs it.",
                          pointer);
    if (!board_has_stack_top(board, pointer))
        return report_say(report,
                          "The initial stack pointer 0x%08" PRIx32 " does not lie in the board's "
                          "RAM.",
                          pointer);
    return false;
}

/* True if the byte at address comes from a program segment that runs where it is stored. */
static bool is_in_image(const struct sketch *sketch, uint32_t address, uint32_t flags)
{
    for (size_t i = 0; i < sketch->segments.n_programs; i++) {
        const struct segment *segment = &sketch->segments.all[i];

        if (segment->vaddr == segment->load && (segment->flags & flags) == flags &&
            range_contains(segment_load(segment), address))
            return true;
    }
    return false;
}

/* Bit 0 of a code address says Thumb, and a Cortex-M has nothing else (DDI 0403, A4.1.1). */
bool rule_reset_vector(const struct sketch *sketch, struct sketch_report *report)
{
    uint32_t vector = image_vector(sketch, 1);

    if (!(vector & 1))
        return report_say(report,
                          "The reset vector 0x%08" PRIx32 " is even: without the Thumb bit the "
                          "core faults at once.",
                          vector);
    if (!is_in_image(sketch, vector & ~UINT32_C(1), PF_X))
        return report_say(report,
                          "The reset vector 0x%08" PRIx32 " does not lead to code of the sketch.",
                          vector);
    return false;
}

bool rule_entry_point(const struct sketch *sketch, struct sketch_report *report)
{
    uint32_t entry = sketch->elf.header.e_entry;

    if (is_in_image(sketch, entry & ~UINT32_C(1), 0))
        return false;
    return report_say(
        report, "The ELF entry point 0x%08" PRIx32 " lies outside the sketch's flash.", entry);
}

static bool has_wrong_architecture(const struct sketch *sketch, struct sketch_report *report)
{
    static const char *const names[] = {
        [ATTRIBUTES_ARCH_V8_M_BASE] = "ARMv8-M Baseline",
        [ATTRIBUTES_ARCH_V8_M_MAIN] = "ARMv8-M Mainline",
        [ATTRIBUTES_ARCH_V8_1_M_MAIN] = "ARMv8.1-M Mainline",
    };
    uint32_t arch = sketch->attributes.cpu_arch;

    if (arch <= sketch->board->cpu_arch_max)
        return false;
    if (arch < ELEMENTSOF(names) && names[arch])
        return report_say(report,
                          "The sketch is built for an %s core (Cortex-M23, M33 or newer) and would "
                          "fault.",
                          names[arch]);
    return report_say(
        report, "The sketch is built for a newer core (Tag_CPU_arch %" PRIu32 ") and would fault.",
        arch);
}

/* Application and Real-time cores have another exception model and, mostly, ARM code. */
static bool has_wrong_profile(const struct sketch *sketch, struct sketch_report *report)
{
    uint32_t profile = sketch->attributes.cpu_arch_profile;

    if (profile != 'A' && profile != 'R' && profile != 'S')
        return false;
    return report_say(report, "The sketch is built for a Cortex-%c core, not for a Cortex-M.",
                      profile == 'R' ? 'R' : 'A');
}

/*
 * fpv4-sp-d16 is VFPv4-D16, single precision only. VFPv4-D16 without that restriction, and all
 * older ones, compute doubles in hardware; FPv5 has instructions that FPv4 lacks (VSEL, VRINTx,
 * VMAXNM) even for single precision. Code built for no FPU has no Tag_FP_arch and runs anywhere.
 */
static bool has_wrong_fpu(const struct sketch *sketch, struct sketch_report *report)
{
    uint32_t fp = sketch->attributes.fp_arch;

    switch (sketch->board->fpu) {
    case BOARD_FPU_NONE:
        if (fp > ATTRIBUTES_FP_NONE)
            return report_say(report, "The sketch uses floating point hardware, which the core "
                                      "does not have, and would fault.");
        return false;
    case BOARD_FPU_SINGLE:
        if (fp > ATTRIBUTES_FP_NONE && sketch->attributes.hardfp_use != ATTRIBUTES_HARDFP_SINGLE)
            return report_say(report, "The sketch uses double-precision floating point hardware; "
                                      "the core has single precision only and would fault.");
        if (fp > ATTRIBUTES_FP_V4_D16)
            return report_say(report, "The sketch is built for newer floating point hardware "
                                      "(FPv5) than the core has (FPv4) and would fault.");
        return false;
    case BOARD_FPU_DOUBLE:
        if (fp > ATTRIBUTES_FP_V5_D16)
            return report_say(report, "The sketch is built for newer floating point hardware than "
                                      "the core has (FPv5) and would fault.");
        return false;
    }
    return false;
}

bool rule_wrong_core(const struct sketch *sketch, struct sketch_report *report)
{
    return has_wrong_profile(sketch, report) || has_wrong_architecture(sketch, report) ||
           has_wrong_fpu(sketch, report);
}
