"""Where one command at a time works, how it says how it gets on, and how it is stopped."""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backup.given import DATA, StoppedError

WORK = DATA / "work"
INCOMING = "incoming-"
"""With this their names begin that operators have sent here."""
RUN = "REDIS_HA_RUN"
"""In the environment of a command: what it is stopped by, when others of its name run."""
DAY_S = 86400.0


def say(text: str) -> None:
    """Both to whoever has asked and, from process 1, into the log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def workshop() -> Iterator[Path]:
    """An empty folder, for one at a time: two servers beside each other might not fit.

    Inside, SIGTERM is a StoppedError, unless it has a meaning of its own.
    """
    with (DATA / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _stopped)
        _clear()
        WORK.mkdir()
        try:
            yield WORK
        finally:
            shutil.rmtree(WORK, ignore_errors=True)


def _clear() -> None:
    """Of one that was killed: its folder, and the servers that still work in it."""
    for process in _processes():
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(WORK):
                os.kill(int(process.name), signal.SIGKILL)
    shutil.rmtree(WORK, ignore_errors=True)
    for old in DATA.glob(f"{INCOMING}*"):  # of one that was stopped while it waited; younger ones may wait still
        if time.time() - old.stat().st_ctime > DAY_S:
            shutil.rmtree(old) if old.is_dir() else old.unlink()


def go_on_to_the_end() -> None:
    """From now on nothing stops this command."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _stopped(*_: object) -> None:
    go_on_to_the_end()  # what is left to do is to clear up
    raise StoppedError("stopped")


def stop(name: str, run: str | None = None) -> int:
    """Ends commands of that name, also one that still waits for its turn; not one that is in its last step.

    With `run` only the one that has this in its environment.
    """
    found = 0
    for process in _processes():
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if run is not None and f"{RUN}={run}".encode() not in (process / "environ").read_bytes().split(b"\0"):
                continue
            if any(b"backup.main" in word for word in words) and name.encode() in words and b"stop" not in words:
                os.kill(int(process.name), signal.SIGTERM)
                found += 1
    say(f"stopping: {name}" if found else f"no {name} runs")
    return 0


def _processes() -> Iterator[Path]:
    return Path("/proc").glob("[0-9]*")
