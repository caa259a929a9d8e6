"""ELF files that are nearly right: test sketches with one to three changes each, chosen by a number
so that every run has the same. Changes are at the fields, places and values by which the rules
decide; blind ones alone would end in the first few rules.
"""

import random

from changes import file_attributes, vendor_section
from elf import HEADER, PT_LOAD, SECTION, SEGMENT, Elf, Record

# Ends of what the Portenta X8's profile has.
EDGES = [0, 0x08000000, 0x08040000, 0x08100000, 0x08120000, 0x08200000, 0x10000000, 0x10048000,
         0x20000000, 0x30000000, 0x30048000, 0x38000000, 0x38010000, 0x80000000, 0xFFFFFFFF]
NEAR = [-8, -4, -2, -1, 0, 0, 0, 1, 2, 4, 8]
SIZES = {"B": 1, "H": 2, "I": 4}


class Mutant(Elf):
    """A file of which a change may have destroyed anything."""

    def records(self, start, count, fields, size):
        fit = max(0, (len(self.data) - start) // size)
        return [Record(self.data, start + size * i, fields) for i in range(min(count, fit, 64))]

    @property
    def segments(self):
        return self.records(self.header.e_phoff, self.header.e_phnum, SEGMENT, 32)

    @property
    def sections(self):
        return self.records(self.header.e_shoff, self.header.e_shnum, SECTION, 40)


def value_near(random_, elf, width):
    """A number that could decide something."""
    kind = random_.randrange(5)
    if kind == 0:
        value = random_.choice(EDGES) + random_.choice(NEAR)
    elif kind == 1:
        value = len(elf.data) + random_.choice(NEAR)
    elif kind == 2:
        value = random_.randrange(48)
    elif kind == 3:
        value = 1 << random_.randrange(32)
    else:
        value = random_.getrandbits(32)
    return value & ((1 << 8 * width) - 1)


def set_field(random_, elf, record, names):
    name = random_.choice(names)
    offset, code = record.fields[name]
    width = SIZES[code[-1]]
    if random_.random() < 0.4:
        value = getattr(record, name) + random_.choice(NEAR)
    else:
        value = value_near(random_, elf, width)
    setattr(record, name, value & ((1 << 8 * width) - 1))


def change_header(random_, elf):
    set_field(random_, elf, elf.header, [name for name in HEADER if name != "e_ident"])


def change_ident(random_, elf):
    elf.data[random_.randrange(9)] = random_.choice([0, 1, 2, 3, 255])


def change_segment(random_, elf):
    if elf.segments:
        set_field(random_, elf, random_.choice(elf.segments), list(SEGMENT))


def move_segment(random_, elf):
    """Somewhere else in flash or RAM, mostly where it could be."""
    if elf.segments:
        segment = random_.choice(elf.segments)
        name = random_.choice(["p_paddr", "p_paddr", "p_vaddr"])
        setattr(segment, name, random_.choice([
            0x08100000 + random_.randrange(0x1000), 0x08200000 - random_.randrange(0x100),
            0x10000298 + random_.randrange(0x48000), 0x38000000 + random_.randrange(0x10000),
            0x08100000 + random_.randrange(0x100000)]))


def touch_segments(random_, elf):
    """One right behind another, or a little into it."""
    loads = [s for s in elf.segments if s.p_type == PT_LOAD and s.p_filesz]
    if len(loads) >= 2:
        first, second = random_.sample(loads, 2)
        end = first.p_paddr + first.p_filesz + random_.choice(NEAR)
        second.p_paddr = end & 0xFFFFFFFF


def run_in_place(random_, elf):
    for segment in elf.segments:
        if random_.random() < 0.7:
            segment.p_vaddr = segment.p_paddr


def no_physical_addresses(random_, elf):
    for segment in elf.segments:
        segment.p_paddr = 0
    if random_.random() < 0.7:
        for segment in elf.segments[1:]:
            segment.p_vaddr = 0x08100000 + random_.randrange(0x2000)


def change_section(random_, elf):
    if elf.sections:
        set_field(random_, elf, random_.choice(elf.sections), list(SECTION))


def copy_header(random_, elf):
    for records, size in random_.sample([(elf.segments, 32), (elf.sections, 40)], 2):
        if len(records) >= 2:
            source, target = random_.sample(records, 2)
            elf.data[target.offset : target.offset + size] = \
                elf.data[source.offset : source.offset + size]
            return


def change_vector(random_, elf):
    if elf.segments:
        at = elf.segments[0].p_offset + random_.choice([0, 4])
        if at + 4 <= len(elf.data):
            old = elf.word(at)
            elf.set_word(at, random_.choice([
                value_near(random_, elf, 4), old + 2 * random_.choice(NEAR) & 0xFFFFFFFF,
                0x10000000 + 8 * random_.randrange(0x9000), 0x08100001 + random_.randrange(0x400)]))


def attribute_section(elf):
    return next((s for s in elf.sections if s.sh_type == 0x70000003), None)


def change_attribute_byte(random_, elf):
    section = attribute_section(elf)
    if section and section.sh_size and section.sh_offset + section.sh_size <= len(elf.data):
        at = section.sh_offset + random_.randrange(section.sh_size)
        elf.data[at] = random_.choice([0, 1, 4, 5, 6, 7, 10, 13, 27, 32, 33, 0x80, 0xFF,
                                       elf.data[at] ^ 1 << random_.randrange(8)])


def random_tag(random_):
    tag = random_.choice([4, 5, 6, 6, 7, 7, 10, 10, 27, 27, 32, 65, 66, 128])
    if tag in (4, 5, 65):
        return tag, b"text\0"
    if tag == 32:
        return tag, b"\1text\0"
    if tag == 7:
        return tag, random_.choice(b"MMMARS\0") | random_.choice([0, 0, 0, 0x100])
    return tag, random_.choice([0, 1, 1, 1, 3, 4, 6, 6, 8, 9, 12, 13, 13, 14, 17, 21, 1 << 32])


def new_attributes(random_, elf):
    """Another section altogether, at the file's end."""
    section = attribute_section(elf)
    if not section:
        return
    scopes = b"".join(
        file_attributes(*[random_tag(random_) for _ in range(random_.randrange(6))],
                        scope=random_.choice([1, 1, 1, 2]),
                        excess=random_.choice([0] * 12 + [-1, 1]))
        for _ in range(random_.choice([1, 1, 1, 2])))
    content = random_.choice([b"A"] * 9 + [b"B"]) + b"".join(
        vendor_section(scopes, random_.choice([b"aeabi\0"] * 4 + [b"gnu\0"]),
                       excess=random_.choice([0] * 12 + [-1, 1]))
        for _ in range(random_.choice([1, 1, 1, 2])))
    section.sh_offset, section.sh_size = len(elf.data), len(content)
    elf.data.extend(content)


def change_byte(random_, elf):
    if elf.data:
        elf.data[random_.randrange(len(elf.data))] = random_.randrange(256)


def change_content(random_, elf):
    """Code and data: none of the checker's business, and all of the image's."""
    for segment in elf.segments[:2]:
        start, size = segment.p_offset + 8, segment.p_filesz
        if 8 < size <= len(elf.data) - start:
            for _ in range(8):
                elf.data[start + random_.randrange(size - 8)] = random_.randrange(256)


def cut(random_, elf):
    size = random_.choice([random_.randrange(len(elf.data) + 1), random_.randrange(80),
                           max(0, len(elf.data) - random_.randrange(64))])
    del elf.data[size:]


def append(random_, elf):
    elf.data.extend(random_.randbytes(random_.randrange(200)))


CHANGES = [
    change_header, change_ident, change_segment, change_segment, change_segment, move_segment,
    move_segment, touch_segments, touch_segments, run_in_place, no_physical_addresses,
    change_section, copy_header, change_vector, change_vector, change_attribute_byte,
    new_attributes, new_attributes, change_byte, change_content, change_content, append,
]
LAST = [cut]  # leaves no header to change


def mutant(bases, number):
    """The file that this number stands for; bases are the bytes of sketches."""
    random_ = random.Random(f"mutant {number}")
    elf = Mutant(random_.choice(bases))
    if len(elf.data) >= 52:
        for change in random_.choices(CHANGES, k=random_.choice([1, 1, 1, 2, 2, 3])):
            change(random_, elf)
    if random_.random() < 0.03:
        random_.choice(LAST)(random_, elf)
    return bytes(elf)
