"""What the real program does only by accident, and a test wants on demand."""

import os
import signal
import subprocess
import time

from standin import texts


def hang():
    while True:
        time.sleep(3600)


def die(number, control):
    control.log(event="end", status=-number)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def at_stage(name, control, out):
    """The mode's nuisance, if it is one and this is its stage (key "stage", else "write")."""
    mode = control.mode
    if mode == "hang" and name == "connect":
        hang()
    if name != control.text("stage", "write"):
        return
    if mode == "hang-at-stage":
        hang()
    elif mode == "crash":
        out.line(texts.ASSERTION)
        die(signal.SIGABRT, control)
    elif mode == "crash-signal":
        die(signal.SIGSEGV, control)
    elif mode == "silence":
        time.sleep(control.number("silence", 5))
    elif mode == "flood":
        out.flood()
    elif mode == "forged":
        out.lines(texts.FORGED)
    elif mode == "grandchild":
        subprocess.Popen(["/bin/sleep", control.text("grandchild", "600")], start_new_session=True)
