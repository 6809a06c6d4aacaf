"""Runs that are interrupted or killed at ever later moments: the next one does the rest, and nothing is lost.

ENGINE_POINTS says at how many moments; for each of them, each command and each signal it takes some seconds.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

import pytest

from tests.interrupted.runs import Cut, Done, Runs, moments
from tests.interrupted.stack import Stack

POINTS = int(os.environ.get("ENGINE_POINTS", "2"))
UP = ("up", "--yes", "--skip-preview")
DESTROY = ("destroy", "--yes", "--skip-preview")
each_signal = pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda one: one.name
)


@dataclass(frozen=True)
class Undisturbed:
    """The commands as they run when nothing interrupts them."""

    up: Done
    roll_out: Done
    destroy: Done


@pytest.fixture(scope="module")
def undisturbed(runs: Runs) -> Undisturbed:
    stack = Stack(runs.directory)
    stack.set(0)
    up = runs.well(*UP)
    stack.set(1)
    return Undisturbed(up, runs.well(*UP), runs.well(*DESTROY))


class Cutting:
    """Cuts commands off, and counts how often that was before their end."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._codes: list[int] = []

    def __call__(self, arguments: tuple[str, ...], cut: Cut) -> None:
        done = self._runs(*arguments, cut=cut)
        assert done.code in (0, 130, -cut.number), (cut, done.output)
        self._codes.append(done.code)

    def hit(self) -> bool:
        """Whether most were cut off, and not at their end already."""
        return self._codes.count(0) <= len(self._codes) / 3


def _carried_on(runs: Runs, stack: Stack, b: int, cut: Cut) -> None:
    """The next `up` does what is missing, and the preview after it has nothing to do."""
    up = runs(*UP)
    assert up.code == 0, (cut, up.output)
    clean = runs("preview", "--expect-no-changes")
    assert clean.code == 0, (cut, up.output, clean.output)
    stack.whole(b)


@each_signal
def test_a_first_up(runs: Runs, stack: Stack, undisturbed: Undisturbed, number: signal.Signals) -> None:
    cutting = Cutting(runs)
    stack.set(0)
    for cut in moments(undisturbed.up, POINTS, number):
        runs.well(*DESTROY)
        stack.gone()
        cutting(UP, cut)
        _carried_on(runs, stack, 0, cut)
    assert cutting.hit()


@each_signal
def test_a_roll_out(runs: Runs, stack: Stack, undisturbed: Undisturbed, number: signal.Signals) -> None:
    """Every second time the change is taken back."""
    cutting = Cutting(runs)
    b = 0
    stack.set(b)
    runs.well(*UP)
    for turn, cut in enumerate(moments(undisturbed.roll_out, POINTS, number)):
        stack.write(turn)
        stack.set(b + 1)
        cutting(UP, cut)
        b += 1 - turn % 2
        stack.set(b)
        _carried_on(runs, stack, b, cut)
        stack.has(turn)
    assert cutting.hit()


@each_signal
def test_a_destroy(runs: Runs, stack: Stack, undisturbed: Undisturbed, number: signal.Signals) -> None:
    cutting = Cutting(runs)
    stack.set(0)
    runs.well(*UP)
    for cut in moments(undisturbed.destroy, POINTS, number):
        cutting(DESTROY, cut)
        _carried_on(runs, stack, 0, cut)
    assert cutting.hit()


def test_a_roll_out_that_is_given_up(runs: Runs, stack: Stack, undisturbed: Undisturbed) -> None:
    """A `destroy` after it leaves nothing."""
    cutting = Cutting(runs)
    for b, cut in enumerate(moments(undisturbed.roll_out, POINTS, signal.SIGKILL)):
        stack.set(b)
        runs.well(*UP)
        stack.set(b + 1)
        cutting(UP, cut)
        gone = runs(*DESTROY)
        assert gone.code == 0, (cut, gone.output)
        stack.gone()
    assert cutting.hit()
