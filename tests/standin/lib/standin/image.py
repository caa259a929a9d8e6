"""What m4flash_image makes of the sectors' files."""

import os


class Image:
    def __init__(self, folder, sector_size, n):
        self.size = sector_size * n
        self.bytes = b""
        self.wrong = None
        for sector in range(n):
            path = os.path.join(folder, f"sector-{sector}.bin")
            data = self.read(path)
            if len(data) > sector_size:
                self.wrong = f"{path} is larger than a sector"
            if data:
                self.bytes = self.bytes.ljust(sector * sector_size, b"\xff") + data

    @staticmethod
    def read(path):
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def filled(self):
        return self.bytes.ljust(self.size, b"\xff")
