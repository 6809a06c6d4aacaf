"""The Docker daemons of a run: the default one, and one for each provider that the program declares."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError
from engine.inventory import Inventory
from engine.resources import Existing, Handler

DEFAULT = ""
"""Stands for the provider of resources that name none."""


@dataclass
class Daemon:
    """An open connection: what does each resource type there, and which daemon it is (one may have two addresses)."""

    handlers: dict[str, Handler]
    identity: Callable[[], str]


Open = Callable[[Mapping[str, Any] | None], Daemon]
"""Connects to a daemon: by a provider's inputs, or None for the default one. EngineError when it does not answer."""


class Daemons:
    """Opens daemons when they are first needed; `inventory` grows with each."""

    def __init__(self, connect: Open, stack_id: str) -> None:
        self.inventory = Inventory()
        self._connect = connect
        self._stack_id = stack_id
        self._inputs: dict[str, Mapping[str, Any] | None] = {DEFAULT: None}
        self._opened: dict[str, Daemon] = {}
        self._failed: dict[str, EngineError] = {}
        self._lock = threading.RLock()

    @property
    def providers(self) -> list[str]:
        """The URNs of the providers that are known."""
        return [urn for urn in self._inputs if urn != DEFAULT]

    def declare(self, provider: str, inputs: Mapping[str, Any]) -> None:
        """Makes a provider known, or takes on how it is reached now."""
        with self._lock:
            if self._inputs.get(provider) != inputs:
                self._inputs[provider] = inputs
                self._opened.pop(provider, None)
                self._failed.pop(provider, None)

    def read(self, providers: Iterable[str]) -> None:
        """Adds to the inventory what these hold, all at once; one that does not answer is remembered as such."""
        wanted = [provider for provider in providers if provider not in self._opened and provider not in self._failed]
        if not wanted:
            return
        with ThreadPoolExecutor(len(wanted)) as pool:
            list(pool.map(self._read, wanted))

    def _read(self, provider: str) -> None:
        try:
            daemon = self._connect(self._inputs[provider])
            found = Inventory.held(daemon.handlers, self._stack_id, provider)
        except EngineError as error:
            with self._lock:
                self._failed[provider] = error
            return
        with self._lock:
            # One that is open already under another provider: its resources are known.
            if not any(other.identity() == daemon.identity() for other in self._opened.values()):
                self.inventory.add(found)
            self._opened[provider] = daemon

    def failure(self, provider: str) -> EngineError | None:
        """Why a daemon could not be reached."""
        return self._failed.get(provider)

    def handlers(self, provider: str) -> dict[str, Handler]:
        """What does each type there; EngineError when it is not reached."""
        self.read([provider])
        if provider in self._failed:
            raise self._failed[provider]
        return self._opened[provider].handlers

    def handler_of(self, item: Existing) -> Handler:
        """What does `item`, where it is."""
        return self.handlers(item.provider)[item.type]

    def opened(self) -> Iterator[Handler]:
        """Every handler of every daemon that was reached."""
        for daemon in list(self._opened.values()):
            yield from daemon.handlers.values()

    def holds(self, provider: str, item: Existing) -> bool:
        """Whether `item` lies where `provider` leads to."""
        if item.provider == provider:
            return True
        one, other = self._opened.get(item.provider), self._opened.get(provider)
        return one is not None and other is not None and one.identity() == other.identity()

    def refuse_unreachable(self) -> None:
        """EngineError when no daemon at all was reached: nothing is known then."""
        if not self._opened and self._failed:
            raise self._failed.get(DEFAULT) or next(iter(self._failed.values()))
