"""Cases of what the code needs to run: a core that has its instructions, and memory."""

from cases import ACCEPTED, SMALL, case
from changes import *
from elf import PT_NULL, SHT_NULL

RAM, RAM_END = 0x10000000, 0x10048000
D3_END = 0x38010000
FLASH_END = 0x08200000

# IHI 0045, 3.3.5.2: Tag_CPU_arch and its profile.
V7, V6_M, V7E_M, V8_A, V8_R, V8_M_BASE, V8_M_MAIN, V8_1_M_MAIN = 10, 11, 13, 14, 15, 16, 17, 21
# 3.3.5.2: Tag_FP_arch, those with 16 double registers.
VFP_V3_D16, VFP_V4_D16, FP_V5_D16 = 4, 6, 8
# 3.3.5.4: Tag_ABI_HardFP_use.
AS_FP_ARCH, SINGLE, BOTH = 0, 1, 3


def core(verdict, arch, profile="M"):
    return case(verdict, attributes((TAG_CPU_ARCH, arch), (TAG_CPU_ARCH_PROFILE, ord(profile))))


def fpu(verdict, arch, use):
    return case(verdict, attributes((TAG_CPU_ARCH, V7E_M), (TAG_CPU_ARCH_PROFILE, ord("M")),
                                    (TAG_FP_ARCH, arch), (TAG_HARDFP_USE, use)))


WRONG_CORE = [
    *[core(ACCEPTED, arch) for arch in (V6_M, V7, V7E_M)],
    *[core("wrong-core", arch) for arch in (V7E_M + 1, V8_M_BASE, V8_M_MAIN, V8_1_M_MAIN, 1000)],
    core("wrong-core", V8_A, "A"),
    core("wrong-core", V8_R, "R"),
    core("wrong-core", V7, "A"),
    core("wrong-core", V7, "R"),
    case(ACCEPTED, attributes()),
    fpu(ACCEPTED, 0, AS_FP_ARCH),
    fpu(ACCEPTED, VFP_V4_D16, SINGLE),
    fpu("wrong-core", VFP_V4_D16, AS_FP_ARCH),
    fpu("wrong-core", VFP_V4_D16, BOTH),
    fpu("wrong-core", FP_V5_D16, AS_FP_ARCH),
    fpu("wrong-core", FP_V5_D16, BOTH),
    fpu("wrong-core", FP_V5_D16, SINGLE),
    fpu(ACCEPTED, VFP_V3_D16, SINGLE),
    fpu("wrong-core", VFP_V3_D16, AS_FP_ARCH),
    fpu("wrong-core", FP_V5_D16 + 1, SINGLE),
    case("wrong-core", attributes((TAG_CPU_NAME, b"a name\0"), (TAG_CPU_ARCH, V8_M_MAIN))),
    case("wrong-core", attributes((TAG_COMPATIBILITY, b"\1no\0"), (TAG_CPU_ARCH, V8_M_MAIN))),
    case("wrong-core", attributes((TAG_CPU_ARCH, V8_M_MAIN)), segment(bss, p_memsz=0x48000)),
]


def raw(verdict, words, content):
    return case(verdict, attribute_bytes(content, "attributes: " + words))


M33 = file_attributes((TAG_CPU_ARCH, V8_M_MAIN))
M4 = file_attributes((TAG_CPU_ARCH, V7E_M), (TAG_CPU_ARCH_PROFILE, ord("M")))

