#!/usr/bin/python3
"""The test sketches by name: what each is built from, and what m4flash must say of it."""

from dataclasses import dataclass, field

KIB, MIB = 1024, 1024 * 1024
NOISE_START = 0x800  # where sketch.ld puts the noise: a sketch's code is smaller

CORTEX_M4 = "-mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=softfp"
CORTEX_M7 = "-mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=softfp"
CORTEX_M33 = "-mcpu=cortex-m33 -mfpu=fpv5-sp-d16 -mfloat-abi=softfp"


@dataclass(frozen=True)
class Variant:
    name: str
    about: str
    code: str = "accepted"
    source: str = "blink.c"
    cpu: str = CORTEX_M4
    debug: bool = False  # -g3
    image_size: int = 0  # filled with noise up to this many bytes of flash
    debug_size: int = 0  # bytes of noise as a debug section
    symbols: dict = field(default_factory=dict)  # of sketch.ld, by --defsym
    link: str = "-Wl,-n"  # ld: no page alignment, and headers outside the segments
    strip: bool = False
    section_headers: bool = True


ACCEPTED = [
    Variant("blink", "C with -g3, as the Arduino IDE builds", debug=True),
    Variant("blink-plain", "C without debug sections"),
    Variant("blink-stripped", "no symbols either", strip=True),
    Variant("blink-bare", "no section headers at all", section_headers=False),
    Variant("blink-small", "no heap reserved: a file of 3 KiB", strip=True,
            symbols={"heap_size": 0}),
    Variant("blink-symbols", "the same with its symbols, one of them the stack's end",
            symbols={"heap_size": 0, "__StackLimit": 0x10047C00}),
    Variant("pulse", "C++ with constructors, -g3", source="pulse.cpp", debug=True),
    Variant("pulse-plain", "C++ without debug sections", source="pulse.cpp"),
    Variant("pulse-stripped", "no symbols either", source="pulse.cpp", strip=True),
    Variant("pulse-bare", "no section headers", source="pulse.cpp", section_headers=False),
    Variant("paged", "ld without -n: segments in pages of the file", link=""),
    Variant("size-4k", "4 KiB of flash", image_size=4 * KIB),
    Variant("size-140k", "140 KiB: the second sector too", image_size=140 * KIB),
    Variant("size-300k", "300 KiB, C++, -g3: the third sector", source="pulse.cpp", debug=True,
            image_size=300 * KIB),
    Variant("size-1m", "1 MiB: the window's last byte", image_size=MIB, strip=True),
    Variant("debug-10m", "100 KiB of flash in a file of 10 MB", debug=True,
            image_size=100 * KIB, debug_size=10_000_000),
    Variant("debug-30m", "300 KiB of flash in a file of 30 MB", source="pulse.cpp", debug=True,
            image_size=300 * KIB, debug_size=30_000_000),
]

REJECTED = [
    Variant("h7-m7", "built for the Portenta H7's M7 core", "protected-flash", cpu=CORTEX_M7,
            symbols={"flash_start": 0x08040000, "flash_size": 768 * KIB,
                     "ram_start": 0x24000000, "ram_size": 512 * KIB}),
    Variant("bootloader", "linked for the start of the flash", "protected-flash",
            symbols={"flash_start": 0x08000000}),
    Variant("headers-in-flash", "ld without -n: headers where the vector table belongs",
            "stack-pointer", link="", symbols={"headers_in_flash": 1}),
    Variant("second-sector", "nothing at the window's start", "no-vector-table",
            symbols={"flash_start": 0x08120000, "flash_size": 896 * KIB}),
    Variant("qspi-flash", "linked for a flash chip elsewhere", "outside-flash",
            symbols={"flash_start": 0x90000000}),
    Variant("in-ram", "linked to run from RAM", "ram-load",
            symbols={"flash_start": 0x10000298, "flash_size": 64 * KIB,
                     "ram_start": 0x10010298, "ram_size": 0x37D68}),
    Variant("data-in-ram", ".data stored where it runs", "ram-load",
            symbols={"data_stored": 0x10000298}),
    Variant("too-big", "one flash word more than the window", "image-too-big",
            image_size=MIB + 32, strip=True, symbols={"flash_size": 2 * MIB}),
    Variant("too-big-data", "code that just fits, .data behind it, and ld does not notice",
            "image-too-big", image_size=MIB - 4, strip=True,
            symbols={"data_stored": 0x08100000 + MIB - 4}),
    Variant("dtcm-stack", "its stack in the M7's DTCM", "stack-pointer",
            symbols={"stack_start": 0x20020000}),
    Variant("d2-alias-stack", "its stack in D2 by the address that breaks the boot rule",
            "stack-pointer", symbols={"ram_start": 0x30000298}),
    Variant("cortex-m7", "M7 with double precision, at the M4's addresses", "wrong-core",
            cpu=CORTEX_M7),
    Variant("cortex-m33", "v8-M, at the M4's addresses", "wrong-core", cpu=CORTEX_M33),
    Variant("ram-overflow", "more .bss than D2 has", "ram-overflow",
            symbols={"ram_size": 320 * KIB, "bss_more": 300 * KIB, "stack_start": 0x10048000}),
    Variant("object", "an object file", "elf-type", link="-r"),
    Variant("big-endian", "big-endian ARM", "elf-endian", cpu=CORTEX_M4 + " -mbig-endian"),
    Variant("host", "a program for the machine that runs the tests", "elf-class",
            source="host.c", cpu=""),
]

VARIANTS = {variant.name: variant for variant in ACCEPTED + REJECTED}

if __name__ == "__main__":
    for variant in VARIANTS.values():
        print(f"{variant.name:<16} {variant.about}")
