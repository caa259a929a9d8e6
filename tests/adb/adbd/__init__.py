"""A stand-in for the adbd of the board (Android 5.1.1): what the real adb client needs to push a
file and to run a command, with the same system calls in the same order and the same shortcomings.
"""

from adbd.device import Device

__all__ = ["Device"]
