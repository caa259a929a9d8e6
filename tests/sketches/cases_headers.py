"""Cases of what is judged first: is it a whole, linked ARM program whose headers agree?"""

import random

from cases import ACCEPTED, BARE, SMALL, case, from_bytes
from changes import *
from elf import (EI_CLASS, EI_DATA, EI_VERSION, EM_386, EM_AARCH64, EM_ARM, EM_X86_64, ET_CORE,
                 ET_DYN, ET_NONE, ET_REL, PN_XNUM, PT_LOAD, PT_NOTE, PT_NULL, SHN_XINDEX, SHT_NULL,
                 SHT_PROGBITS, Elf)

SIZE_MAX = 0xFFFFFFFF

NOT_ELF = [
    from_bytes("not-elf", "noise", lambda base: random.Random("noise").randbytes(5000)),
    from_bytes("not-elf", "zeros", lambda base: bytes(1000)),
    from_bytes("not-elf", "one byte", lambda base: b"X"),
    from_bytes("not-elf", "an Arduino source", lambda base: b"void setup() {}\n" * 10),
    from_bytes("not-elf", "an Intel hex file", lambda base: b":020000040810E2\n:00000001FF\n"),
    from_bytes("not-elf", "the raw bytes of flash", lambda base: base[code_start(base) :]),
    from_bytes("not-elf", "a byte before the sketch", lambda base: b"\0" + base),
    case("not-elf", ident(0, 0x7E)),
    case("not-elf", ident(3, ord("f"))),
    case("not-elf", ident(1, 0), ident(EI_CLASS, 2)),
]


def code_start(base):
    return code(Elf(base)).p_offset


CLASS_AND_ORDER = [
    *[case("elf-class", ident(EI_CLASS, value)) for value in (0, 2, 3, 255)],
    case("elf-class", ident(EI_CLASS, 2), ident(EI_DATA, 2)),
    case("elf-class", ident(EI_CLASS, 2), cut(5)),
    *[case("elf-endian", ident(EI_DATA, value)) for value in (0, 2, 3, 255)],
    case("elf-endian", ident(EI_DATA, 2), cut(6)),
    case("elf-endian", ident(EI_DATA, 2), header(e_machine=EM_386)),
]


def end_of(elf, record):
    return record.p_offset + record.p_filesz


def past_end(elf):
    return len(elf.data)


def segment_headers_end(elf):
    return elf.segment_headers_end


CUT = [
    *[case("truncated", cut(size)) for size in (1, 3, 4, 5, 6, 16, 51, 52)],
    case("truncated", cut(lambda elf: len(elf.data) - 1)),
    case("truncated", cut(lambda elf: len(elf.data) - 40)),
    case("truncated", cut(lambda elf: elf.header.e_shoff)),
    case("truncated", cut(segment_headers_end)),
    case("truncated", cut(lambda elf: segment_headers_end(elf) - 1)),
    case("truncated", cut(lambda elf: end_of(elf, code(elf)))),
    case("truncated", cut(lambda elf: end_of(elf, data(elf)))),
    case("truncated", cut(lambda elf: len(elf.data) - 1), base=BARE),
    case("truncated", cut(segment_headers_end), base=BARE),
    case("truncated", cut(5_000_000), base="debug-10m"),
    case("truncated", cut(lambda elf: len(elf.data) - 1), base="debug-10m"),
    *[case("truncated", cut_at_random(seed)) for seed in range(10)],
    *[case("truncated", cut_at_random(seed), base=BARE) for seed in range(10)],
    *[case("truncated", cut_at_random(seed), base="size-140k") for seed in range(5)],
    case(ACCEPTED, append(b"\0")),
    case(ACCEPTED, append(bytes(4096))),
]

