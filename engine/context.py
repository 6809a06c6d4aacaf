"""What a run works with, and what it answers the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.crypto import Crypter
from engine.daemons import Daemons
from engine.interrupts import Interrupts
from engine.inventory import Inventory
from engine.journal import Journal
from engine.selection import Selection
from engine.steps import Listener, Step


@dataclass
class Context:
    """What a run works with."""

    project: str
    stack: str
    dry_run: bool
    daemons: Daemons
    listener: Listener
    interrupts: Interrupts
    journal: Journal
    crypter: Callable[[], Crypter]
    selection: Selection = field(default_factory=Selection)
    tolerant: bool = False
    """Whether what lies at a daemon that does not answer is left out instead of being an error."""

    @property
    def inventory(self) -> Inventory:
        return self.daemons.inventory

    @property
    def stack_id(self) -> str:
        return f"{self.project}/{self.stack}"


@dataclass
class Answer:
    """What the program learns of a registration."""

    urn: str
    id: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)


class StepProgress:
    """Passes a step's progress on to the listener."""

    def __init__(self, context: Context, step: Step) -> None:
        self._context = context
        self._step = step

    def say(self, text: str) -> None:
        self._context.listener.progressed(self._step, text)

    def check(self) -> None:
        self._context.interrupts.check()
