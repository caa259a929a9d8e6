#!/usr/bin/python3
"""Every fault under the real OpenOCD: its exit status, its words, what is left in the flash; and
after each of them the next push succeeds.

Usage: test_faults.py H7SIM"""

import signal
import sys
import tempfile
import unittest

from simulator import BANK2, BANK_SIZE, SECTOR_SIZE, Simulator, share_one_cpu, sketch, write_elf

H7SIM = sys.argv.pop(1)

CONNECT, LOADING = 597, 1500  # transactions: configuration done; in the middle of programming
HUNG = 3  # seconds of silence that OpenOCD is given before it is killed
POWER_CUT = 3
CRASHED = (1, -signal.SIGABRT)  # a lost adapter is an error or a failed assertion, as it falls
DEAD = ("Invalid ACK (7) in DAP response",)

# Fault, OpenOCD's exit statuses, texts that it prints.
DETECTED = [
    ("no-target-high", (1,), ("JTAG scan chain interrogation failed: all ones",)),
    ("no-target-low", (1,), ("JTAG scan chain interrogation failed: all zeroes",)),
    ("erase-fail:0", (1,), ("erase time-out or operation error sector 0",
                            "failed erasing sectors 0 to 0", "** Programming Failed **")),
    ("write-protect:0", (1,), ("wait_flash_op_queue, WRPERR detected",
                               "failed erasing sectors 0 to 0", "** Programming Failed **")),
    (f"write-error:{BANK2 + 0x44:#x}", (1,), ("flash write algorithm aborted by target",
                                              "flash write failed, FLASH_SR = 0x00410000",
                                              "error writing to flash", "** Programming Failed **")),
    (f"stuck-bit:{BANK2}:0", (1,), ("checksum mismatch - attempting binary compare",
                                    "** Verify Failed **")),
    (f"corrupt-word:{BANK2 + 0x104:#x}", (1,), ("checksum mismatch - attempting binary compare",
                                                "** Verify Failed **")),
    (f"die-after:{CONNECT}", (1,), DEAD),
    (f"die-after:{LOADING}", (1,), ("** Programming Started **",) + DEAD),
    ("wait-forever", (1,), ("Timeout during WAIT recovery",)),
    (f"wait-forever:{LOADING}", (1,), ("** Programming Started **",
                                       "Timeout during WAIT recovery")),
    ("drop", CRASHED, ()),
    (f"drop:{LOADING}", CRASHED, ("** Programming Started **",)),
]


