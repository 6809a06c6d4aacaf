"""Waiting on conditions, bounded, instead of sleeping for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

from drills.target.errors import WaitTimeoutError

T = TypeVar("T")


def until(
    probe: Callable[[], T | None],
    what: str,
    timeout: float = 30.0,
    every: float = 0.05,
    because: Callable[[], str] | None = None,
) -> T:
    """The first truthy answer of `probe`, asked every `every` seconds for at most `timeout` seconds.

    `what` completes the sentence "waited N s for ...". `because`, asked only at the end, says why it was in vain.
    Raises WaitTimeoutError.
    """
    deadline = time.monotonic() + timeout
    while True:
        if answer := probe():
            return answer
        if time.monotonic() >= deadline:
            reason = f": {because()}" if because else ""
            raise WaitTimeoutError(f"waited {timeout:g} s for {what}{reason}")
        time.sleep(every)
