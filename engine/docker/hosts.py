"""The Dockers of a stack: the default one, and one for each provider that the program declares; and what they hold."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from engine.docker.connect import Client, connect, explained, logins
from engine.docker.inventory import Inventory
from engine.docker.labels import LABEL_STACK
from engine.docker.lock import Lock, Locked
from engine.docker.notes import Notes, NoteStore
from engine.docker.resource import Existing, Handler
from engine.errors import EngineError, NotDone, Unreachable
from engine.values.wire import UNKNOWN

DEFAULT = ""
"""Stands for the provider of resources that name none."""
IMAGE = "docker:index/image:Image"


@dataclass
class Daemon:
    """An open connection: what does each resource type there, and what the stack has there beside resources."""

    handlers: "Handlers"
    identity: str
    """Which daemon it is: one may have two addresses."""
    notes: NoteStore
    lock: Lock


Handlers = Mapping[str, Handler]
"""By type."""
Open = Callable[[Mapping[str, Any] | None], Daemon]
"""Connects to a daemon: by a provider's inputs, or None for the default one. EngineError when it does not answer."""


def open_daemon(stack_id: str, inputs: Mapping[str, Any] | None) -> Daemon:
    """The daemon that the inputs lead to."""
    client = connect(inputs)
    with explained("asking Docker which one it is"):
        info = client.info()
    identity = f"{info['ID']} {info['Name']}"  # cloned machines have one id
    return Daemon(handlers_by(client, inputs or {}), identity, NoteStore(client, stack_id), Lock(client, stack_id))


def handlers_by(client: Client, inputs: Mapping[str, Any]) -> Handlers:
    """What does each type, by a client."""
    from engine.docker.container import ContainerHandler
    from engine.docker.image import ImageHandler
    from engine.docker.network import NetworkHandler
    from engine.docker.swarm import SecretHandler, ServiceConfigHandler, ServiceHandler
    from engine.docker.volume import VolumeHandler

    kinds = (ImageHandler, NetworkHandler, VolumeHandler, SecretHandler, ServiceConfigHandler, ServiceHandler)
    made: list[Handler] = [kind(client) for kind in kinds]
    return {handler.type: handler for handler in (*made, ContainerHandler(client, logins(inputs)))}


