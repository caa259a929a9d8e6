"""What can be done to a sketch's ELF file to make a case of the corpus. A change is a function of
the file that alters it and returns, in words, what it did; values may depend on the file.
"""

import random

from elf import PF_X, PN_XNUM, SECTION, SEGMENT, SHN_LORESERVE, Record

# ---- Which segment ------------------------------------------------------------------------------


def code(elf):
    """Vector table and functions: the only one that is executed."""
    return next(s for s in elf.loaded if s.p_flags & PF_X)


def data(elf):
    """Stored in flash, used in RAM."""
    return next(s for s in elf.loaded if s.p_vaddr != s.p_paddr)


def bss(elf):
    """Only memory, right behind .data."""
    behind = data(elf).p_vaddr + data(elf).p_memsz
    return next(s for s in elf.segments if s.p_vaddr == behind and not s.p_filesz)


def d3(elf):
    """The last in D3: Arduino's .pdm_section."""
    return max(elf.segments, key=lambda s: s.p_vaddr)


# ---- Fields -------------------------------------------------------------------------------------


def value_in(elf, value):
    return value(elf) if callable(value) else value


def set_fields(elf, record, fields):
    # All values first: one may depend on a field that another replaces.
    values = {name: value_in(elf, value) for name, value in fields.items()}
    for name, value in values.items():
        setattr(record, name, value)
    return ", ".join(f"{name} = {value:#x}" for name, value in values.items())


def ident(index, value):
    def change(elf):
        elf.data[index] = value
        return f"e_ident[{index}] = {value:#x}"
    return change


def header(**fields):
    return lambda elf: set_fields(elf, elf.header, fields)


def segment(which, **fields):
    """which: one of the functions above."""
    return lambda elf: f"{which.__name__} segment: {set_fields(elf, which(elf), fields)}"


def every_segment(**fields):
    def change(elf):
        return "every segment: " + [set_fields(elf, s, fields) for s in elf.segments][0]
    return change


def section(name, **fields):
    return lambda elf: f"{name} section: {set_fields(elf, elf.section(name), fields)}"


def section_number(index, **fields):
    return lambda elf: f"section {index}: {set_fields(elf, elf.sections[index], fields)}"


def fill_section(name, text):
    """With text again and again, and no end to any string in it."""
    def change(elf):
        record = elf.section(name)
        content = text * (record.sh_size // len(text) + 1)
        elf.data[record.sh_offset : record.sh_offset + record.sh_size] = content[: record.sh_size]
        return f"{name} section full of {text}"
    return change


def vector(index, value):
    def change(elf):
        elf.set_word(code(elf).p_offset + 4 * index, value_in(elf, value))
        return f"vector {index} = {value_in(elf, value):#x}"
    return change


# ---- Whole files --------------------------------------------------------------------------------


def cut(length):
    def change(elf):
        size = value_in(elf, length)
        del elf.data[size:]
        return f"cut to {size} bytes"
    return change


def cut_at_random(seed):
    def change(elf):
        return cut(random.Random(seed).randrange(52, len(elf.data)))(elf)
    return change


def append(content):
    def change(elf):
        elf.data += content
        return f"{len(content)} bytes more at the end"
    return change


# ---- Tables -------------------------------------------------------------------------------------


def grow_table(elf, start, entry, count, total, first):
    """Moves a table to the end of the file, with copies of entry before or behind its own."""
    table = elf.data[start : start + len(entry.data) * count]
    added = entry.data * (total - count)
    moved = len(elf.data)
    elf.data.extend(added + table if first else table + added)
    return moved


def more_segments(total, first=False, **fields):
    """Fills the program header table up to total entries, numbered as the gABI wants it."""
    def change(elf):
        entry = Record(bytearray(32), 0, SEGMENT)
        words = set_fields(elf, entry, fields)
        header = elf.header
        header.e_phoff = grow_table(elf, header.e_phoff, entry, header.e_phnum, total, first)
        if total >= PN_XNUM:
            elf.sections[0].sh_info = total
        header.e_phnum = min(total, PN_XNUM)
        return f"{total} program headers, {'the first' if first else 'the last'} with {words}"
    return change


def more_sections(total, **fields):
    """The same for section headers."""
    def change(elf):
        entry = Record(bytearray(40), 0, SECTION)
        words = set_fields(elf, entry, fields)
        header = elf.header
        header.e_shoff = grow_table(elf, header.e_shoff, entry, header.e_shnum, total, False)
        if total >= SHN_LORESERVE:
            elf.sections[0].sh_size = total
        header.e_shnum = 0 if total >= SHN_LORESERVE else total
        return f"{total} section headers, the last with {words}"
    return change


def reverse_segments(elf):
    start, count = elf.header.e_phoff, elf.header.e_phnum
    headers = [elf.data[start + 32 * i : start + 32 * (i + 1)] for i in range(count)]
    elf.data[start : start + 32 * count] = b"".join(reversed(headers))
    return "program headers in the opposite order"


# ---- ARM attributes (IHI 0045, 2.1 to 2.3) ------------------------------------------------------

TAG_FILE, TAG_CPU_NAME, TAG_CPU_ARCH, TAG_CPU_ARCH_PROFILE = 1, 5, 6, 7
TAG_FP_ARCH, TAG_COMPATIBILITY, TAG_HARDFP_USE = 10, 32, 27


def uleb128(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def sized(before, content, excess=0):
    """A length that counts itself and what stands before it, between the two."""
    length = len(before) + 4 + len(content) + excess
    return before, length.to_bytes(4, "little"), content


def file_attributes(*tags, scope=TAG_FILE, excess=0):
    content = b"".join(uleb128(tag) + (value if isinstance(value, bytes) else uleb128(value))
                       for tag, value in tags)
    return b"".join(sized(uleb128(scope), content, excess))


def vendor_section(content, vendor=b"aeabi\0", excess=0):
    return b"".join(sized(b"", vendor + content, excess))


def attributes(*tags):
    return attribute_bytes(b"A" + vendor_section(file_attributes(*tags)),
                           "attributes " + ", ".join(f"{tag}={value}" for tag, value in tags))


def attribute_bytes(content, words):
    """Another content for the section, at the end of the file."""
    def change(elf):
        record = elf.section(".ARM.attributes")
        record.sh_offset, record.sh_size = len(elf.data), len(content)
        elf.data.extend(content)
        return words
    return change