ATTRIBUTES = [
    raw("elf-corrupt", "a vendor section longer than the section",
        b"A" + vendor_section(M4, excess=1)),
    raw("elf-corrupt", "a vendor section of length 0", b"A" + bytes(4)),
    raw("elf-corrupt", "a vendor section of length 3", b"A" + b"\3\0\0\0"),
    raw("elf-corrupt", "a vendor section of length 2^32 - 1", b"A" + b"\xff" * 4 + b"aeabi\0"),
    raw("elf-corrupt", "half a length", b"A" + b"\x20\0"),
    raw("elf-corrupt", "a vendor without an end", b"A" + vendor_section(b"", b"aeabi")),
    raw("elf-corrupt", "a scope longer than the vendor's section",
        b"A" + vendor_section(file_attributes((TAG_CPU_ARCH, V7E_M), excess=1))),
    raw("elf-corrupt", "a scope that reaches into the next vendor's section",
        b"A" + vendor_section(file_attributes((TAG_CPU_ARCH, V7E_M), excess=8))
        + vendor_section(M4, b"gnu\0")),
    raw("elf-corrupt", "a scope of length 0", b"A" + vendor_section(b"\1" + bytes(4))),
    raw("elf-corrupt", "a scope of length 4", b"A" + vendor_section(b"\1\4\0\0\0")),
    raw("elf-corrupt", "a tag without its value",
        b"A" + vendor_section(b"\1\6\0\0\0" + bytes([TAG_CPU_ARCH]))),
    raw("elf-corrupt", "a number without an end",
        b"A" + vendor_section(file_attributes((TAG_CPU_ARCH, b"\x8d")))),
    raw("elf-corrupt", "a number beyond 32 bits",
        b"A" + vendor_section(file_attributes((TAG_CPU_ARCH, 1 << 32)))),
    raw("elf-corrupt", "a number beyond 35 bits",
        b"A" + vendor_section(file_attributes((TAG_CPU_ARCH, (1 << 35) + V7E_M)))),
    raw("elf-corrupt", "a number of 100 bytes",
        b"A" + vendor_section(file_attributes((TAG_CPU_ARCH, b"\xff" * 99 + b"\1")))),
    raw("elf-corrupt", "a text without an end",
        b"A" + vendor_section(file_attributes((TAG_CPU_NAME, b"name")))),
    raw(ACCEPTED, "nothing", b""),
    raw(ACCEPTED, "only the format's version", b"A"),
    raw(ACCEPTED, "another vendor's", b"A" + vendor_section(M33, b"gnu\0")),
    raw(ACCEPTED, "of a section only", b"A" + vendor_section(
        file_attributes((1, 0), (TAG_CPU_ARCH, V8_M_MAIN), scope=2))),
    raw("wrong-core", "two vendors", b"A" + vendor_section(M4, b"gnu\0") + vendor_section(M33)),
    raw("wrong-core", "a number padded with zeros",
        b"A" + vendor_section(file_attributes((TAG_CPU_ARCH, b"\x91\x80\x80\0")))),
    case(ACCEPTED, attributes((TAG_CPU_ARCH, V8_M_MAIN)),
         section(".ARM.attributes", sh_type=SHT_NULL), image_of=SMALL),
]


def in_memory(verdict, start, size, which=bss, image_of=""):
    return case(verdict, segment(which, p_vaddr=start, p_memsz=size), image_of=image_of)


RAM_OVERFLOW = [
    *[in_memory(ACCEPTED, start, size, image_of=SMALL) for start, size in [
        (RAM, RAM_END - RAM), (RAM_END - 1, 1), (0x38000000, 0x10000), (D3_END - 1, 1)]],
    *[in_memory("ram-overflow", start, size) for start, size in [
        (RAM, RAM_END - RAM + 1), (RAM_END - 1, 2), (RAM_END, 1), (RAM - 1, 2), (RAM - 1, 1),
        (0x38000000, 0x10001), (0x37FFFFFF, 2), (D3_END, 1), (0x20000000, 4), (0x24000000, 4),
        (0, 4), (0, 0xFFFFFFFF), (0x08100000, 4), (FLASH_END, 4)]],
    in_memory("ram-overflow", 0x20000000, 8, which=data),
    in_memory("ram-overflow", RAM_END - 4, 8, which=data),
    case("ram-overflow", segment(code, p_memsz=lambda elf: code(elf).p_filesz + 1)),
    case(ACCEPTED, segment(data, p_vaddr=lambda elf: data(elf).p_paddr), image_of=SMALL),
    case(ACCEPTED, segment(bss, p_vaddr=0x20000000, p_memsz=0x1000, p_type=PT_NULL),
         image_of=SMALL),
    case(ACCEPTED, segment(bss, p_vaddr=0x20000000, p_memsz=0), image_of=SMALL),
]

CORE_CASES = WRONG_CORE + ATTRIBUTES + RAM_OVERFLOW