class Faults(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="h7sim-")
        self.addCleanup(directory.cleanup)
        self.sim = Simulator(H7SIM, directory.name).start()
        self.addCleanup(self.sim.stop)
        self.image = sketch(4096)
        self.elf = write_elf(self.sim.file("sketch.elf"), self.image)

    def assert_good_push(self):
        self.sim.faults()
        status, output = self.sim.program(self.elf)
        self.assertEqual(status, 0, output)
        self.assertIn("** Verified OK **", output)
        self.assertEqual(self.sim.bank(2), self.image.ljust(BANK_SIZE, b"\xff"))
        stats = self.sim.stats()
        self.assertEqual((stats["state"], stats["m4_started"]), ("running", True))

    def test_detected(self):
        for fault, statuses, texts in DETECTED:
            with self.subTest(fault):
                self.sim.faults(fault)
                status, output = self.sim.program(self.elf)
                self.assertIn(status, statuses, output)
                for text in texts:
                    self.assertIn(text, output)
                self.assertNotIn("** Verified OK **", output)
                self.assert_good_push()

    def test_wait_sometimes_is_endured(self):
        for fault in ("wait-sometimes", "wait-sometimes:3"):
            with self.subTest(fault):
                self.sim.faults(fault)
                status, output = self.sim.program(self.elf)
                self.assertEqual(status, 0, output)
                self.assertIn("DAP transaction stalled (WAIT)", output)
                self.assertEqual(self.sim.bank(2)[:len(self.image)], self.image)

    def test_silence_ends_by_sigkill_only(self):
        for fault in ("silent", f"silent:{LOADING}"):
            with self.subTest(fault):
                self.sim.faults(fault)
                status, output = self.sim.program(self.elf, timeout=HUNG)
                self.assertIsNone(status, output)
                self.assert_good_push()

    def test_what_a_write_fault_leaves(self):
        """A stuck bit stays 1, a corrupt word is inverted, a failed flash word stays erased; the
        next word is not touched by any of them."""
        def after(fault):
            self.sim.faults(fault)
            self.sim.program(self.elf)
            return self.sim.bank(2)[:len(self.image)]

        changed = bytearray(self.image)
        changed[0] |= 1
        self.assertEqual(after(f"stuck-bit:{BANK2}:0"), changed)
        changed = bytearray(self.image)
        for i in range(0x104, 0x108):
            changed[i] ^= 0xFF
        self.assertEqual(after(f"corrupt-word:{BANK2 + 0x106:#x}"), changed)
        self.assertEqual(after(f"write-error:{BANK2 + 0x44:#x}"),
                         self.image[:0x40].ljust(len(self.image), b"\xff"))

    def test_failures_elsewhere_do_no_harm(self):
        self.sim.faults("erase-fail:1", "write-protect:7", f"write-error:{BANK2 + 0x1000:#x}",
                        "die-after:1000000", "power-cut-erase:2", "power-cut-word:129")
        status, output = self.sim.program(self.elf)
        self.assertEqual(status, 0, output)

    def test_counts_begin_anew(self):
        """Two clients of which each stays below every limit meet no fault."""
        self.sim.faults(f"die-after:{2 * CONNECT - 1}")
        for _ in range(2):
            self.assertEqual(self.sim.openocd("shutdown")[0], 0)
        self.sim.faults("power-cut-erase:2", "power-cut-word:200")
        for _ in range(2):
            self.assertEqual(self.sim.program(self.elf)[0], 0)

    def test_power_cut_in_an_erase(self):
        """The old sketch is half erased, the file survives, another start programs it."""
        self.assert_good_push()
        old = self.sim.bank(2)
        self.sim.faults("power-cut-erase:1")
        status, _ = self.sim.program(self.elf)
        self.assertIn(status, CRASHED)
        self.assertEqual(self.sim.stop(), POWER_CUT)
        self.assertFalse(self.sim.file("bridge").exists())
        half = self.sim.bank(2)
        self.assertEqual(half[:SECTOR_SIZE // 2], b"\xff" * (SECTOR_SIZE // 2))
        self.assertEqual(half[SECTOR_SIZE:], old[SECTOR_SIZE:])
        self.sim.start()
        self.assert_good_push()

    def test_half_erased_is_neither(self):
        """Of a full sector a power cut leaves some of the old, and some that never was there."""
        old = sketch(SECTOR_SIZE)
        self.sim.stop()
        flash = bytearray(self.sim.file("flash").read_bytes())
        flash[BANK_SIZE:BANK_SIZE + SECTOR_SIZE] = old
        self.sim.file("flash").write_bytes(flash)
        self.sim.start("--fault", "power-cut-erase:1")
        self.sim.program(self.elf)
        self.assertEqual(self.sim.stop(), POWER_CUT)
        half, quarter = self.sim.bank(2)[:SECTOR_SIZE], SECTOR_SIZE // 4
        self.assertEqual(half[3 * quarter:], old[3 * quarter:])
        middle = half[2 * quarter:3 * quarter]
        self.assertNotEqual(middle, old[2 * quarter:3 * quarter])
        self.assertNotEqual(middle, b"\xff" * quarter)

    def test_power_cut_in_a_word(self):
        for n in (1, 20, 128):
            with self.subTest(n):
                self.sim.faults(f"power-cut-word:{n}")
                status, _ = self.sim.program(self.elf)
                self.assertIn(status, CRASHED)
                self.assertEqual(self.sim.stop(), POWER_CUT)
                written = 32 * n - 16
                self.assertEqual(self.sim.bank(2),
                                 self.image[:written].ljust(BANK_SIZE, b"\xff"))
                self.sim.start()
                self.assert_good_push()

    def test_openocd_killed(self):
        """Whoever is killed in the middle leaves a chip that the next one can program."""
        self.sim.faults(f"silent:{LOADING}")
        status, _ = self.sim.program(self.elf, timeout=HUNG)
        self.assertIsNone(status)
        self.assertNotEqual(self.sim.stats()["state"], "running")
        self.assertFalse(self.sim.file("bridge").exists())
        self.assert_good_push()
        self.assertTrue(self.sim.file("bridge").exists())


if __name__ == "__main__":
    share_one_cpu()
    unittest.main(verbosity=2)
