"""Waiting by looking, with limits so generous that only a real hang reaches them: the machines that
run these tests are shared and noisy, so no test asserts how long something took."""

import os
import time

LIMIT = int(os.environ.get("M4FLASH_E2E_LIMIT", "60"))


def wait_for(condition, what, limit=LIMIT, pause=0.01):
    """Returns condition()'s first true value; fails after limit seconds, naming what never came."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit} s: {what() if callable(what) else what}")
        time.sleep(pause)
