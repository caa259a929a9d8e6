"""Sketches made in memory, each with a content of its own: a thousand links would take minutes, and
a test has to tell a thousand uploads apart by their digests. They are laid out like Arduino's: the
vector table first in flash, then code, debug sections behind, the section headers last.

Numbers are those of the ELF specification (gABI chapters 4 and 5), of ELF for the Arm Architecture
and of the Portenta X8's memory map (units/boards/portenta-x8.conf).
"""

import hashlib
import random
import struct
from dataclasses import dataclass

FLASH_START = 0x08100000
FLASH_SIZE = 0x100000
SECTOR_SIZE = 0x20000
M7_FLASH_START = 0x08040000
STACK_TOP = 0x10048000
EM_ARM, EM_386 = 40, 3
HEADER_SIZE, PROGRAM_HEADER_SIZE, SECTION_HEADER_SIZE = 52, 32, 40
SEGMENT_OFFSET = 0x100
VECTORS = 16 + 150  # the Cortex-M4's own and the STM32H747's interrupts


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Upload:
    """Bytes to push and what must come of them: an image, or a rejection with this code."""

    data: bytes
    image: bytes | None = None
    code: str = "ok"

    @property
    def good(self):
        return self.image is not None

    @property
    def sha256(self):
        return sha256(self.data)

    @property
    def image_sha256(self):
        return sha256(self.image) if self.good else ""


def make_image(stamp, size, stack_pointer=STACK_TOP):
    """Vector table, an endless loop as every handler, the stamp, and noise that the stamp seeds."""
    loop = FLASH_START + 4 * VECTORS
    vectors = struct.pack("<I", stack_pointer) + struct.pack("<I", loop | 1) * (VECTORS - 1)
    body = vectors + b"\xfe\xe7\x00\xbf" + f"m4flash test sketch {stamp}\0".encode()
    assert size >= len(body)
    return body + random.Random(f"{stamp}").randbytes(size - len(body))


def make_elf(image, debug=b"", machine=EM_ARM, address=FLASH_START):
    entry = address + 4 * VECTORS | 1
    names = b"\0.text\0.debug_info\0.shstrtab\0"
    debug_offset = SEGMENT_OFFSET + len(image)
    names_offset = debug_offset + len(debug)
    headers_offset = -(-(names_offset + len(names)) // 4) * 4
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    header = ident + struct.pack(
        "<HHIIIIIHHHHHH", 2, machine, 1, entry, HEADER_SIZE, headers_offset, 0x05000200,
        HEADER_SIZE, PROGRAM_HEADER_SIZE, 1, SECTION_HEADER_SIZE, 4, 3)
    segment = struct.pack(
        "<8I", 1, SEGMENT_OFFSET, address, address, len(image), len(image), 5, 4)
    sections = [
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (1, 1, 6, address, SEGMENT_OFFSET, len(image), 0, 0, 4, 0),
        (7, 1, 0, 0, debug_offset, len(debug), 0, 0, 1, 0),
        (19, 3, 0, 0, names_offset, len(names), 0, 0, 1, 0),
    ]
    head = (header + segment).ljust(SEGMENT_OFFSET, b"\0")
    body = (head + image + debug + names).ljust(headers_offset, b"\0")
    return body + b"".join(struct.pack("<10I", *section) for section in sections)


def good(stamp, size=4096, debug=0):
    """size bytes of flash, and as many bytes of debug sections as wanted behind them."""
    image = make_image(stamp, size)
    noise = random.Random(f"debug {stamp}").randbytes(debug)
    return Upload(make_elf(image, noise), image)


def not_elf(stamp):
    return Upload(f"\x7fNOT {stamp}\n".encode() * 50, code="not-elf")


def wrong_machine(stamp):
    return Upload(make_elf(make_image(stamp, 4096), machine=EM_386), code="elf-machine")


def for_the_m7(stamp):
    elf = make_elf(make_image(stamp, 4096), address=M7_FLASH_START)
    return Upload(elf, code="protected-flash")


def never_starts(stamp):
    """Its stack lies in the M7's RAM: it would program and verify and then never run."""
    return Upload(make_elf(make_image(stamp, 4096, 0x24080000)), code="stack-pointer")


BAD = [not_elf, wrong_machine, for_the_m7, never_starts]
