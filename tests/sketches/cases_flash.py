"""Cases of what is to be programmed, and where; and of the vector table that starts it."""

from cases import ACCEPTED, BARE, SMALL, case
from changes import *
from elf import PF_R, PF_W, PT_NOTE, PT_NULL

FLASH, FLASH_END = 0x08100000, 0x08200000
BOOTLOADER = 0x08000000
RAM, RAM_END = 0x10000000, 0x10048000
D2_ALIAS, D3, D3_END = 0x30000000, 0x38000000, 0x38010000


def stored_at(code_, *addresses):
    """The 8 bytes of .data, at each address."""
    return [case(code_, segment(data, p_paddr=address)) for address in addresses]


NO_CODE = [
    case("no-code", every_segment(p_type=PT_NULL)),
    case("no-code", every_segment(p_type=PT_NOTE)),
    case("no-code", every_segment(p_filesz=0)),
    case("no-code", every_segment(p_type=PT_NULL), base=BARE),
    case("no-code", header(e_phnum=0), base=BARE),
]

PLACES = [
    *stored_at("protected-flash", BOOTLOADER, BOOTLOADER - 7, BOOTLOADER - 1, 0x0803FFFC,
               0x08040000, FLASH - 8, FLASH - 1),
    case("protected-flash", segment(code, p_paddr=FLASH - 1)),
    case("protected-flash", segment(data, p_paddr=FLASH - 8), segment(code, p_paddr=RAM)),
    case("protected-flash", segment(data, p_paddr=RAM), segment(code, p_paddr=FLASH - 8)),
    *stored_at("ram-load", RAM - 7, RAM - 1, RAM, RAM_END - 8, RAM_END - 1, D2_ALIAS, D3,
               D3_END - 8, D3_END - 1),
    case("ram-load", segment(data, p_paddr=RAM), segment(code, p_paddr=0)),
    case("ram-load", segment(data, p_paddr=0), segment(code, p_paddr=RAM)),
    *stored_at("outside-flash", 0, 4, BOOTLOADER - 8, RAM - 8, RAM_END, D3_END, 0x20000000,
               0x24000000, 0x90000000, 0xFFFFFFF8),
    case("outside-flash", segment(code, p_paddr=0)),
    *stored_at("image-too-big", FLASH_END - 7, FLASH_END - 1),
    case("image-too-big", segment(code, p_paddr=FLASH_END - 4)),
    *stored_at(ACCEPTED, FLASH_END - 8),
    # OpenOCD and objcopy then take the virtual addresses.
    case(ACCEPTED, segment(data, p_vaddr=lambda elf: data(elf).p_paddr), every_segment(p_paddr=0),
         image_of=SMALL),
    case("ram-load", every_segment(p_paddr=0)),
]


def code_end(elf):
    return code(elf).p_paddr + code(elf).p_filesz


OVERLAP = [
    case("overlap", segment(data, p_paddr=lambda elf: code_end(elf) - 1)),
    case("overlap", segment(data, p_paddr=lambda elf: code_end(elf) - 8)),
    case("overlap", segment(data, p_paddr=FLASH)),
    case("overlap", segment(data, p_paddr=FLASH), reverse_segments),
    case("overlap", segment(data, p_paddr=lambda elf: code_end(elf) - 1), base=BARE),
    case(ACCEPTED, segment(data, p_paddr=code_end)),
    case(ACCEPTED, segment(data, p_paddr=lambda elf: code_end(elf) + 1)),
    case(ACCEPTED, segment(data, p_paddr=lambda elf: code_end(elf) + 0x20000)),
    case(ACCEPTED, reverse_segments),
    case(ACCEPTED, segment(bss, p_paddr=FLASH), image_of=SMALL),
]


def first_bytes(count):
    """Nothing but the first bytes of the code, and .data behind it."""
    return segment(code, p_filesz=count, p_memsz=count)


VECTOR_TABLE = [
    *[case("no-vector-table", segment(data, p_paddr=FLASH_END - 8),
           segment(code, p_paddr=FLASH + shift, p_vaddr=FLASH + shift))
      for shift in (1, 4, 8, 0x20000)],
    *[case("no-vector-table", first_bytes(count)) for count in (1, 4, 7)],
    case("no-vector-table", segment(code, p_type=PT_NULL)),
    case("reset-vector", first_bytes(8)),
]

STACK_POINTER = [
    *[case("stack-pointer", vector(0, value)) for value in (
        0, 1, RAM - 8, RAM, RAM + 4, RAM_END - 4, RAM_END - 1, RAM_END + 1, RAM_END + 8,
        0x10FFFFF8, 0x11000000, 0x20020000, 0x24080000, D2_ALIAS + 0x48000, D3_END, FLASH + 8,
        0xFFFFFFF8, 0xFFFFFFFF)],
    case("stack-pointer", vector(0, 0x20020000), vector(1, 0)),
    case("stack-pointer", vector(0, 0x20020000), base=BARE),
    *[case(ACCEPTED, vector(0, value)) for value in (RAM + 8, RAM + 0x8000, RAM_END - 8, RAM_END)],
]


def thumb(address):
    """The value of a vector that leads to the function there."""
    return lambda elf: value_in(elf, address) | 1


RESET_VECTOR = [
    case("reset-vector", vector(1, lambda elf: elf.header.e_entry & ~1)),
    *[case("reset-vector", vector(1, value)) for value in (
        0, 1, RAM + 0x299, FLASH - 1, FLASH_END + 1, 0xFFFFFFFF)],
    case("reset-vector", vector(1, thumb(code_end))),
    case("reset-vector", vector(1, thumb(lambda elf: code_end(elf) + 8))),
    case("reset-vector", segment(code, p_flags=PF_R)),
    case("reset-vector", segment(code, p_flags=PF_R | PF_W)),
    case("reset-vector", segment(code, p_vaddr=FLASH + 0x10000)),
    case("reset-vector", vector(1, 0), header(e_entry=0)),
    case(ACCEPTED, vector(1, thumb(lambda elf: code_end(elf) - 2))),
    case(ACCEPTED, vector(1, thumb(FLASH + 0x298))),
]

ENTRY_POINT = [
    *[case("entry-point", header(e_entry=value)) for value in (
        0, 1, FLASH - 1, FLASH_END, FLASH_END + 1, RAM_END, 0x20000000, 0xFFFFFFFF)],
    case("entry-point", header(e_entry=lambda elf: code_end(elf) + 8)),
    case("entry-point", header(e_entry=0), attributes((TAG_CPU_ARCH, 17))),
    case(ACCEPTED, header(e_entry=lambda elf: elf.header.e_entry & ~1)),
    case(ACCEPTED, header(e_entry=FLASH)),
    case(ACCEPTED, header(e_entry=lambda elf: code_end(elf) - 1)),
]

FLASH_CASES = (NO_CODE + PLACES + OVERLAP + VECTOR_TABLE + STACK_POINTER + RESET_VECTOR
               + ENTRY_POINT)
