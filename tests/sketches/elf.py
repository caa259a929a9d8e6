"""Little-endian ELF32 files as bytes to be patched: the headers as records whose fields can be read
and set, whatever nonsense results. Names and layouts are the gABI's (chapters 4 and 5).
"""

import struct

ET_NONE, ET_REL, ET_EXEC, ET_DYN, ET_CORE = range(5)
EM_386, EM_ARM, EM_X86_64, EM_AARCH64 = 3, 40, 62, 183
PT_NULL, PT_LOAD, PT_NOTE = 0, 1, 4
PF_X, PF_W, PF_R = 1, 2, 4
PN_XNUM, SHN_LORESERVE, SHN_XINDEX = 0xFFFF, 0xFF00, 0xFFFF
SHT_NULL, SHT_PROGBITS, SHT_NOBITS, SHT_ARM_ATTRIBUTES = 0, 1, 8, 0x70000003
EI_CLASS, EI_DATA, EI_VERSION, EI_PAD = 4, 5, 6, 9


def layout(size, fields):
    """Field name -> (offset, struct format), from "name:format" words."""
    offsets, offset = {}, 0
    for word in fields.split():
        name, _, code = word.partition(":")
        offsets[name] = offset, "<" + (code or "I")
        offset += struct.calcsize(offsets[name][1])
    assert offset == size
    return offsets


HEADER = layout(52, """e_ident:16s e_type:H e_machine:H e_version e_entry e_phoff e_shoff e_flags
    e_ehsize:H e_phentsize:H e_phnum:H e_shentsize:H e_shnum:H e_shstrndx:H""")
SEGMENT = layout(32, "p_type p_offset p_vaddr p_paddr p_filesz p_memsz p_flags p_align")
SECTION = layout(40, """sh_name sh_type sh_flags sh_addr sh_offset sh_size sh_link sh_info
    sh_addralign sh_entsize""")


class Record:
    """The fields of one layout, at one place of a bytearray."""

    def __init__(self, data, offset, fields):
        self.__dict__.update(data=data, offset=offset, fields=fields)

    def __getattr__(self, name):
        offset, code = self.fields[name]
        return struct.unpack_from(code, self.data, self.offset + offset)[0]

    def __setattr__(self, name, value):
        offset, code = self.fields[name]
        struct.pack_into(code, self.data, self.offset + offset, value)


class Elf:
    def __init__(self, data):
        self.data = bytearray(data)
        self.header = Record(self.data, 0, HEADER)

    def __bytes__(self):
        return bytes(self.data)

    @property
    def segments(self):
        start, count = self.header.e_phoff, self.header.e_phnum
        return [Record(self.data, start + 32 * i, SEGMENT) for i in range(count)]

    @property
    def segment_headers_end(self):
        return self.header.e_phoff + 32 * self.header.e_phnum

    @property
    def loaded(self):
        """The segments with bytes to program, in the file's order."""
        return [s for s in self.segments if s.p_type == PT_LOAD and s.p_filesz]

    @property
    def sections(self):
        start, count = self.header.e_shoff, self.header.e_shnum
        return [Record(self.data, start + 40 * i, SECTION) for i in range(count)]

    def section(self, name):
        names = self.sections[self.header.e_shstrndx].sh_offset
        for section in self.sections:
            start = names + section.sh_name
            if self.data[start : self.data.index(0, start)] == name.encode():
                return section
        raise KeyError(name)

    def word(self, offset):
        return struct.unpack_from("<I", self.data, offset)[0]

    def set_word(self, offset, value):
        struct.pack_into("<I", self.data, offset, value)

    def remove_section_headers(self):
        """Leaves the headers and what the segments hold: what loads, and not a byte more."""
        self.header.e_shoff = self.header.e_shnum = self.header.e_shstrndx = 0
        del self.data[max(s.p_offset + s.p_filesz for s in self.loaded) :]
