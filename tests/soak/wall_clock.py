"""The daemon's wall clock (clock.c): real, shifted, or held."""

import mmap
import os
import struct
import time

CLOCK = os.environ.get("SOAK_CLOCK_LIBRARY", "libsoak_clock.so")


class WallClock:
    def __init__(self, folder):
        self.path = os.path.join(folder, "clock")
        with open(self.path, "wb") as file:
            file.write(bytes(16))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 16)

    def environment(self):
        return {"LD_PRELOAD": CLOCK, "SOAK_CLOCK": self.path}

    def set(self, nsec, held):
        self.map[:] = struct.pack("@qq", int(nsec), held)

    def shift(self, seconds):
        """From now on it is so far from the system's."""
        self.set(seconds * 1e9, 0)

    def hold(self, seconds):
        """It stands still, so long after the epoch."""
        self.set(seconds * 1e9, 1)

    def now(self):
        nsec, held = struct.unpack("@qq", self.map[:])
        return nsec / 1e9 if held else time.time() + nsec / 1e9
