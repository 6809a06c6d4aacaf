"""Ctrl-C ends a run, also one whose Docker does not answer any more."""

import sys

import pytest

from engine.errors import EXIT_INTERRUPTED, Unreachable
from engine.run.interrupts import Interrupts


class Left(BaseException):
    """The process has ended."""


def test_a_docker_that_does_not_answer_keeps_nobody(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = []

    def leave(code: int) -> None:
        ended.append(code)
        raise Left

    def unlock() -> None:
        raise Unreachable("looking at the lock: the Docker daemon did not answer in time")

    monkeypatch.setattr("os._exit", leave)
    monkeypatch.setattr("atexit._run_exitfuncs", lambda: ended.append(0))
    interrupted = Interrupts()
    interrupted._report = unlock
    with pytest.raises(Left):
        interrupted._leave()
    assert ended == [0, EXIT_INTERRUPTED]
    assert "error: looking at the lock: the Docker daemon did not answer in time" in capfd.readouterr().err


def test_nor_does_whatever_else_fails_on_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(code: int) -> None:
        raise Left(code)

    monkeypatch.setattr("os._exit", leave)
    monkeypatch.setattr("atexit._run_exitfuncs", lambda: sys.exit(1))
    with pytest.raises(Left, match=str(EXIT_INTERRUPTED)):
        Interrupts()._leave()
