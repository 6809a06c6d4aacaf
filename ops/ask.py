"""Many questions at the same time, none of which can hold up the answer to the others."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


def all_at_once(questions: Mapping[K, Callable[[], T]], within: float) -> dict[K, T | Exception]:
    """The answer to each question, or why there is none: what it has raised, or TimeoutError after `within` seconds.

    Its threads end with the process, also those that never get an answer.
    """
    found: dict[K, T | Exception] = {}

    def ask(key: K, question: Callable[[], T]) -> None:
        try:
            found[key] = question()
        except Exception as error:  # noqa: BLE001 - it is the answer, and is looked at by who has asked
            found[key] = error

    threads = [threading.Thread(target=ask, args=(key, question), daemon=True) for key, question in questions.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + within
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {key: found.get(key, TimeoutError(f"no answer within {within:g} s")) for key in questions}