POINTERS = [
    case("truncated", header(e_phoff=past_end)),
    case("truncated", header(e_phoff=SIZE_MAX)),
    case("truncated", header(e_phoff=lambda elf: len(elf.data) - 32 * elf.header.e_phnum + 1)),
    case("truncated", header(e_shoff=past_end)),
    case("truncated", header(e_shoff=SIZE_MAX)),
    case("truncated", header(e_shoff=lambda elf: elf.header.e_shoff + 1)),
    case("truncated", header(e_phnum=0xFFFE)),
    case("truncated", header(e_phnum=0xFFFE), base=BARE),
    case("truncated", header(e_shnum=lambda elf: elf.header.e_shnum + 1)),
    case("truncated", header(e_shnum=0xFFFF)),
    case("truncated", header(e_shnum=0, e_shoff=lambda elf: len(elf.data) - 39)),
    case("truncated", segment(code, p_offset=SIZE_MAX)),
    case("truncated", segment(code, p_filesz=SIZE_MAX, p_memsz=SIZE_MAX)),
    case("truncated", segment(code, p_offset=lambda elf: len(elf.data) - code(elf).p_filesz + 1)),
    case("truncated", segment(data, p_offset=lambda elf: len(elf.data) - 7)),
    case("truncated", segment(bss, p_filesz=1, p_offset=past_end)),
    case("truncated", segment(bss, p_type=PT_NOTE, p_filesz=SIZE_MAX)),
    case("truncated", segment(bss, p_type=PT_NOTE, p_filesz=SIZE_MAX), base=BARE),
    case("truncated", section(".comment", sh_offset=SIZE_MAX)),
    case("truncated", section(".comment", sh_size=SIZE_MAX)),
    case("truncated", section(".comment", sh_offset=lambda elf: len(elf.data), sh_size=1)),
    case("truncated", section(".bss", sh_type=SHT_PROGBITS, sh_offset=past_end)),
    case("truncated", section(".ARM.attributes", sh_offset=past_end)),
    # Each of these points nowhere, but has nothing there.
    case(ACCEPTED, segment(bss, p_offset=SIZE_MAX), image_of=SMALL),
    case(ACCEPTED, segment(bss, p_type=PT_NULL, p_filesz=SIZE_MAX), image_of=SMALL),
    case(ACCEPTED, section(".comment", sh_offset=SIZE_MAX, sh_size=0), image_of=SMALL),
    case(ACCEPTED, section(".comment", sh_type=SHT_NULL, sh_size=SIZE_MAX), image_of=SMALL),
    case(ACCEPTED, section(".bss", sh_size=SIZE_MAX), image_of=SMALL),
    case(ACCEPTED, header(e_shoff=0, e_shnum=0, e_shstrndx=0), image_of=SMALL),
]

MACHINE_AND_TYPE = [
    *[case("elf-machine", header(e_machine=value))
      for value in (0, EM_386, EM_ARM - 1, EM_ARM + 1, EM_X86_64, EM_AARCH64, 0xFFFF)],
    case("elf-machine", header(e_machine=EM_386, e_type=ET_REL)),
    case("truncated", header(e_machine=EM_386), cut(1000)),
    *[case("elf-type", header(e_type=value))
      for value in (ET_NONE, ET_REL, ET_DYN, ET_CORE, 0xFE00)],
    case("elf-type", header(e_type=ET_DYN, e_version=0)),
]

