#!/usr/bin/python3
"""The chip under the real OpenOCD: memories, flash operations, routines with breakpoints, reset.

Usage: test_chip.py H7SIM"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

from simulator import (BANK2, BANK_SIZE, CONFIGURATION, SECTOR_SIZE, Simulator, share_one_cpu,
                       sketch, write_elf)

H7SIM = sys.argv.pop(1)

CR, KEYR, SR, CCR = 0x5200210C, 0x52002104, 0x52002110, 0x52002114  # of bank 2
UNLOCK = f"mww {KEYR} 0x45670123; mww {KEYR} 0xCDEF89AB"
PGSERR, INCERR, OPERR = 1 << 18, 1 << 21, 1 << 22

# movs r0, #0; 1: adds r0, #1; cmp r0, #10; bne 1b; bkpt
COUNT_TO_TEN = bytes.fromhex("0020 0130 0a28 fcd1 00be")


def echo(*commands):
    """Prints the result of each command on a line of its own, after a mark."""
    return "; ".join(f"echo \"= [{command}]\"" for command in commands)


class Chip(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="h7sim-")
        self.addCleanup(directory.cleanup)
        self.sim = Simulator(H7SIM, directory.name).start()
        self.addCleanup(self.sim.stop)

    def openocd(self, *commands, status=0):
        """What the commands printed after the mark of echo()."""
        got, output = self.sim.openocd("; ".join(commands + ("shutdown",)))
        self.assertEqual(got, status, output)
        return [line[2:].strip() for line in output.splitlines() if line.startswith("= ")]

    def status_register(self, *commands):
        line, = self.openocd(UNLOCK, *commands, echo(f"mdw {SR}"))
        return int(line.split()[1], 16)

    def registers(self, lines):
        return [int(re.search(r"0x[0-9a-f]+$", line)[0], 16) for line in lines]

    def test_configuration_without_a_socket(self):
        environment = {key: value for key, value in os.environ.items() if key != "H7SIM_SOCKET"}
        done = subprocess.run(["openocd", "-f", CONFIGURATION], env=environment, check=False,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("H7SIM_SOCKET is not set", done.stderr)

    def test_memory(self):
        """Words, halfwords, bytes; a block over the 1 KiB in which the address counts itself; the
        D2 SRAM at both of its addresses."""
        block = sketch(5000)
        self.sim.file("block").write_bytes(block)
        lines = self.openocd(
            "mww 0x24000000 0x12345678", "mwb 0x24000001 0xab", "mwh 0x24000006 0xcdef",
            echo("mdw 0x24000000 2", "mdh 0x24000002", "mdb 0x24000000 3"),
            "mww 0x30000010 0x600df00d", echo("mdw 0x10000010"),
            "load_image block 0x38000103 bin", "dump_image back 0x38000103 5000")
        self.assertEqual(lines, ["0x24000000: 1234ab78 cdef0000", "0x24000002: 1234",
                                 "0x24000000: 78 ab 34", "0x10000010: 600df00d"])
        self.assertEqual(self.sim.file("back").read_bytes(), block)

    def test_address_counts_inside_1_kib(self):
        """TAR goes back to the start of its block; OpenOCD never lets it come to that."""
        register = "stm32h7x.dap apreg 0"
        lines = self.openocd("poll off; mww 0x24000000 0; mww 0x24000400 0", f"{register} 0x00 0x0b000012",
                             f"{register} 0x04 0x240003fc", f"{register} 0x0c 0x11111111",
                             f"{register} 0x0c 0x22222222", echo(f"{register} 0x04"),
                             f"{register} 0x04 0", echo("mdw 0x240003fc", "mdw 0x24000000",
                                                        "mdw 0x24000400"))
        self.assertEqual(self.registers(lines[:1]), [0x24000004])
        self.assertEqual([line.split()[1] for line in lines[1:]],
                         ["11111111", "22222222", "00000000"])

    def test_nothing_there(self):
        self.openocd("mdw 0x60000000", status=1)
        self.assertGreater(self.sim.stats()["unknown_accesses"], 0)

    def test_write_image_and_check(self):
        image = sketch(SECTOR_SIZE + 1000)
        elf = write_elf(self.sim.file("sketch.elf"), image)
        self.openocd(f"flash write_image erase {elf}", f"verify_image_checksum {elf}",
                     f"dump_image back {BANK2} {len(image)}")
        self.assertEqual(self.sim.file("back").read_bytes(), image)
        self.assertEqual(self.sim.bank(2), image.ljust(BANK_SIZE, b"\xff"))

    def test_erase(self):
        image = sketch(3 * SECTOR_SIZE)
        self.sim.file("image").write_bytes(image)
        info = self.openocd(f"flash write_image erase image {BANK2} bin",
                            "flash erase_sector stm32h7x.bank2.cpu0 1 1",
                            "flash erase_check stm32h7x.bank2.cpu0",
                            "echo \"= [string map {\\n |} [flash info stm32h7x.bank2.cpu0]]\"")
        states = re.findall(r"#\s*(\d): \S+ \(\S+ 128kB\) not protected", info[0])
        self.assertEqual(states, list("01234567"), info)
        self.assertEqual(self.sim.stats()["erases"]["bank2"], [1, 2, 1, 0, 0, 0, 0, 0])
        left = image[:SECTOR_SIZE] + b"\xff" * SECTOR_SIZE + image[2 * SECTOR_SIZE:]
        self.assertEqual(self.sim.bank(2), left.ljust(BANK_SIZE, b"\xff"))

    def test_bank_erase(self):
        self.sim.file("image").write_bytes(sketch(2 * SECTOR_SIZE))
        before = self.sim.bank(1)
        self.openocd(f"flash write_image erase image {BANK2} bin", UNLOCK, f"mww {CR} 0x88")
        self.assertEqual(self.sim.bank(2), b"\xff" * BANK_SIZE)
        self.assertEqual(self.sim.bank(1), before)
        self.assertEqual(self.sim.stats()["erases"]["bank2"], [2, 2, 1, 1, 1, 1, 1, 1])

    def test_programming_needs_an_erase(self):
        elf = write_elf(self.sim.file("sketch.elf"), sketch(4096))
        status, output = self.sim.openocd(f"flash write_image {elf}; flash write_image {elf}")
        self.assertEqual(status, 1)
        self.assertIn("flash write failed, FLASH_SR", output)

    def test_flash_word(self):
        """It is programmed when its 32nd byte arrives, not before; one write is one word's."""
        word = "; ".join(f"mww {BANK2 + 4 * i} {0x1000 + i}" for i in range(7))
        self.assertEqual(self.status_register(f"mww {CR} 2", word) & ~2, 0)
        self.assertEqual(self.sim.bank(2)[:32], b"\xff" * 32)
        status = self.status_register(f"mww {CR} 2", word, f"mww {BANK2 + 28} 7")
        self.assertEqual(status, 1 << 16)
        self.assertEqual(self.sim.bank(2)[24:32], bytes.fromhex("0610000007000000"))
        self.assertEqual(self.sim.stats()["words"]["bank2"], 1)

    def test_refused_writes(self):
        """Without PG, in another flash word than the one begun, and in one that is programmed."""
        self.assertEqual(self.status_register(f"mww {BANK2} 0"), PGSERR)
        self.assertEqual(self.status_register(f"mww {CR} 2; mww {BANK2} 0; mww {BANK2 + 32} 0"),
                         INCERR | 2)
        word = "; ".join(f"mww {BANK2 + 4 * i} 0" for i in range(8))
        self.assertEqual(self.status_register(f"mww {CR} 2; {word}; {word}") & OPERR, OPERR)
        self.assertEqual(self.sim.bank(2)[32:], b"\xff" * (BANK_SIZE - 32))

    def test_wrong_key_locks_until_reset(self):
        erase = f"mww {CR} 0x04; mww {CR} 0x84"
        self.openocd(f"mww {KEYR} 1; {UNLOCK}; {erase}")
        self.assertEqual(sum(self.sim.stats()["erases"]["bank2"]), 0)
        self.openocd(f"{UNLOCK}; {erase}")
        self.assertEqual(self.sim.stats()["erases"]["bank2"][0], 1)

    def test_routine_with_breakpoints(self):
        self.sim.file("routine").write_bytes(COUNT_TO_TEN)
        run = "resume; wait_halt"
        values = self.registers(self.openocd(
            "load_image routine 0x24000000 bin", "reg pc 0x24000000", "bp 0x24000002 2 hw",
            run, echo("reg r0"), run, echo("reg r0"), "step", echo("reg pc"), "rbp 0x24000002",
            "bp 0x24000006 2", run, echo("reg r0"), "rbp 0x24000006", run,
            echo("reg r0", "reg pc", "reg xPSR")))
        self.assertEqual(values, [0, 1, 0x24000004, 2, 10, 0x24000008, 0x61000000])

    def test_routine_that_waits(self):
        """A loop that waits for the debugger goes on when the debugger has written."""
        # ldr r1, [r0]; cmp r1, #0; beq .-4; bkpt
        self.sim.file("routine").write_bytes(bytes.fromhex("0168 0029 fcd0 00be"))
        lines = self.openocd("load_image routine 0x24000000 bin", "mww 0x24001000 0",
                             "reg r0 0x24001000", "reg pc 0x24000000", "resume", "sleep 50",
                             echo("stm32h7x.cpu0 curstate"), "mww 0x24001000 5", "wait_halt",
                             echo("reg r1"))
        self.assertEqual(lines[0], "running")
        self.assertEqual(self.registers(lines[1:]), [5])

    def test_lockup(self):
        self.sim.file("routine").write_bytes(bytes.fromhex("00de"))  # udf
        self.openocd("load_image routine 0x24000000 bin", "reg pc 0x24000000", "resume",
                     "wait_halt")
        stats = self.sim.stats()
        self.assertEqual(stats["lockups"], 1)
        self.assertEqual(stats["last_lockup"], {"pc": "0x24000000", "instruction": "0x0000de00",
                                                "reason": "unknown instruction"})

    def test_reset_and_boot_rule(self):
        bridge = self.sim.file("bridge")
        self.assertTrue(bridge.read_text())
        for stack_pointer, started in ((0x10048000, True), (0x20020000, False)):
            image = sketch(4096, stack_pointer=stack_pointer)
            self.sim.file("image").write_bytes(image)
            self.openocd(f"flash write_image erase image {BANK2} bin")
            self.assertEqual(self.sim.stats()["state"], "halted")
            self.assertFalse(bridge.exists())
            self.openocd("reset run")
            stats = self.sim.stats()
            self.assertEqual((stats["state"], stats["m4_started"]), ("running", started))
            self.assertTrue(bridge.exists())

    def test_soft_reset(self):
        """SYSRESETREQ, for those who have no reset pin."""
        self.openocd()
        by_pin = self.sim.stats()["resets"]
        self.openocd("reset_config none", "reset run")
        stats = self.sim.stats()
        self.assertEqual((stats["resets"], stats["state"]), (2 * by_pin + 1, "running"))

    def test_resume_gives_the_bridge_back(self):
        self.openocd("resume")
        self.assertEqual(self.sim.stats()["state"], "running")
        self.assertTrue(self.sim.file("bridge").exists())


if __name__ == "__main__":
    share_one_cpu()
    unittest.main(verbosity=2)
