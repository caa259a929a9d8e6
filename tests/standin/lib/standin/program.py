"""The command line, and the two procedures of m4flash.tcl as the real program runs them."""

import os
import signal
import time

from standin import nuisance, options, plan, tcl, texts
from standin.control import Control
from standin.flash import BANK, SECTOR, START, WORD, Flash
from standin.image import Image
from standin.output import Output

PORTS = [["gdb_port", "disabled"], ["tcl_port", "disabled"], ["telnet_port", "disabled"]]
FIFO = 16352  # bytes that OpenOCD sends before it looks how far the chip has come


class Failure(Exception):
    """A failed run: what OpenOCD says of it, and our procedure's own message."""

    def __init__(self, lines, message=""):
        super().__init__(message)
        self.lines, self.message = lines, message


class Exit(Exception):
    def __init__(self, status, *lines):
        super().__init__(status)
        self.status, self.lines = status, lines


class Run:
    def __init__(self, argv, out):
        self.argv, self.out = argv, out
        self.control = self.script = self.stage_name = None
        self.met_chip = False

    def run(self, command):
        name, args = command[0], command[1:]
        if command in PORTS:
            return
        if name == "script" and len(args) == 1:
            if not os.path.exists(args[0]):
                raise Exit(1, *texts.missing_script(args[0]))
            self.script = args[0]
        elif name in ("m4flash_program", "m4flash_update") and self.script:
            if len(args) != 5:
                raise Exit(1, f'wrong # args: should be "{name} config image_dir start '
                              'sector_size n"')
            self.procedure(name.removeprefix("m4flash_"), args)
        elif name == "m4flash_release" and self.script:
            if len(args) != 1:
                raise Exit(1, 'wrong # args: should be "m4flash_release config"')
            self.procedure("release", args)
        else:
            raise Exit(1, f'invalid command name "{name}"')

    def procedure(self, action, args):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        try:
            self.control = Control(args[0], action)
        except OSError:
            self.say("stage connect")
            self.say(f"error connect Can't find {args[0]}")
            raise Exit(1, texts.SHUTDOWN, *texts.trace(self.script)) from None
        self.control.log(event="start", argv=self.argv)
        self.out.split = self.control.mode == "split"
        try:
            self.connect()
            if action != "release":
                self.program(action, args[1], *(int(arg, 0) for arg in args[2:]))
            self.reset()
        except Failure as failure:
            self.fail(failure)
        self.control.log(event="end", status=0)
        raise Exit(0, texts.SHUTDOWN, texts.QUIT)

    # The steps of our procedures.

    def say(self, text):
        self.out.line("m4flash: " + text)

    def stage(self, name):
        self.say("stage " + name)
        self.stage_name = name
        nuisance.at_stage(name, self.control, self.out)

    def fails(self, mode, sector=None):
        """True if this is the run, and the sector, to fail in this way."""
        return self.control.mode == mode and sector in (None, int(self.control.number("sector")))

    def connect(self):
        self.stage("connect")
        if self.control.mode in texts.UNREACHABLE:
            lines, message = texts.UNREACHABLE[self.control.mode]
            self.met_chip = set(texts.EXAMINED) <= set(lines)
            raise Failure(lines, message)
        self.out.lines(texts.ADAPTER + texts.EXAMINED + texts.CHAIN + texts.HALTED)
        self.met_chip = True
        self.say("connected")

    def program(self, action, image_dir, *where):
        everything = action == "program"
        if os.path.exists(os.path.join(image_dir, "start.bin")):
            try:
                self.by_routine(everything, image_dir, *where)
                return
            except Failure as failure:
                self.say(f"again without the routine on the chip: {failure.message}")
                self.out.lines(texts.CHAIN + texts.HALTED)
                everything |= self.stage_name != "connect"
        self.by_openocd(everything, image_dir, *where)

    def leave_early(self):
        if self.control.mode == "exit-0-without-done":
            self.control.log(event="end", status=0)
            raise Exit(0, texts.SHUTDOWN, texts.QUIT)

    def by_openocd(self, everything, image_dir, start, sector_size, n):
        self.await_plan(image_dir)
        image = Image(image_dir, sector_size, n)
        if image.wrong:
            raise Failure([], image.wrong)
        flash = self.find_bank(start, sector_size * n)
        self.leave_early()
        if not everything and flash.read(start, sector_size * n) == image.filled():
            self.say("unchanged")
            return
        self.erase(flash, start, sector_size, n)
        self.write(flash, start, image.bytes)
        self.verify(flash, start, sector_size, image.filled())

    def await_plan(self, image_dir):
        way = plan.wait(image_dir)
        if way is None:
            raise Failure([], "the daemon has refused this image")
        return way

    def by_routine(self, everything, image_dir, start, sector_size, n):
        """The chip does it, so OpenOCD has nothing to say but what our procedure does."""
        if self.control.mode == "missing-bank":
            raise Failure([], "the routine does not answer")
        flash = Flash(self.control.text("flash"))
        sectors = range(0, n * sector_size, sector_size)
        found = [plan.crc(flash.read(start + sector, sector_size)) for sector in sectors]
        way = self.await_plan(image_dir)
        image = Image(image_dir, sector_size, n).filled()
        if not way:
            raise Failure([], "there is no plan for it")
        self.leave_early()
        changed = plan.changed(way, found, everything)
        if not changed:
            self.say("unchanged")
            return
        self.send_all(flash, start, image, changed, sector_size)
        self.stage("verify")
        if self.control.mode == "verify-failed" or flash.read(start, len(image)) != image:
            raise Failure([], "checksum mismatch")

    def send_all(self, flash, start, image, changed, sector_size):
        """The first flash word of sector 0 comes last."""
        sizes = {sector: len(image[sector * sector_size:][:sector_size].rstrip(b"\xff"))
                 for sector in changed}
        done, total = 0, sum(sizes.values())
        self.stage("erase")
        self.stage("write")
        self.say(f"progress 0 {total}")
        for sector in changed:
            self.say(f"sector {sector}")
            self.send(flash, start, image, sector, sector_size)
            done += sizes[sector]
            self.say(f"progress {done} {total}")
        if 0 in changed:
            flash.write(start, image[:WORD])

    def send(self, flash, start, image, sector, sector_size):
        first, last = sector * sector_size, (sector + 1) * sector_size
        if self.fails("erase-failed", sector) or self.fails("write-protected", sector):
            self.refuse("erase failed", start + first)
        for part in range(start + first, start + last, SECTOR):
            flash.erase(part)
        self.pause()
        skip = WORD if sector == 0 else 0
        if self.fails("write-failed", sector) or \
                not flash.write(start + first + skip, image[first + skip:last]):
            self.refuse("write failed", start + first)
        self.pause()

    @staticmethod
    def refuse(text, address):
        raise Failure([], f"{text} at 0x{address:08x}, FLASH_SR = 0x00400000")

    def find_bank(self, start, size):
        """The bank that begins last before start is asked for its size, if there is one."""
        bank = 1 if start >= START + BANK and self.control.mode != "missing-bank" else 0
        if start >= START:
            self.out.lines(texts.bank(bank))
        if not START + bank * BANK <= start < start + size <= START + (bank + 1) * BANK:
            raise Failure([], f"no flash bank holds 0x{start:08x} to 0x{start + size - 1:08x}")
        return Flash(self.control.text("flash"))

    def erase(self, flash, start, sector_size, n):
        self.stage("erase")
        for sector in range(n):
            self.say(f"sector {sector}")
            if sector == 0 and start >= START + BANK:
                self.out.lines(texts.bank(0))
            address = start + sector * sector_size
            if (address - START) % SECTOR or sector_size % SECTOR:
                last = address + sector_size - 1
                raise Failure([f"Error: address range 0x{address:08x} .. 0x{last:08x} is not "
                               "sector-aligned"])
            number = (address - START) % BANK // SECTOR
            if self.fails("erase-failed", sector):
                raise Failure(texts.erase_failed(number))
            if self.fails("write-protected", sector):
                raise Failure(texts.erase_failed(number, texts.WRITE_PROTECTED))
            for part in range(address, address + sector_size, SECTOR):
                flash.erase(part)
            self.pause()

    def write(self, flash, start, image):
        """All but the first flash word, then that."""
        total, first = len(image), min(len(image), WORD)
        self.stage("write")
        self.say(f"progress 0 {total}")
        self.write_part(flash, start + first, image[first:])
        self.say(f"progress {total - first} {total}")
        self.write_part(flash, start, image[:first])
        self.say(f"progress {total} {total}")

    def write_part(self, flash, address, data):
        if not data:
            return
        pad = -len(data) % WORD
        if pad:
            self.out.line(texts.padding(address + len(data), pad))
        failure = Failure(texts.write_failed(address - address % BANK, address % BANK))
        for offset in range(0, len(data), FIFO):
            chunk = data[offset:offset + FIFO]
            self.out.line(texts.written(offset, (len(data) + pad - offset) // WORD))
            sector = (address + offset + len(chunk) - 1) % BANK // SECTOR
            if self.fails("write-failed", sector) or not flash.write(address + offset, chunk):
                raise failure
            self.pause(len(chunk) / SECTOR)

    def verify(self, flash, start, sector_size, image):
        self.stage("verify")
        if self.control.mode != "verify-failed" and flash.read(start, len(image)) == image:
            return
        self.out.line(texts.MISMATCH)
        for sector in range(len(image) // sector_size):
            offset = sector * sector_size
            self.say(f"sector {sector}")
            differs = flash.read(start + offset, sector_size) != image[offset:offset + sector_size]
            if differs or self.fails("verify-failed", sector):
                raise Failure([texts.MISMATCH])
        raise Failure([])

    def reset(self):
        self.stage("reset")
        self.out.lines(texts.CHAIN)
        self.say("released")
        self.stage("done")

    def pause(self, sectors=1.0):
        time.sleep(self.control.number("delay") * sectors)

    def fail(self, failure):
        self.out.lines(failure.lines)
        self.say(f"error {self.stage_name} {failure.message}".rstrip())
        if self.met_chip:
            self.out.lines(texts.CHAIN)
            if self.control.mode == "halt-timeout":
                self.out.line(texts.CANNOT_RESET)
            self.say("released")
        self.control.log(event="end", status=1)
        raise Exit(1, texts.SHUTDOWN, *texts.trace(self.script), texts.QUIT)


def main(argv):
    out = Output()
    out.lines(texts.BANNER)
    try:
        given = options.parse(argv)
        if any(letter in "hv" for letter, _ in given):
            return 0
        run = Run(argv, out)
        for letter, value in given:
            scripts = [["script", value]] if letter == "f" else \
                tcl.commands(value) if letter == "c" else []
            for command in scripts:
                run.run(command)
        nuisance.hang()  # no shutdown: the real one would be serving now
    except (options.Usage, tcl.TclError) as error:
        out.line(str(error))
        return 1
    except Exit as end:
        out.lines(end.lines)
        return end.status
    return 0
