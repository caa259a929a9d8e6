"""Debian's Arduino IDE 1.8.19 without a screen: a sketchbook of its own with a core for the board,
into which scripts/arduino/install has put our recipe.
"""

import os
import re
import shutil
import subprocess

from attached import M4FLASH

from harness import processes
from harness.waiting import LIMIT

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SKETCHES = os.path.join(ROOT, "tests", "sketches")
INSTALL = os.path.join(ROOT, "scripts", "arduino", "install")
SKETCH = os.path.join(HERE, "Blink", "Blink.ino")
CORE = "test:mbed_portenta"


class Screen:
    """An X server that shows nothing; the IDE wants one even when it is run from a shell."""

    def __init__(self):
        read, write = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-nolisten", "tcp", "-screen", "0", "800x600x24"],
            pass_fds=[write], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        processes.companions.add(self.process.pid)
        os.close(write)
        with open(read, encoding="ascii") as file:
            self.display = ":" + file.readline().strip()

    def close(self):
        self.process.terminate()
        self.process.wait(LIMIT)
        processes.companions.discard(self.process.pid)


class Sketchbook:
    """Made once for all tests: the IDE only reads it, but for the folder of the last build."""

    def __init__(self, folder):
        self.folder = folder
        self.core = os.path.join(folder, "hardware", "test", "mbed_portenta")
        self.build = os.path.join(folder, "build")
        self.home = os.path.join(folder, "home")
        self.elf = os.path.join(self.build, "Blink.ino.elf")
        shutil.copytree(os.path.join(HERE, "platform"), self.core)
        for name in ["startup.c", "sketch.h", "sketch.ld"]:
            shutil.copy(os.path.join(SKETCHES, name), os.path.join(self.core, "cores", "tiny"))
        os.mkdir(self.build)
        os.mkdir(self.home)
        subprocess.run([INSTALL, self.core], check=True, stdout=subprocess.DEVNULL)


class Ide:
    """At a computer with adb, and with m4flash if wanted."""

    def __init__(self, sketchbook, screen, adb):
        self.sketchbook = sketchbook
        self.environment = adb.environment | {
            "DISPLAY": screen.display,
            "HOME": sketchbook.home,
            "JAVA_TOOL_OPTIONS": f"-Duser.home={sketchbook.home}",
        }
        self.folder = os.path.join(adb.home, "bin")
        os.mkdir(self.folder)
        self.environment["PATH"] = self.folder + ":" + self.environment["PATH"]

    def install_m4flash(self):
        os.symlink(M4FLASH, os.path.join(self.folder, "m4flash"))
        self.environment["M4FLASH_BOARDS_DIR"] = os.environ["M4FLASH_BOARDS_DIR"]

    def upload(self, *options, board="portenta_x8"):
        """Presses the button. Its exit status, and what its console says of the upload."""
        done = subprocess.run(
            ["arduino", "--upload", "--board", f"{CORE}:{board}", "--port", "/dev/ttyACM0",
             "--pref", f"sketchbook.path={self.sketchbook.folder}",
             "--pref", f"build.path={self.sketchbook.build}",
             *options, SKETCH],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=4 * LIMIT, check=False)
        console = done.stdout.decode()
        assert "Uploading..." in console, console
        # Its two streams come to us in any order.
        console = re.sub(r"Picked up JAVA_TOOL_OPTIONS.*\n", "", console)
        return done.returncode, console
