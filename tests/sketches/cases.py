"""What a case of the corpus is."""

from dataclasses import dataclass
from typing import Callable

ACCEPTED = "accepted"
SMALL, BARE = "blink-small", "blink-bare"


@dataclass(frozen=True)
class Case:
    """A file made from a sketch by changes, or by content alone, and the verdict that it must get.
    An accepted one's image is what objcopy makes of the file itself; or of the file `image_of`,
    where objcopy cannot be asked because sections do not say what the segments do.
    """

    code: str
    changes: tuple = ()
    base: str = SMALL
    image_of: str = ""
    content: Callable = None
    about: str = ""


def case(code, *changes, base=SMALL, image_of=""):
    return Case(code, changes, base, image_of)


def from_bytes(code, about, content, base=SMALL):
    """content: a function of the base's bytes."""
    return Case(code, base=base, content=content, about=about)
