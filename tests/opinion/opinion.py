"""A second opinion on an upload: the documented rules of the checker (the comments of enum
sketch_code in include/m4flash/sketch.h) once more, by themselves. Nothing of the checker's code is
used, and no library that knows ELF files: what both say of a file can only be wrong if the same
mistake was made twice.

Slow and plain on purpose: a rule a function, in the words of its comment.
"""

import configparser
from dataclasses import dataclass, field
from struct import unpack_from

SPACE = 1 << 32
PT_NULL, PT_LOAD, PF_X = 0, 1, 1
SHT_NULL, SHT_NOBITS, SHT_ARM_ATTRIBUTES = 0, 8, 0x70000003
PN_XNUM = SHN_XINDEX = 0xFFFF
TAG_CPU_ARCH, TAG_CPU_ARCH_PROFILE, TAG_FP_ARCH, TAG_HARDFP_USE = 6, 7, 10, 27


# ---- The board ----------------------------------------------------------------------------------


def number(text):
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    return int(text[:-1]) * units[text[-1]] if text[-1] in units else int(text, 0)


class Board:
    """A profile, as far as the rules need it. Ranges are (start, end)."""

    def __init__(self, path):
        # strict=False: a key may be repeated, which is of no matter here.
        profile = configparser.RawConfigParser(strict=False)
        profile.read(path, encoding="utf-8")
        self.flash = self.extent(profile["Flash"])
        self.protected = [self.extent(profile[name]) for name in profile.sections()
                          if name.startswith("Protected ")]
        self.ram = [self.extent(profile[name]) for name in profile.sections()
                    if name.startswith("RAM ")]
        self.stack_mask = number(profile["Boot"]["StackMask"])
        self.stack_value = number(profile["Boot"]["StackValue"])
        self.cpu_arch_max = {"v7-M": 12, "v7E-M": 13, "v8-M.mainline": 17,
                             "v8.1-M.mainline": 21}[profile["Core"]["Architecture"]]
        self.fpu = profile["Core"]["FPU"]

    @staticmethod
    def extent(section):
        start = number(section["Start"])
        return start, start + number(section["Size"])


# ---- The file -----------------------------------------------------------------------------------


@dataclass
class Segment:
    p_type: int
    p_offset: int
    p_vaddr: int
    p_paddr: int
    p_filesz: int
    p_memsz: int
    p_flags: int
    load: int = 0

    @property
    def load_end(self):
        return self.load + self.p_filesz

    @property
    def memory_end(self):
        return self.p_vaddr + self.p_memsz


@dataclass
class Section:
    sh_type: int
    sh_offset: int
    sh_size: int
    sh_link: int
    sh_info: int


class File:
    """The headers that can be read."""

    def __init__(self, data):
        self.data = data
        header = data[:52] if len(data) >= 52 else bytes(52)
        (self.e_type, self.e_machine, self.e_version, self.e_entry, self.e_phoff, self.e_shoff, _,
         self.e_ehsize, self.e_phentsize, self.e_phnum, self.e_shentsize, self.e_shnum,
         self.e_shstrndx) = unpack_from("<HHIIIIIHHHHHH", header, 16)
        self.ei_version = header[6]
        self.section0 = None
        if self.e_shoff != 0 and self.e_shentsize == 40 and self.e_shoff + 40 <= len(data):
            self.section0 = self.section_at(self.e_shoff)
        self.n_segments = self.count(self.e_phnum, PN_XNUM, "sh_info")
        self.n_sections = self.count(self.e_shnum, 0, "sh_size") if self.e_shoff else 0
        self.segments = [self.segment_at(at) for at in
                         self.entries(self.e_phoff, self.n_segments, self.e_phentsize, 32)]
        self.sections = [self.section_at(at) for at in
                         self.entries(self.e_shoff, self.n_sections, self.e_shentsize, 40)]
        self.at_vaddr = all(s.p_paddr == 0 for s in self.segments)
        for segment in self.segments:
            segment.load = segment.p_vaddr if self.at_vaddr else segment.p_paddr

    def count(self, stated, elsewhere, name):
        if stated != elsewhere:
            return stated
        return getattr(self.section0, name) if self.section0 else 0

    def entries(self, start, count, stated_size, size):
        """Where the entries are that lie wholly in the file and have the standard's size."""
        if stated_size != size or start > len(self.data):
            return []
        fit = (len(self.data) - start) // size
        return [start + size * i for i in range(min(count, fit))]

    def segment_at(self, at):
        return Segment(*unpack_from("<IIIIIII", self.data, at))

    def section_at(self, at):
        _, kind, _, _, offset, size, link, info = unpack_from("<IIIIIIII", self.data, at)
        return Section(kind, offset, size, link, info)

    @property
    def loads(self):
        return [s for s in self.segments if s.p_type == PT_LOAD]

    @property
    def programs(self):
        return [s for s in self.loads if s.p_filesz > 0]

    def needed(self):
        ends = [52]
        if self.n_segments > 0:
            ends.append(self.e_phoff + self.n_segments * self.e_phentsize)
        sections = self.n_sections
        if self.e_shoff != 0 and self.e_shnum == 0 and self.e_shentsize == 40:
            sections = max(sections, 1)
        if sections > 0:
            ends.append(self.e_shoff + sections * self.e_shentsize)
        ends += [s.p_offset + s.p_filesz for s in self.segments
                 if s.p_filesz > 0 and s.p_type != PT_NULL]
        ends += [s.sh_offset + s.sh_size for s in self.sections
                 if s.sh_size > 0 and s.sh_type not in (SHT_NULL, SHT_NOBITS)]
        return max(ends)


