"""Questions that are asked at the same time."""

import threading
import time

from ops.ask import all_at_once


def test_one_that_hangs_costs_only_its_own_answer() -> None:
    hangs = threading.Event()

    def refuses() -> bool:
        raise OSError("Connection refused")

    began = time.monotonic()
    found = all_at_once({"hangs": hangs.wait, "answers": lambda: True, "refuses": refuses}, 0.3)
    assert time.monotonic() - began < 5
    assert found["answers"] is True
    assert str(found["refuses"]) == "Connection refused"
    assert isinstance(found["hangs"], TimeoutError)
    hangs.set()


def test_they_are_asked_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)
    assert all(isinstance(one, int) for one in all_at_once({"a": both.wait, "b": both.wait}, 10).values())
