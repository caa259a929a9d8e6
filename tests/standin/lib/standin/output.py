"""Standard error, and the ways in which it can be a nuisance to read."""

import os

STDERR = 2
FLOOD = 10 << 20  # bytes


def write(data):
    while data:
        data = data[os.write(STDERR, data) :]


def pieces(data):
    """Cuts data at arbitrary but reproducible places: one byte, none of a line's end, several."""
    i, size = 0, 1
    while i < len(data):
        yield data[i : i + size]
        i += size
        size = size * 7 % 11 or 1


class Output:
    def __init__(self):
        self.split = False

    def line(self, text):
        data = (text + "\n").encode("utf-8", "surrogateescape")
        for piece in pieces(data) if self.split else (data,):
            write(piece)

    def lines(self, texts):
        for text in texts:
            self.line(text)

    @staticmethod
    def flood():
        """Half in lines, half in one line that does not end."""
        line = b"Info : nothing to see here\n"
        write(line * (FLOOD // 2 // len(line) + 1))
        write(b"x" * (FLOOD // 2) + b"\n")
