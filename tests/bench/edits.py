"""Changed sketches: what an upload after the first one looks like."""

from harness.sketches import Upload
from sketches.elf import Elf

FLASH_START = 0x08100000
SIZES = {"small": "50 KiB", "big": "300 KiB"}  # about
EDITS = {"constant": "a constant changed", "line": "a line added", "library": "a library added"}


def file_offset(elf, address):
    """Where in the file the byte is that the flash gets at this address."""
    for segment in elf.loaded:
        if 0 <= address - segment.p_paddr < segment.p_filesz:
            return segment.p_offset + address - segment.p_paddr
    raise ValueError(f"nothing is programmed at {address:#x}")


def with_byte_flipped(base, place):
    """place: in the flash image."""
    data, image = bytearray(base.data), bytearray(base.image)
    data[file_offset(Elf(base.data), FLASH_START + place)] ^= 0xFF
    image[place] ^= 0xFF
    return Upload(bytes(data), bytes(image))


def rounds(folder, read):
    """Real ones, edited and compiled: for each base its changes, as (case, upload, target)."""
    for size, words in SIZES.items():
        yield read(folder / f"{size}-base.elf"), [
            (f"{edit}, {words}", read(folder / f"{size}-{name}.elf"), None)
            for name, edit in EDITS.items()]
