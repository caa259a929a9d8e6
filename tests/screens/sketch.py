"""Sketches that no compiler has touched, so that every number on a screen stays as it is: three
sectors with a gap, .data, .bss, reserved heap and stack, and symbols."""

import struct

from sketches.elf import (EM_ARM, ET_EXEC, HEADER, PF_R, PF_W, PF_X, PT_LOAD, SECTION, SEGMENT,
                          SHT_NOBITS, SHT_NULL, SHT_PROGBITS, Record)

FLASH, SECTOR, D2, D3 = 0x08100000, 128 << 10, 0x10000000, 0x38000000
STACK = D2 + (288 << 10)
SHT_SYMTAB, SHT_STRTAB, SHN_ABS = 2, 3, 0xFFF1
STT_OBJECT, STT_FUNC = 1, 2

CODE = struct.pack("<II", STACK, FLASH + 0x41) + bytes(range(256)) * 600  # 150 KiB: two sectors
TABLE = b"\xa5" * 5000  # in the fourth sector
DATA = b"\x11" * 2048

SYMBOLS = [
    ("frame_buffer", D2 + 0x3000, 40000, STT_OBJECT),
    ("sine_table", FLASH + 3 * SECTOR, 5000, STT_OBJECT),
    ("_ZN8Sampler4loopEv", FLASH + 0x201, 1200, STT_FUNC),
    ("rpc_ring", D3, 1024, STT_OBJECT),
    ("setup", FLASH + 0x101, 64, STT_FUNC),
    ("a_function_whose_name_is_so_long_that_no_terminal_has_a_line_for_it_" + "x" * 200, FLASH + 0x801, 60,
     STT_FUNC),
    ("caf\u00e9_\u6f22\u5b57", FLASH + 0x901, 32, STT_FUNC),
    ("blink", D2 + 0x400, 4, STT_OBJECT),
    ("too_small_to_be_shown", D2 + 0x404, 1, STT_OBJECT),
]

HOSTILE = [
    ("\x1b[2J\x1b[31mgone", D2 + 0x400, 64, STT_OBJECT),
    ("line\nbreak\rreturn\x07bell\x9b", D2 + 0x500, 63, STT_OBJECT),
    ("\u202etxet\u2066", D2 + 0x600, 62, STT_OBJECT),
    (b"not UTF-8 \xff\xc0\x80", D2 + 0x700, 61, STT_OBJECT),
    ("", D2 + 0x800, 60, STT_OBJECT),
    ("larger_than_the_world", D2, 0xFFFFFFFF, STT_OBJECT),
]

SEGMENTS = [  # bytes, p_vaddr, p_paddr, p_memsz, p_flags
    (CODE, FLASH, FLASH, len(CODE), PF_R | PF_X),
    (TABLE, FLASH + 3 * SECTOR, FLASH + 3 * SECTOR, len(TABLE), PF_R),
    (DATA, D2 + 0x298, FLASH + len(CODE), len(DATA) + 60000, PF_R | PF_W),
    (b"", D3, D3, 1024, PF_R | PF_W),
]


def image():
    """What the flash is to hold."""
    code = CODE + DATA
    return code + b"\xff" * (3 * SECTOR - len(code)) + TABLE


class Writer:
    """Lays out a file from its first byte to its last."""

    def __init__(self):
        self.data = bytearray()

    def add(self, content):
        """Returns the offset of what was added."""
        self.data += bytes(-len(self.data) % 4)
        offset = len(self.data)
        self.data += content
        return offset

    def records(self, layout, size, rows):
        offset = self.add(bytes(size * len(rows)))
        for number, row in enumerate(rows):
            record = Record(self.data, offset + size * number, layout)
            for name, value in row.items():
                setattr(record, name, value)
        return offset


def symbol_tables(symbols):
    names, table = b"\0", bytes(16)
    for name, address, size, kind in symbols:
        table += struct.pack("<IIIBBH", len(names), address, size, kind, 0, SHN_ABS)
        names += (name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")) + b"\0"
    return table, names


def sections_of(writer, reserves, table, names):
    """The section headers: what is reserved, the symbols, their names, and the sections' own."""
    rows, own = [{"sh_type": SHT_NULL}], b"\0"

    def section(name, content=None, **fields):
        nonlocal own
        if content is not None:
            fields.update(sh_offset=writer.add(content), sh_size=len(content))
        rows.append({"sh_name": len(own), **fields})
        own += name.encode() + b"\0"

    for name, address, size in reserves:
        section(name, sh_type=SHT_NOBITS, sh_addr=address, sh_size=size)
    section(".symtab", table, sh_type=SHT_SYMTAB, sh_link=len(rows) + 1, sh_entsize=16)
    section(".strtab", names, sh_type=SHT_STRTAB)
    rows.append({"sh_type": SHT_STRTAB, "sh_offset": writer.add(own), "sh_size": len(own)})
    return rows


RESERVES = [(".heap", D2 + 0x10000, 150 << 10), (".stack_dummy", D2 + 0x10000, 8 << 10)]


def sketch(symbols=SYMBOLS, reserves=RESERVES, sections=True, table=None):
    writer = Writer()
    writer.add(bytes(52))
    offset = writer.records(SEGMENT, 32, [{}] * len(SEGMENTS))
    segments = [{"p_type": PT_LOAD, "p_offset": writer.add(content), "p_vaddr": vaddr, "p_paddr": paddr,
                 "p_filesz": len(content), "p_memsz": memory, "p_flags": flags, "p_align": 4}
                for content, vaddr, paddr, memory, flags in SEGMENTS]
    for number, row in enumerate(segments):
        for name, value in row.items():
            setattr(Record(writer.data, offset + 32 * number, SEGMENT), name, value)
    header = {"e_ident": b"\177ELF\1\1\1", "e_type": ET_EXEC, "e_machine": EM_ARM, "e_version": 1,
              "e_entry": FLASH + 0x41, "e_phoff": offset, "e_ehsize": 52, "e_phentsize": 32,
              "e_phnum": len(segments), "e_shentsize": 40}
    if sections:
        symbol_table, names = symbol_tables(symbols)
        rows = sections_of(writer, reserves, table or symbol_table, names)
        header.update(e_shoff=writer.records(SECTION, 40, rows), e_shnum=len(rows), e_shstrndx=len(rows) - 1)
    for name, value in header.items():
        setattr(Record(writer.data, 0, HEADER), name, value)
    return bytes(writer.data)
