#!/usr/bin/python3
"""What programming costs: the counters of real OpenOCD runs against the figures that another
simulator of this chip once gave, to within 2%, and the flash afterwards byte for byte.

Usage: test_figures.py H7SIM"""

import sys
import tempfile
import unittest

from simulator import BANK_SIZE, SECTOR_SIZE, Simulator, share_one_cpu, sketch, write_elf

H7SIM = sys.argv.pop(1)

CONNECT = (48_667, 597)  # clocks, transactions
VERIFY = (74_199, 1_111)  # connect and verify_image, equal, any size
PROGRAM = {  # KiB: clocks, transactions, erased sectors
    4: (188_954, 3_072, 1),
    300: (3_937_251, 79_541, 3),
    1024: (13_107_216, 266_616, 8),
}


class Figures(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="h7sim-")
        self.addCleanup(directory.cleanup)
        self.sim = Simulator(H7SIM, directory.name).start()
        self.addCleanup(self.sim.stop)
        self.before = self.sim.bank(1)

    def elf(self, size, seed=0):
        image = sketch(size, seed)
        return image, write_elf(self.sim.file("sketch.elf"), image)

    def cost(self, run):
        """Clocks, transactions and erases in bank 2 of one client."""
        before = self.sim.stats() if self.sim.clients else None
        status, output = run()
        self.assertEqual(status, 0, output)
        after = self.sim.stats()
        counts = []
        for key in ("clocks", "transactions"):
            counts.append(after[key] - (before[key] if before else 0))
        old = before["erases"]["bank2"] if before else [0] * 8
        return counts, [new - o for new, o in zip(after["erases"]["bank2"], old)]

    def assert_near(self, counts, figures):
        for count, figure in zip(counts, figures):
            self.assertAlmostEqual(count / figure, 1, delta=0.02, msg=f"{count} for {figure}")

    def assert_left_well(self, image):
        stats = self.sim.stats()
        self.assertEqual(stats["state"], "running")
        self.assertTrue(stats["m4_started"])
        self.assertTrue(self.sim.file("bridge").exists())
        self.assertEqual((stats["lockups"], stats["unknown_accesses"]), (0, 0))
        self.assertEqual(stats["erases"]["bank1"], [0] * 8)
        self.assertEqual(stats["words"]["bank1"], 0)
        self.assertEqual(self.sim.bank(1), self.before)
        self.assertEqual(self.sim.bank(2), image.ljust(BANK_SIZE, b"\xff"))

    def test_connect(self):
        counts, erases = self.cost(lambda: self.sim.openocd("shutdown"))
        self.assert_near(counts, CONNECT)
        self.assertEqual(erases, [0] * 8)
        self.assertEqual(self.sim.stats()["state"], "halted")
        self.assertFalse(self.sim.file("bridge").exists())

    def test_program(self):
        for kib, (clocks, transactions, sectors) in PROGRAM.items():
            with self.subTest(kib=kib):
                self.sim.stop()
                self.sim.start()
                image, elf = self.elf(kib * 1024, seed=kib)
                counts, erases = self.cost(lambda: self.sim.program(elf))
                self.assert_near(counts, (clocks, transactions))
                self.assertEqual(erases, [1] * sectors + [0] * (8 - sectors))
                self.assertEqual(self.sim.stats()["words"]["bank2"], kib * 1024 // 32)
                self.assert_left_well(image)

    def test_same_again(self):
        """The counts are not only near: from the same state of the chip they are equal."""
        image, elf = self.elf(4096)
        first = self.cost(lambda: self.sim.program(elf))
        second, _ = self.cost(lambda: self.sim.program(elf))
        self.assert_near(second, first[0])
        self.assert_left_well(image)
        self.sim.stop()
        self.sim.start()
        self.assertEqual(self.cost(lambda: self.sim.program(elf)), first)

    def test_verify_of_any_size(self):
        for size in (4096, 3 * SECTOR_SIZE):
            _, elf = self.elf(size)
            self.cost(lambda: self.sim.program(elf))
            counts, _ = self.cost(lambda: self.sim.openocd(f"verify_image {elf}; shutdown"))
            self.assert_near(counts, VERIFY)


if __name__ == "__main__":
    share_one_cpu()
    unittest.main(verbosity=2)
