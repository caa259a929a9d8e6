"""What other programs make of a file that was accepted: GNU objcopy, and OpenOCD's ELF loader with
a simulated chip behind it.

objcopy knows sections only. Where they do not say what the segments do, or are not there at all, it
is given a new file with the same segments, and a section for each.
"""

import os
import struct
import subprocess

from elf import PF_X, PT_LOAD, Elf
from simulator import BANK_SIZE, Simulator

SHT_PROGBITS, SHT_NOBITS, SHT_STRTAB = 1, 8, 3
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
PLAIN = SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR


def sections_agree(elf):
    """Each byte of a program segment is in one plain section with its address, and nothing else."""
    if not elf.header.e_shoff or not elf.header.e_shnum or elf.header.e_shstrndx == 0:
        return False
    wanted = sorted((s.p_offset, s.p_filesz, s.p_vaddr) for s in elf.loaded)
    found = sorted((s.sh_offset, s.sh_size, s.sh_addr) for s in elf.sections
                   if s.sh_flags & SHF_ALLOC and s.sh_type != SHT_NOBITS and s.sh_size)
    joined = []
    for offset, size, address in found:
        if joined and (joined[-1][0] + joined[-1][1], joined[-1][2] + joined[-1][1]) == \
                (offset, address):
            joined[-1][1] += size
        else:
            joined.append([offset, size, address])
    plain = all(s.sh_type in (SHT_PROGBITS, SHT_NOBITS) and not s.sh_flags & ~PLAIN
                and s.sh_size and is_in_memory(elf, s)
                for s in elf.sections if s.sh_flags & SHF_ALLOC)
    return plain and [list(w) for w in wanted] == joined


def is_in_memory(elf, section):
    return any(s.p_vaddr <= section.sh_addr
               and section.sh_addr + section.sh_size <= s.p_vaddr + s.p_memsz
               for s in elf.segments if s.p_type == PT_LOAD)


def with_sections(file, segments):
    """A new file with the same program segments, and a section for each of them."""
    names = b"\0.names\0.part\0"
    programs, sections, content = b"", bytes(40), names
    start = 52 + 32 * len(segments)
    for s in segments:
        offset = start + len(content)
        flags = SHF_ALLOC | (SHF_EXECINSTR if s.p_flags & PF_X else SHF_WRITE)
        programs += struct.pack("<8I", PT_LOAD, offset, s.p_vaddr, s.p_paddr, s.p_filesz,
                                s.p_filesz, s.p_flags, 1)
        sections += struct.pack("<10I", 8, SHT_PROGBITS, flags, s.p_vaddr, offset, s.p_filesz,
                                0, 0, 1, 0)
        content += file[s.p_offset : s.p_offset + s.p_filesz]
    sections += struct.pack("<10I", 1, SHT_STRTAB, 0, 0, start, len(names), 0, 0, 1, 0)
    header = file[:20] + struct.pack(
        "<5I6H", 1, 0, 52, start + len(content), 0, 52, 32, len(segments), 40, len(segments) + 2,
        len(segments) + 1)
    return header + programs + content + sections


def run_objcopy(file, folder):
    """The image, or None if objcopy takes offence at the file."""
    elf, image = folder / "objcopy.elf", folder / "objcopy.bin"
    elf.write_bytes(file)
    image.unlink(missing_ok=True)
    done = subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "--gap-fill", "0xFF", elf,
                           image], stderr=subprocess.DEVNULL)
    return image.read_bytes() if done.returncode == 0 and image.exists() else None


def objcopy(file, said, folder):
    """The image, and what objcopy was asked about."""
    if sections_agree(Elf(file)):
        image = run_objcopy(file, folder)
        if image is not None:
            return image, "the file itself"
    return run_objcopy(with_sections(file, said.segments), folder), \
        "a file with a section for each segment"


class Flash:
    """A simulated chip whose second bank OpenOCD fills."""

    size = BANK_SIZE

    def __init__(self, folder):
        self.chip = Simulator(os.environ["H7SIM"], folder).start()

    def stop(self):
        self.chip.stop()

    @staticmethod
    def is_an_exception(file):
        """OpenOCD 0.12 and the checker differ on purpose (sketch.h): a file's only PT_LOAD."""
        elf = Elf(file)
        return all(s.p_paddr == 0 for s in elf.segments) and \
            len([s for s in elf.segments if s.p_type == PT_LOAD]) == 1

    def load(self, file):
        """What bank 2 holds after `flash write_image erase` of the file on an erased chip."""
        with open(self.chip.file("flash"), "r+b") as flash:
            flash.seek(BANK_SIZE)
            flash.write(b"\xff" * BANK_SIZE)
        elf = self.chip.file("mutant.elf")
        elf.write_bytes(file)
        status, output = self.chip.openocd(f"flash write_image erase {elf}; shutdown")
        assert status == 0, output
        return self.chip.bank(2)
