#!/usr/bin/python3
"""The interpreter against a compiler: routines.c, compiled for the Cortex-M7 at every optimisation
level and run on the simulated core, computes what it computes natively.

Usage: test_thumb.py THUMB_RUN ROUTINES_C. Without a cross compiler the test is skipped (77)."""

import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

THUMB_RUN, ROUTINES = sys.argv.pop(1), sys.argv.pop(1)
ARM = "arm-none-eabi-"
ROUTINE_COUNT = 13
SPECIAL = [0, 1, 2, 31, 32, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]

ENTRY = """
    .syntax unified
    .thumb
    .section .text.entry, "ax"
    push {lr}
    bl routine
    pop {pc}
"""

NATIVE_MAIN = """
#include <stdint.h>
#include <stdio.h>
uint32_t routine(uint32_t which, uint32_t a, uint32_t b, uint32_t c);
int main(void)
{
    unsigned w, a, b, c;
    while (scanf("%x%x%x%x", &w, &a, &b, &c) == 4)
        printf("%08x\\n", routine(w, a, b, c));
    return 0;
}
"""


def calls():
    """The lines of arguments: edge cases and random words, the same on every run."""
    rng = random.Random(1)
    words = lambda: [rng.choice(SPECIAL) if rng.random() < 0.4 else rng.getrandbits(32)
                     for _ in range(3)]
    return "".join(f"{which:x} {a:x} {b:x} {c:x}\n"
                   for which in range(ROUTINE_COUNT) for a, b, c in (words() for _ in range(150)))


def run(*command, **keywords):
    return subprocess.run(command, check=True, text=True, **keywords)


class Thumb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="thumb-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.path = pathlib.Path(cls.directory.name)
        (cls.path / "entry.s").write_text(ENTRY)
        (cls.path / "main.c").write_text(NATIVE_MAIN)
        native = cls.path / "native"
        run("cc", "-O1", "-fwrapv", "-o", native, cls.path / "main.c", ROUTINES)
        cls.input = calls()
        cls.expected = run(native, input=cls.input, stdout=subprocess.PIPE).stdout.split()

    def compile(self, *options):
        elf, binary = self.path / "routines.elf", self.path / "routines.bin"
        run(ARM + "gcc", "-mthumb", "-fwrapv", "-ffreestanding", "-ffunction-sections", "-nostdlib",
            "-fno-tree-loop-distribute-patterns",
            "-Wl,-Ttext=0x24000000,-e,routine",
            "-Wl,-z,max-page-size=4", *options, "-o", elf, self.path / "entry.s", ROUTINES, "-lgcc")
        run(ARM + "objcopy", "-O", "binary", elf, binary)
        return binary

    def check(self, *options):
        binary = self.compile(*options)
        done = subprocess.run([THUMB_RUN, self.path / "flash", binary], input=self.input,
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        results = [line.split()[0] for line in done.stdout.splitlines()]
        wrong = [(call, got, want) for call, got, want
                 in zip(self.input.splitlines(), results, self.expected) if got != want]
        self.assertEqual(wrong, [])
        self.assertEqual(len(results), len(self.expected))

    def test_cortex_m7(self):
        for level in ("-O0", "-O1", "-O2", "-O3", "-Os"):
            with self.subTest(level):
                self.check("-mcpu=cortex-m7", level)

    def test_cortex_m0(self):
        """This one has the 16-bit instructions only, of which OpenOCD's own routines are made."""
        for level in ("-O1", "-Os"):
            with self.subTest(level):
                self.check("-mcpu=cortex-m0", level)

    def test_unknown_instruction_locks_up(self):
        """vadd.f32, ldrex, svc, udf, a coprocessor: never guessed."""
        for code in ("30ee200a", "51e8000f", "00df", "00de", "10ee100f"):
            with self.subTest(code):
                (self.path / "bad.bin").write_bytes(bytes.fromhex(code))
                done = subprocess.run([THUMB_RUN, self.path / "flash", self.path / "bad.bin"],
                                      input="0 0 0 0\n", capture_output=True, text=True,
                                      check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn("unknown instruction at 24000000", done.stderr)


if __name__ == "__main__":
    if not shutil.which(ARM + "gcc"):
        sys.exit(77)
    unittest.main(verbosity=2)
