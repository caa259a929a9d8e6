/*
 * The ARM build attributes of a linked file (section .ARM.attributes, Addenda to the ABI, IHI
 * 0045): for which core the compiler generated code. Only what decides whether a core can run it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Values of Tag_CPU_arch that are of interest by name. */
enum {
    ATTRIBUTES_ARCH_V8_M_BASE = 16,
    ATTRIBUTES_ARCH_V8_M_MAIN = 17,
    ATTRIBUTES_ARCH_V8_1_M_MAIN = 21,
};

/* Values of Tag_FP_arch. GCC's fpv4-sp-d16 is VFPv4-D16 with Tag_ABI_HardFP_use single. */
enum {
    ATTRIBUTES_FP_NONE = 0,
    ATTRIBUTES_FP_V4_D16 = 6,
    ATTRIBUTES_FP_V5_D16 = 8,
};

/* Tag_ABI_HardFP_use: everything Tag_FP_arch has (0), single precision only (1), and others. */
enum {
    ATTRIBUTES_HARDFP_SINGLE = 1,
};

/* 0 is also what an absent attribute means. */
struct attributes {
    uint32_t cpu_arch;         /* Tag_CPU_arch, 6 */
    uint32_t cpu_arch_profile; /* Tag_CPU_arch_profile, 7: 0 or 'A', 'R', 'M', 'S' (A or R) */
    uint32_t fp_arch;          /* Tag_FP_arch, 10 */
    uint32_t hardfp_use;       /* Tag_ABI_HardFP_use, 27 */
};

/*
 * Reads a section's contents (any bytes whatever): 'A', then vendors. A vendor is a 32-bit length
 * (of all of it), a string, scopes. A scope is a number (1: the file), a 32-bit length (of all of
 * it), attributes. An attribute is a tag, which is a number, and a string (tags 4, 5 and odd ones
 * above 32), or a number and a string (tag 32), or a number. Lengths are little endian, strings end
 * with a NUL, numbers are ULEB128.
 *
 * Attributes of file scope of vendor "aeabi" count, the last one of a tag. Other scopes and vendors
 * are skipped by their length, and the section if it begins with something else than 'A'.
 *
 * Returns 0; or -EBADMSG, with *ret untouched, if a vendor or scope is shorter than what it must
 * hold or longer than what holds it, a string or number does not end within its vendor or scope, or
 * a number exceeds 32 bits (padding with zeros does not).
 */
int attributes_parse(const uint8_t *bytes, size_t size, struct attributes *ret);
