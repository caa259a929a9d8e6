"""A thousand different uploads from one build: each sketch holds a marker word in its flash content
(startup.c), and setting it makes another valid sketch with another image and other digests. The
padding of e_ident, which means nothing, is set as well, so that even the first 16 bytes differ.
"""

import struct

MAGIC = b"m4flash-id:\0"
E_IDENT_PADDING = slice(9, 16)  # gABI chapter 4: EI_PAD to EI_NIDENT


def stamped(sketch, number):
    """The bytes of a sketch (an ELF file) like this one, but with the 32-bit number as its own."""
    place = sketch.index(MAGIC) + len(MAGIC)
    copy = bytearray(sketch)
    copy[E_IDENT_PADDING] = struct.pack("<Q", number)[:7]
    copy[place : place + 4] = struct.pack("<I", number)
    return bytes(copy)


def stamp_of(content):
    """The number in a sketch, or in a flash image."""
    return struct.unpack_from("<I", content, content.index(MAGIC) + len(MAGIC))[0]
