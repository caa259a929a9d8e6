#!/usr/bin/env python3
"""Prints a file as the initializer of a C array of bytes.

    embed.py FILE OUTPUT
"""

import pathlib
import sys

code = pathlib.Path(sys.argv[1]).read_bytes()
lines = [", ".join(f"0x{byte:02x}" for byte in code[i:i + 16]) for i in range(0, len(code), 16)]
pathlib.Path(sys.argv[2]).write_text(",\n".join(lines) + "\n")
