"""The README's comparison of the stock service with ours is what is measured here.

    M4FLASH_REWRITE=1 meson test -C build system-side-by-side

writes the table anew instead of comparing it.
"""

import os

import pytest
import side_by_side


@pytest.mark.parametrize("name", side_by_side.UPLOADS)
def test_readme_says_what_is_measured(make_machine, with_stock, name):
    line = side_by_side.measure(name, make_machine, with_stock)
    if os.environ.get("M4FLASH_REWRITE") == "1":
        side_by_side.write_row(name, line)
    assert side_by_side.table()[1].get(name) == line, "M4FLASH_REWRITE=1 writes it anew"


def test_readme_has_no_other_rows():
    assert list(side_by_side.table()[1]) == list(side_by_side.UPLOADS)
