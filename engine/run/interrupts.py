"""Ctrl-C and SIGTERM: the step under way is finished, nothing more is started, and what was done is said."""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from engine.errors import EXIT_INTERRUPTED, EngineError, Interrupted

PATIENCE = 60
"""Seconds that steps under way get to finish."""


class Interrupts:
    """Set once for a run; long steps ask `check`, the end is decided in a thread of its own.

    The program's event loop may sit in a hook that waits for minutes, so it is not asked: when no step is under way
    any more the process leaves, with Docker in a state that the next `up` carries on from.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._busy = 0
        self._lock = threading.Lock()
        self._report: Callable[[], None] = lambda: None

    def install(self, report: Callable[[], None]) -> None:
        """Takes over SIGINT and SIGTERM; `report` prints what was done before the process leaves."""
        self._report = report
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked.is_set():
            os.write(2, b"\nstopped at once; run `up` again to carry on\n")
            atexit._run_exitfuncs()  # connections and their files
            os._exit(EXIT_INTERRUPTED)
        self.asked.set()
        os.write(2, b"\nCancelling: the step under way is finished first (press Ctrl-C again to stop at once)\n")
        threading.Thread(target=self._leave, daemon=True).start()

    def _leave(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self._busy and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.05)
        try:
            try:
                self._report()
            except EngineError as error:  # Docker does not answer: it stays locked
                os.write(2, f"error: {error}\n".encode())
            atexit._run_exitfuncs()  # connections and their files
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(EXIT_INTERRUPTED)

    def check(self) -> None:
        """Raises Interrupted once the user has asked to stop."""
        if self.asked.is_set():
            raise Interrupted("interrupted", EXIT_INTERRUPTED)

    def __enter__(self) -> None:
        """A step begins that must not be left half-done."""
        self.check()
        with self._lock:
            self._busy += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._busy -= 1