CONTRADICTIONS = [
    *[case("elf-corrupt", header(e_version=value)) for value in (0, 2, SIZE_MAX)],
    *[case("elf-corrupt", ident(EI_VERSION, value)) for value in (0, 2)],
    *[case("elf-corrupt", header(e_ehsize=value)) for value in (0, 51)],
    case(ACCEPTED, header(e_ehsize=52)),
    *[case("elf-corrupt", header(e_phentsize=value)) for value in (0, 31, 33)],
    *[case("elf-corrupt", header(e_phentsize=value), base=BARE) for value in (0, 31, 33)],
    *[case("elf-corrupt", header(e_shentsize=value)) for value in (0, 39)],
    case("elf-corrupt", header(e_shentsize=41), append(bytes(100))),
    case(ACCEPTED, header(e_shentsize=0), base=BARE, image_of=SMALL),
    case("elf-corrupt", header(e_shstrndx=lambda elf: elf.header.e_shnum)),
    case("elf-corrupt", header(e_shstrndx=0xFEFF)),
    case("elf-corrupt", header(e_shstrndx=SHN_XINDEX), section_number(0, sh_link=1000)),
    case(ACCEPTED, header(e_shstrndx=SHN_XINDEX), section_number(0, sh_link=1), image_of=SMALL),
    # Without sections the index means nothing.
    case(ACCEPTED, header(e_shstrndx=1), base=BARE, image_of=SMALL),
    case(ACCEPTED, header(e_shstrndx=lambda elf: elf.header.e_shnum - 1)),
    case(ACCEPTED, header(e_shstrndx=0), image_of=SMALL),
    *[case("elf-corrupt", segment(which, p_memsz=lambda elf, which=which: which(elf).p_filesz - 1))
      for which in (code, data)],
    case("elf-corrupt", segment(data, p_memsz=0)),
    case("elf-corrupt", segment(code, p_paddr=0xFFFFFFFC)),
    case("elf-corrupt", segment(data, p_paddr=0xFFFFFFF9)),
    case("elf-corrupt", segment(code, p_vaddr=0xFFFFFFFC)),
    case("elf-corrupt", segment(bss, p_vaddr=0xFFFFFFF0, p_memsz=0x11)),
    case("elf-corrupt", segment(bss, p_memsz=SIZE_MAX)),
    case("ram-overflow", segment(bss, p_vaddr=0xFFFFFFF0, p_memsz=0x10)),
]

# What only people look at decides nothing.
NAMES = [
    *[case(ACCEPTED, fill_section(".strtab", text), base="blink-symbols", image_of=SMALL)
      for text in (b"\xff", b"\\", "\u00e9".encode(), b"\x1b[2J")],
    case(ACCEPTED, section(".symtab", sh_link=1000), base="blink-symbols", image_of=SMALL),
    case(ACCEPTED, section(".strtab", sh_size=1), base="blink-symbols", image_of=SMALL),
]

COUNTS = [
    case("elf-corrupt", header(e_phnum=PN_XNUM), base=BARE),
    case("truncated", header(e_phnum=PN_XNUM), section_number(0, sh_info=0xFFFF)),
    case("no-code", header(e_phnum=PN_XNUM), section_number(0, sh_info=0)),
    case("no-code", header(e_phnum=0)),
    *[case(ACCEPTED, more_segments(total, first, p_type=PT_NULL, p_filesz=SIZE_MAX),
           image_of=SMALL)
      for total in (6, 0xFFFE, 0xFFFF, 70000) for first in (False, True)],
    case(ACCEPTED, more_segments(0xFFFE, p_type=PT_LOAD, p_vaddr=0x10000298), image_of=SMALL),
    case("overlap", more_segments(0xFFFE, p_type=PT_LOAD, p_filesz=8, p_memsz=8,
                                  p_vaddr=0x08100000, p_paddr=0x08100000)),
    *[case(ACCEPTED, more_sections(total, sh_type=SHT_NULL), image_of=SMALL)
      for total in (12, 0xFEFF, 0xFF00, 0xFFFF, 70000)],
    case("truncated", more_sections(70000, sh_type=SHT_NULL), cut(lambda elf: len(elf.data) - 1)),
    case("truncated", more_segments(70000, p_type=PT_NULL), cut(lambda elf: len(elf.data) - 1)),
]

HEADERS = (NOT_ELF + CLASS_AND_ORDER + CUT + POINTERS + MACHINE_AND_TYPE + CONTRADICTIONS + NAMES
           + COUNTS)