# ---- Build attributes ---------------------------------------------------------------------------


class Malformed(Exception):
    pass


def take_number(data, at):
    """Unsigned LEB128 of at most 32 bits, however padded: the value, and what follows."""
    value = shift = 0
    while True:
        if at >= len(data):
            raise Malformed
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if value >= SPACE:
        raise Malformed
    return value, at


def take_length(data, at):
    if at + 4 > len(data):
        raise Malformed
    return int.from_bytes(data[at : at + 4], "little"), at + 4


def skip_string(data, at):
    end = data.find(0, at)
    if end < 0:
        raise Malformed
    return end + 1


def read_tags(data, values):
    at = 0
    while at < len(data):
        tag, at = take_number(data, at)
        if tag == 32:
            _, at = take_number(data, at)
            at = skip_string(data, at)
        elif tag in (4, 5) or (tag > 32 and tag % 2 == 1):
            at = skip_string(data, at)
        else:
            values[tag], at = take_number(data, at)


def read_scopes(data, values):
    at = 0
    while at < len(data):
        scope, behind = take_number(data, at)
        length, behind = take_length(data, behind)
        if length < behind - at or at + length > len(data):
            raise Malformed
        if scope == 1:
            read_tags(data[behind : at + length], values)
        at += length


def read_attributes(data):
    """Tag -> value, of those that are numbers. Raises Malformed."""
    values = {}
    if data[:1] != b"A":
        return values
    at = 1
    while at < len(data):
        length, behind = take_length(data, at)
        if length < 4 or at + length > len(data):
            raise Malformed
        vendor = data[behind : at + length]
        content = skip_string(vendor, 0)
        if vendor[: content - 1] == b"aeabi":
            read_scopes(vendor[content:], values)
        at += length
    return values


# ---- The rules ----------------------------------------------------------------------------------


@dataclass
class Opinion:
    code: str
    needed: int = 0  # truncated: the size that the file should have
    image: bytes = b""  # accepted: from the window's start
    segments: list = field(default_factory=list)  # accepted: the program segments


def share_an_address(start, end, extents):
    return any(start < other_end and other_start < end for other_start, other_end in extents)


def is_truncated(file):
    return len(file.data) < file.needed()


def is_corrupt(file):
    if file.ei_version != 1 or file.e_version != 1 or file.e_ehsize < 52:
        return True
    if file.e_phnum == PN_XNUM and file.section0 is None:
        return True
    if file.n_segments and file.e_phentsize != 32:
        return True
    if file.n_sections and file.e_shentsize != 40:
        return True
    if any(s.p_filesz > s.p_memsz or s.memory_end > SPACE or s.load_end > SPACE
           for s in file.loads):
        return True
    index = file.e_shstrndx
    if index == SHN_XINDEX and file.section0:
        index = file.section0.sh_link
    if file.n_sections and index >= file.n_sections:
        return True
    try:
        attributes_of(file)
    except Malformed:
        return True
    return False


