"""The service `shell:` (services.c of 5.1.1): a command on a terminal of its own. So its standard
error comes with its output, lines end in CR LF, and nobody hears of its exit status.
"""

import os
import pty
import signal
import subprocess

from harness import processes

PIECE = 4096

# A session's leader that opens a terminal has it as its controlling one; adbd does the same.
ON_TERMINAL = 'exec <>"$0" >&0 2>&0; exec /bin/sh "$@"'


def serve(stream, device, command):
    here, there = pty.openpty()
    arguments = ["-c", device.here(command)] if command else ["-"]
    process = subprocess.Popen(
        ["/bin/sh", "-c", ON_TERMINAL, os.ttyname(there), *arguments],
        stdin=there, stdout=there, stderr=there, env=device.environment, start_new_session=True)
    processes.companions.add(process.pid)
    os.close(there)
    stream.on_input = lambda data: (os.write(here, data), stream.send(b"OKAY"))
    stream.on_close = lambda: hang_up(process)
    try:
        for data in output(here):
            stream.write(data)
    finally:
        stream.on_input = stream.on_close = lambda *_: None
        hang_up(process)
        process.wait()
        processes.companions.discard(process.pid)
        os.close(here)


def output(terminal):
    """Until no process has the terminal open any more."""
    while True:
        try:
            yield os.read(terminal, PIECE)
        except OSError:  # EIO
            return


def hang_up(process):
    """What the kernel sends when adbd closes its side of the terminal."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGHUP)
