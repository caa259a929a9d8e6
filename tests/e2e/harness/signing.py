"""Signed sketches, made without a line of ours: openssl makes keys and signatures, and the note is
put together here from what src/sketch/signature.h documents.
"""

import hashlib
import os
import struct
import subprocess
import tempfile

from harness.sketches import SECTION_HEADER_SIZE, Upload

NOTE_SIZE, SIGNATURE_SIZE = 116, 64
SECTIONS_AT, SECTION_COUNT_AT = 32, 48  # e_shoff, e_shnum
SHT_NOTE = 7


def openssl(*arguments, data=b""):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def message(data):
    return f"m4flash sketch 1 {hashlib.sha256(data).hexdigest()}\n".encode()


class Key:
    """An Ed25519 key pair in a folder that the daemon does not know."""

    def __init__(self, folder, name, algorithm="ed25519", options=()):
        self.name = name
        self.private = os.path.join(folder, f"{name}.private.pem")
        self.public = os.path.join(folder, f"{name}.public.pem")
        openssl("genpkey", "-algorithm", algorithm, *options, "-out", self.private)
        openssl("pkey", "-in", self.private, "-pubout", "-out", self.public)

    @property
    def der(self):
        return openssl("pkey", "-pubin", "-in", self.public, "-outform", "DER")

    @property
    def fingerprint(self):
        return hashlib.sha256(self.der).hexdigest()

    def signature(self, data):
        with tempfile.NamedTemporaryFile() as file:  # -rawin wants to know the size
            file.write(message(data))
            file.flush()
            return openssl("pkeyutl", "-sign", "-inkey", self.private, "-rawin", "-in", file.name)

    def fits(self, data, signature):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("message", "signature")]
            for path, content in zip(paths, (message(data), signature)):
                with open(path, "wb") as file:
                    file.write(content)
            done = subprocess.run(
                ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", self.public, "-rawin",
                 "-in", paths[0], "-sigfile", paths[1]],
                capture_output=True, check=False)
        return done.returncode == 0

    def install(self, folder, name=None):
        """Where the daemon looks for keys. Returns the path."""
        path = os.path.join(folder, name or f"{self.name}.pem")
        with open(self.public, "rb") as source, open(path, "wb") as file:
            file.write(source.read())
        os.chmod(path, 0o644)
        return path


def with_note(data, public_key, signature):
    """The sketch with a section more, which is the last thing in the file."""
    at, = struct.unpack_from("<I", data, SECTIONS_AT)
    count, = struct.unpack_from("<H", data, SECTION_COUNT_AT)
    table_at = -(-len(data) // 4) * 4
    note_at = table_at + (count + 1) * SECTION_HEADER_SIZE
    table = data[at : at + count * SECTION_HEADER_SIZE]
    table += struct.pack("<10I", 0, SHT_NOTE, 0, 0, note_at, NOTE_SIZE, 0, 0, 4, 0)
    head = bytearray(data.ljust(table_at, b"\0"))
    struct.pack_into("<I", head, SECTIONS_AT, table_at)
    struct.pack_into("<H", head, SECTION_COUNT_AT, count + 1)
    note = struct.pack("<2I4s8s", 8, 96, b"m4s1", b"m4flash\0") + public_key
    body = bytes(head) + table + note
    return body + (signature(body) if callable(signature) else signature)


def signed(upload, key, claimed=None):
    """The upload with an embedded signature; claimed is whose key stands beside it."""
    public_key = (claimed or key).der[-32:]
    return Upload(with_note(upload.data, public_key, key.signature), upload.image, upload.code)