def attributes_of(file):
    for section in file.sections:
        if section.sh_type == SHT_ARM_ATTRIBUTES:
            return read_attributes(file.data[section.sh_offset :][: section.sh_size])
    return {}


def any_overlap(programs):
    """Of all pairs; in order of their starts, neighbours are enough."""
    ordered = sorted(programs, key=lambda s: s.load)
    return any(a.load_end > b.load for a, b in zip(ordered, ordered[1:]))


def has_vector_table(file, board):
    return all(any(s.load <= address < s.load_end for s in file.programs)
               for address in range(board.flash[0], board.flash[0] + 8))


def build_image(file, board):
    image = bytearray(b"\xff" * (max(s.load_end for s in file.programs) - board.flash[0]))
    for s in file.programs:
        start = s.load - board.flash[0]
        image[start : start + s.p_filesz] = file.data[s.p_offset : s.p_offset + s.p_filesz]
    return bytes(image)


def stack_is_wrong(pointer, board):
    return (pointer & board.stack_mask != board.stack_value or pointer % 8 != 0
            or not any(start < pointer <= end for start, end in board.ram))


def in_image(file, address, flags=0):
    return any(s.load <= address < s.load_end and s.p_vaddr == s.load and s.p_flags & flags == flags
               for s in file.programs)


def is_wrong_core(values, board):
    fp = values.get(TAG_FP_ARCH, 0)
    if values.get(TAG_CPU_ARCH_PROFILE) in (ord("A"), ord("R"), ord("S")):
        return True
    if values.get(TAG_CPU_ARCH, 0) > board.cpu_arch_max:
        return True
    if fp == 0:
        return False
    if board.fpu == "none":
        return True
    if board.fpu == "single":
        return values.get(TAG_HARDFP_USE, 0) != 1 or fp > 6
    return fp > 8


def has_no_memory(segment, board):
    if segment.p_memsz == 0:
        return False
    start, end = segment.p_vaddr, segment.memory_end
    in_ram = any(first <= start and end <= last for first, last in board.ram)
    in_flash = (segment.p_filesz == segment.p_memsz
                and board.flash[0] <= start and end <= board.flash[1])
    return not in_ram and not in_flash


def judge_bytes(data):
    """What the first bytes say, before there is a header; None: go on."""
    if not data:
        return "empty"
    if data[:4] != b"\x7fELF"[: len(data)]:
        return "not-elf"
    if data[4:5] not in (b"", b"\x01"):
        return "elf-class"
    if data[5:6] not in (b"", b"\x01"):
        return "elf-endian"
    return None


def judge_layout(file, board):
    """What is to be programmed, and where; None: go on."""
    programs = file.programs
    if not programs:
        return "no-code"
    if any(share_an_address(s.load, s.load_end, board.protected) for s in programs):
        return "protected-flash"
    if any(share_an_address(s.load, s.load_end, board.ram) for s in programs):
        return "ram-load"
    if any(not board.flash[0] <= s.load < board.flash[1] for s in programs):
        return "outside-flash"
    if any(s.load_end > board.flash[1] for s in programs):
        return "image-too-big"
    if any_overlap(programs):
        return "overlap"
    if not has_vector_table(file, board):
        return "no-vector-table"
    return None


def judge_start(file, board, image):
    """How it starts, and whether it can run."""
    pointer, reset = unpack_from("<II", image)
    if stack_is_wrong(pointer, board):
        return "stack-pointer"
    if not reset & 1 or not in_image(file, reset & ~1, PF_X):
        return "reset-vector"
    if not in_image(file, file.e_entry & ~1):
        return "entry-point"
    if is_wrong_core(attributes_of(file), board):
        return "wrong-core"
    if any(has_no_memory(s, board) for s in file.loads):
        return "ram-overflow"
    return "accepted"


def judge(data, board):
    code = judge_bytes(data)
    if code:
        return Opinion(code)
    file = File(data)
    if is_truncated(file):
        return Opinion("truncated", needed=file.needed())
    if file.e_machine != 40:
        return Opinion("elf-machine")
    if file.e_type != 2:
        return Opinion("elf-type")
    if is_corrupt(file):
        return Opinion("elf-corrupt")
    code = judge_layout(file, board)
    if code:
        return Opinion(code)
    image = build_image(file, board)
    code = judge_start(file, board, image)
    if code != "accepted":
        return Opinion(code)
    return Opinion(code, image=image, segments=file.programs)