class Hosts:
    """Opens daemons when they are first needed; `inventory` and `notes` grow with each."""

    def __init__(
        self, connect: Open, stack_id: str, blind: Handlers | None = None, locks: list[Lock] | None = None
    ) -> None:
        """`blind`: what stands for a daemon that does not answer, in a preview that nothing follows.

        `locks`: takes the lock of each daemon, also where reading it fails; its owner gives them back. None: no locks.
        """
        self.inventory = Inventory()
        self.notes = Notes()
        """The newest that any daemon has."""
        self._connect = connect
        self._stack_id = stack_id
        self._inputs: dict[str, Mapping[str, Any] | None] = {DEFAULT: None}
        self._opened: dict[str, Daemon] = {}
        self._counted: set[str] = set()
        """The daemons whose resources are in the inventory: one may be read again, on another way."""
        self._led: dict[str, str] = {}
        """The daemon that each provider was first seen to lead to."""
        self.failed: dict[str, EngineError] = {}
        """Why daemons could not be reached."""
        self._blind = blind
        self.unseen: set[str] = set()
        """The daemons that were not reached, and count as empty."""
        self._locks = locks
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
                self.failed.pop(provider, None)

    def read(self, providers: Iterable[str]) -> None:
        """Adds to the inventory what these hold, all at once; one that does not answer is remembered as such.

        Locked when another run holds the stack at one of them; EngineError where Pulumi has taken it over.
        """
        wanted = [provider for provider in providers if provider not in self._opened and provider not in self.failed]
        if wanted:
            with ThreadPoolExecutor(len(wanted)) as pool:
                list(pool.map(self._read, wanted))

    def _read(self, provider: str) -> None:
        try:
            daemon = self._connect(self._inputs[provider])
            if self._locks is not None:
                self._locks.append(daemon.lock)
                daemon.lock.take()
            label = f"{LABEL_STACK}={self._stack_id}"
            with ThreadPoolExecutor(len(daemon.handlers)) as pool:  # all types at once
                lists = list(pool.map(lambda handler: handler.held(label), daemon.handlers.values()))
            found = [replace(item, provider=provider) for items in lists for item in items]
            notes = daemon.notes.read()
            self._refuse_another(provider, daemon)
        except Locked:
            raise
        except EngineError as error:
            with self._lock:
                self.failed[provider] = error
            return
        # An image is what Pulumi leaves behind when it destroys a stack.
        if notes.given and any(item.type != IMAGE for item in found):
            raise EngineError(self.is_given)
        with self._lock:
            if daemon.identity not in self._counted:
                self._counted.add(daemon.identity)
                self.inventory.add(found)
            self._opened[provider] = daemon
            self.notes = max(self.notes, notes, key=lambda one: one.number)

    def _refuse_another(self, provider: str, daemon: Daemon) -> None:
        """What the former one holds would be taken for what is there."""
        former = self._led.setdefault(provider, daemon.identity)
        there = [item.docker_name for item in self.inventory if item.provider == provider]
        if former != daemon.identity and there:
            raise EngineError(
                f"it led to the Docker {former.split()[-1]} before, which still holds {', '.join(sorted(there))}; now "
                f"it leads to {daemon.identity.split()[-1]}. Take the host out of the stack first, with `up`, then "
                "declare it anew"
            )

    @property
    def is_given(self) -> str:
        """What is said of a stack that Pulumi has taken over."""
        name = self._stack_id.split("/")[-1]
        return f"stack '{name}' is Pulumi's now, by `make to-pulumi`: its own state says what is to be done"

    def handler(self, provider: str, kind: str) -> Handler:
        """What does a type there; EngineError when the daemon is not reached, or nothing does it."""
        self.read([provider])
        if provider not in self.failed:
            handlers = self._opened[provider].handlers
        elif self._blind is not None and isinstance(self.failed[provider], Unreachable):
            self.unseen.add(provider)
            handlers = self._blind
        else:
            raise self.failed[provider]
        if kind not in handlers:
            raise NotDone(f"resource type '{kind}'", f" (it does {', '.join(sorted(handlers))})")
        return handlers[kind]

    @property
    def warnings(self) -> list[str]:
        """What has not been looked at, and why."""
        return [
            f"{self.failed[provider]}\n    This preview has not looked at what is there: all that belongs there is "
            "shown as to be created, whatever `up` will find"
            for provider in sorted(self.unseen)
        ]

    def handler_of(self, item: Existing) -> Handler:
        """What does `item`, where it is."""
        return self.handler(item.provider, item.type)

    def opened(self) -> Iterator[Handler]:
        """Every handler of every daemon that was reached."""
        for daemon in list(self._opened.values()):
            yield from daemon.handlers.values()

    def pulled_digest(self, urn: str, name: str) -> Any:
        """Of an image whose daemon is not asked, by a copy that another one has pulled; labels travel with an image."""
        for handler in self.opened():
            with suppress(EngineError):
                if digest := handler.pulled_digest(urn, name):
                    return digest
        return UNKNOWN

    def holds(self, provider: str, item: Existing) -> bool:
        """Whether `item` lies where `provider` leads to."""
        if item.provider == provider:
            return True
        one, other = self._opened.get(item.provider), self._opened.get(provider)
        return one is not None and other is not None and one.identity == other.identity

    def refuse_unreachable(self) -> None:
        """EngineError when no daemon at all was reached: nothing is known then. A preview says so instead."""
        if not self._opened and self.failed and self._blind is None:
            raise self.failed.get(DEFAULT) or next(iter(self.failed.values()))

    def write_notes(self, notes: Notes, without: Collection[str] = ()) -> None:
        """Puts notes down at every daemon that was reached; removes them where only providers `without` lead to."""
        self.notes = notes
        opened = dict(self._opened)
        kept = {daemon.identity for provider, daemon in opened.items() if provider not in without}
        for daemon in opened.values():
            if daemon.identity in kept:
                daemon.notes.write(notes)
            else:
                daemon.notes.remove()

    def remove_notes(self) -> None:
        """There is no stack any more."""
        self.notes = Notes()
        for daemon in list(self._opened.values()):
            daemon.notes.remove()

    def break_locks(self) -> bool:
        """Removes the stack's locks, whoever holds them; whether there were any."""
        found = [daemon.lock.break_() for daemon in self._opened.values()]
        return any(found)
