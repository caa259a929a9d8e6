"""What m4flash_by_routine makes of the plan, with the chip's CRCs."""

import os
import re
import time
import zlib


def wait(folder):
    """Nothing is erased before this file is there. The text of each of its keys, none if empty;
    None if the image is refused."""
    path = os.path.join(folder, "plan")
    while not os.path.exists(path):
        time.sleep(0.001)
    with open(path, encoding="ascii") as file:
        text = file.read()
    return None if text == "refused" else dict(re.findall(r"(\w+) \{([^}]*)\}", text))


def crc(data):
    return f"{zlib.crc32(data):08x}"


def changed(plan, found, everything):
    """The sectors to send, in the plan's order."""
    new = plan["new"].split()
    return [sector for sector in map(int, plan["order"].split())
            if everything or found[sector] != new[sector]]
