"""A real terminal of a given size, and what a program shows on it."""

import fcntl
import os
import select
import struct
import subprocess
import termios
import time

GENEROUS = 60  # seconds: a program that has not ended by then hangs


def environment(term, locale, colour):
    """This process's environment, but for what a program asks about its terminal."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("LC_") and k not in ("LANG", "NO_COLOR")}
    env.update(TERM=term, LC_ALL=locale)
    if not colour:
        env["NO_COLOR"] = "1"
    return env


def read_all(terminal):
    """Everything up to the last program's end, which a pseudo-terminal reports as EIO."""
    shown, deadline = b"", time.monotonic() + GENEROUS
    while True:
        assert select.select([terminal], [], [], deadline - time.monotonic())[0], shown
        try:
            data = os.read(terminal, 65536)
        except OSError:
            return shown
        if not data:
            return shown
        shown += data


def show(argv, cwd, columns=80, term="xterm", locale="C.UTF-8", colour=True):
    """Runs a program to its end with a terminal as its standard streams. Returns its exit status and
    the bytes that the terminal got, lines ended by newlines."""
    terminal, line = os.openpty()
    try:
        fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        modes = termios.tcgetattr(line)
        modes[1] &= ~termios.OPOST  # a newline stays one
        termios.tcsetattr(line, termios.TCSANOW, modes)
        with subprocess.Popen(argv, cwd=cwd, env=environment(term, locale, colour),
                              stdin=line, stdout=line, stderr=line) as program:
            os.close(line)
            line = -1
            shown = read_all(terminal)
            return program.wait(GENEROUS), shown
    finally:
        os.close(terminal)
        if line >= 0:
            os.close(line)
