"""The command line, and the two procedures of m4flash.tcl as the real program runs them."""

import os
import signal
import subprocess
import sys
import time

from standin import tcl, texts
from standin.control import Control
from standin.flash import BANK, SECTOR, START, Flash
from standin.output import Output

PORTS = [["gdb_port", "disabled"], ["tcl_port", "disabled"], ["telnet_port", "disabled"]]
SHORT = {"h": 0, "v": 0, "d": 0, "l": 1, "s": 1, "f": 1, "c": 1}
LONG = {"help": "h", "version": "v", "debug": "d", "log_output": "l", "search": "s", "file": "f",
        "command": "c"}


class Failure(Exception):
    """A failed run: what OpenOCD says of it, and our procedure's own message."""

    def __init__(self, stage, lines, message):
        super().__init__(message)
        self.stage, self.lines, self.message = stage, lines, message


class Exit(Exception):
    def __init__(self, status, *lines):
        super().__init__(status)
        self.status, self.lines = status, lines


def parse_options(argv):
    """OpenOCD's options as (letter, argument), in order. -d takes its argument only attached."""
    options, i = [], 1
    while i < len(argv):
        word = argv[i]
        i += 1
        if word.startswith("--") and len(word) > 2:
            name, attached, value = word[2:].partition("=")
            letter = LONG.get(name)
            if not letter:
                raise Exit(1, f"{argv[0]}: unrecognized option '{word}'")
        elif word.startswith("-") and len(word) > 1:
            letter, value = word[1], word[2:]
            attached = value
            if letter not in SHORT:
                raise Exit(1, f"{argv[0]}: invalid option -- '{letter}'")
        else:
            raise Exit(1, f"Unexpected command line argument: {word}")
        if SHORT[letter] and not attached:
            if i == len(argv):
                raise Exit(1, f"{argv[0]}: option requires an argument -- '{letter}'")
            value = argv[i]
            i += 1
        options.append((letter, value))
    return options


class Run:
    def __init__(self, argv, out):
        self.argv, self.out = argv, out
        self.control = self.flash = None
        self.loaded = False
        self.connected = False

    # Lines of our procedure.

    def say(self, text):
        self.out.line("m4flash: " + text)

    def stage(self, name):
        self.say("stage " + name)
        mode = self.control.mode
        if mode == "hang" and name == "connect" or \
                mode == "hang-at-stage" and name == self.control.text("stage", "write"):
            self.hang()
        if name == self.control.text("stage", "write"):
            self.disturb(mode)

    # Disturbances that the real program only shows by accident.

    @staticmethod
    def hang():
        while True:
            time.sleep(3600)

    def disturb(self, mode):
        if mode == "crash":
            self.out.line(texts.ASSERTION)
            self.end(-signal.SIGABRT)
            os.abort()
        if mode == "crash-signal":
            self.end(-signal.SIGSEGV)
            signal.signal(signal.SIGSEGV, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGSEGV)
        if mode == "silence":
            time.sleep(self.control.number("silence", 5))
        if mode == "flood":
            self.out.flood()
        if mode == "forged":
            self.out.lines(texts.FORGED)
        if mode == "grandchild":
            subprocess.Popen(["/bin/sleep", self.control.text("grandchild", "600")],
                             start_new_session=True)

    def end(self, status):
        self.control.log(event="end", status=status)

    # The commands.

    def run(self, command):
        name, args = command[0], command[1:]
        if command in PORTS:
            return
        if name == "script" and len(args) == 1:
            if not os.path.exists(args[0]):
                raise Exit(1, *texts.missing_script(args[0]))
            self.loaded = True
        elif name == "m4flash_program" and self.loaded:
            if len(args) != 5:
                raise Exit(1, 'wrong # args: should be "m4flash_program config image_dir start '
                              'sector_size n"')
            self.procedure("program", args)
        elif name == "m4flash_release" and self.loaded:
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
            raise Exit(1, texts.SHUTDOWN) from None
        self.control.log(event="start", argv=self.argv)
        self.out.split = self.control.mode == "split"
        try:
            self.connect()
            if action == "program":
                self.program(args[1], int(args[2], 0), int(args[3], 0), int(args[4], 0))
            self.reset()
        except Failure as failure:
            self.fail(failure)
        self.end(0)
        raise Exit(0, *([] if self.control.mode == "exit-0-without-done" else [texts.SHUTDOWN]))

    def fail(self, failure):
        self.out.lines(failure.lines)
        self.say(f"error {failure.stage} {failure.message}")
        if self.connected and self.control.mode not in texts.DEAD_AFTER:
            self.say("released")
        self.end(1)
        raise Exit(1, texts.SHUTDOWN)

    def fail_if(self, stage, sector=None):
        """Fails if this mode does so here: modes with a sector fail in the one that control says."""
        found = texts.FAILURES.get(self.control.mode)
        if not found or found[0] != stage:
            return
        if sector is None or sector == int(self.control.number("sector")):
            raise Failure(stage, [text.format(sector=sector) for text in found[1]], found[2])

    def connect(self):
        self.stage("connect")
        self.fail_if("connect")
        self.out.lines(texts.CONNECTED)
        self.connected = True
        self.say("connected")

    def program(self, image_dir, start, size, count):
        self.flash = Flash(self.control.text("flash", os.devnull))
        if self.control.mode == "missing-bank" or size != SECTOR or (start - START) % SECTOR or \
                not START <= start < start + size * count <= START + 2 * BANK:
            raise Failure("connect", [], f"no flash bank at 0x{start:08x}")
        images = [self.image(image_dir, n) for n in range(count)]
        sectors = [(n, start + n * size, images[n]) for n in range(count)]
        self.stage("erase")
        for n, address, _ in sectors:
            self.say(f"sector {n}")
            self.fail_if("erase", n)
            self.flash.erase(address)
            time.sleep(self.control.number("delay"))
        self.stage("write")
        done, total = 0, sum(map(len, images))
        self.say(f"progress 0 {total}")
        for n, address, image in sectors:
            self.say(f"sector {n}")
            self.fail_if("write", n)
            if not self.flash.write(address, image):
                raise Failure("write", *texts.FAILURES["write-failed"][1:])
            done += len(image)
            time.sleep(self.control.number("delay"))
            self.say(f"progress {done} {total}")
        self.stage("verify")
        for n, address, image in sectors:
            self.say(f"sector {n}")
            self.fail_if("verify", n)
            if self.flash.read(address, len(image)) != image:
                raise Failure("verify", *texts.FAILURES["verify-failed"][1:])

    @staticmethod
    def image(image_dir, n):
        try:
            with open(os.path.join(image_dir, f"sector-{n}.bin"), "rb") as file:
                return file.read(SECTOR)
        except FileNotFoundError:
            return b""

    def reset(self):
        self.stage("reset")
        self.fail_if("reset")
        self.out.lines(texts.RESET)
        self.say("released")
        if self.control.mode != "exit-0-without-done":
            self.stage("done")


def main(argv):
    out = Output()
    out.lines(texts.BANNER)
    try:
        options = parse_options(argv)
        if any(letter in "hv" for letter, _ in options):
            return 0
        run = Run(argv, out)
        for letter, value in options:
            scripts = [["script", value]] if letter == "f" else \
                tcl.commands(value) if letter == "c" else []
            for command in scripts:
                run.run(command)
        run.hang()  # no shutdown: the real one would be serving now
    except tcl.TclError as error:
        out.line(str(error))
        return 1
    except Exit as end:
        out.lines(end.lines)
        return end.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
