"""A Docker of dicts: handlers that keep everything in memory, for running programs without a daemon."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.docker.container_spec import PROPS
from engine.docker.hosts import Daemon, Hosts
from engine.docker.image import ImageHandler
from engine.docker.labels import visible
from engine.docker.lock import Lock
from engine.docker.network import NetworkHandler
from engine.docker.notes import Notes, NoteStore
from engine.docker.props import Prop
from engine.docker.resource import Existing, Handler, Made, Making
from engine.docker.swarm import ServiceHandler
from engine.docker.volume import VolumeHandler
from engine.errors import EngineError, Unreachable
from engine.files.config import Config
from engine.files.project import Project
from engine.files.secrets import Crypter
from engine.run.carry_out import Run
from engine.run.context import Context, Excludes
from engine.run.delete import after_run, delete_all, whole_stack
from engine.run.interrupts import Interrupts
from engine.run.keep import after_destroy, close_notes, noted_outputs
from engine.run.learn import read_everything
from engine.run.program import run_program
from engine.run.providers import recall
from engine.run.steps import Recorder, Step

SERVICE = ServiceHandler.type
NOW = "2999-01-01T00:00:00"
"""By this Docker's clock."""


class MemoryHandler(Handler):
    """One type; `world` is shared, and `log` has every act in its order."""

    def __init__(self, kind: str, props: Mapping[str, Prop], world: dict[str, Any], log: list[str]) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.type = kind  # type: ignore[misc]
        self.word = kind.rsplit(":", 1)[1].lower()  # type: ignore[misc]
        self.props = props
        self._world = world
        self._log = log

    def listed(self, label: str) -> Iterable[Mapping[str, Any]]:
        words = {"id": "Id", "name": "Name", "created": "Created", "labels": "Labels", "updated": "UpdatedAt"}
        return [
            {**item, **{docker: item[key] for key, docker in words.items() if key in item}}
            for item in self._world.values()
            if item["type"] == self.type
        ]

    def applied(self, existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**existing.applied.inputs, **existing.raw["live"]}

    def outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**visible(inputs), "hostname": inputs["name"], "repoDigest": f"sha256:{inputs['name']}"}

    def create(self, inputs: dict[str, Any], making: Making) -> Made:
        making.make_room()
        name = inputs["name"]
        self._log.append(f"create {name}")
        if inputs.get("stopSignal") == "broken":
            raise EngineError(f"creating {name}: it is broken")
        if any(item["name"] == name and item["type"] == self.type for item in self._world.values()):
            raise EngineError(f"creating {name}: the name is taken")
        number = len(self._world) + len(self._log)
        self._world[f"{self.type} {name} {number}"] = {
            "type": self.type,
            "id": f"{name}-id",
            "name": name,
            "created": f"{NOW}.{number:05}",
            "labels": making.marks,
            "inputs": inputs,
            "live": {},
        }
        return Made(f"{name}-id", self.outputs({}, inputs))

    def update(self, existing: Existing, inputs: dict[str, Any], making: Making) -> Made:
        self._log.append(f"update {existing.docker_name}")
        for item in self._world.values():
            if item["id"] == existing.id and item["type"] == self.type:
                if self.type == SERVICE:  # of others Docker does not say it
                    item["updated"] = NOW
                item["live"] = {
                    key: inputs[key] for key, prop in self.props.items() if prop.effect == "live" and key in inputs
                }
        return Made(existing.id, self.outputs({}, inputs))

    def remove(self, identifier: str) -> None:
        mine = ((key, item) for key, item in self._world.items() if item["type"] == self.type)
        key, item = next((key, item) for key, item in mine if item["id"] == identifier)
        self._log.append(f"delete {item['name']}")
        del self._world[key]


class MemoryNotes(NoteStore):
    """Notes in a dict by host."""

    def __init__(self, notes: dict[str, Notes], host: str) -> None:
        self._notes = notes
        self._host = host

    def read(self) -> Notes:
        return self._notes.get(self._host, Notes())

    def write(self, notes: Notes) -> None:
        self._notes[self._host] = notes

    def remove(self) -> None:
        self._notes.pop(self._host, None)


class Stand:
    """A project whose program is given as text, and a world that lasts from run to run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.project, self.stack = "p", "dev"
        self.world: dict[str, Any] = {}
        self.worlds: dict[str, dict[str, Any]] = {}
        """Of explicit providers, by their `host`."""
        self.notes: dict[str, Notes] = {}
        self.dead: set[str] = set()
        self.excludes: list[str] = []
        self.log: list[str] = []
        self.recorder = Recorder()
        self.steps: dict[str, Step] = {}
        self.outputs: dict[str, Any] = {}
        self._crypter = Crypter(b"k" * 32)

    @property
    def name(self) -> str:
        """As labels have it."""
        return f"{self.project}/{self.stack}"

    def rename(self, project: str, stack: str) -> None:
        """What `pulumi stack rename` does to the state: every URN is of the new stack, and nothing else changes."""
        name, urns = self.name, f"urn:pulumi:{self.stack}::{self.project}::"
        self.project, self.stack = project, stack
        anew = f"urn:pulumi:{stack}::{project}::"
        for item in self.world.values():
            item["labels"] = {
                label: text.replace(urns, anew).replace(name, self.name) for label, text in item["labels"].items()
            }
        self.notes.clear()

    def context(self, dry_run: bool) -> Context:
        kinds = {
            "docker:index/network:Network": NetworkHandler.props,
            "docker:index/volume:Volume": VolumeHandler.props,
            "docker:index/container:Container": PROPS,
            "docker:index/image:Image": ImageHandler.props,
            SERVICE: ServiceHandler.props,
        }

        def connect(inputs: Mapping[str, Any] | None) -> Daemon:
            host = "" if inputs is None else str(inputs["host"])
            if host in self.dead:
                raise Unreachable(f"no Docker answers at {host}")
            world = self.worlds.setdefault(host, {}) if host else self.world
            handlers: dict[str, Handler] = {
                kind: MemoryHandler(kind, props, world, self.log) for kind, props in kinds.items()
            }
            lock = Lock(None, self.name)  # type: ignore[arg-type]
            return Daemon(handlers, f"{id(world)} machine-{id(world)}", MemoryNotes(self.notes, host), lock)

        unseen: dict[str, Handler] = {kind: MemoryHandler(kind, props, {}, []) for kind, props in kinds.items()}
        self.recorder = Recorder()
        return Context(
            self.project,
            self.stack,
            dry_run,
            Hosts(connect, self.name, unseen if dry_run else None),
            self.recorder,
            Interrupts(),
            lambda: self._crypter,
            Excludes(self.excludes),
        )

    def run(self, program: str, dry_run: bool = False, **config: str) -> dict[str, str]:
        """Runs the program as `up` (or `preview`) does; the operation on each resource by name."""
        main = self.directory / "__main__.py"
        main.write_text("import pulumi\nimport pulumi_docker as docker\n" + program)
        context = self.context(dry_run)
        run = Run(context)
        self.log.clear()
        with self._kept(run):
            recall(context)
            run_program(self._project, self._config(config), run)
            deletes = after_run(run)
            run.steps += deletes.steps
            if not dry_run:
                delete_all(deletes, context)
                close_notes(run.context, run.registered, run.outputs, run.steps)
        return {step.name: step.op for step in run.steps if step.custom}

    @property
    def _project(self) -> Project:
        return Project(self.project, self.directory, self.directory / "__main__.py")

    def _config(self, config: Mapping[str, str]) -> Config:
        return Config({f"{self.project}:{key}": value for key, value in config.items()}, set())

    @contextmanager
    def _kept(self, run: Run) -> Iterator[None]:
        try:
            yield
        finally:
            self.outputs = run.outputs
            self.steps = {step.name: step for step in run.steps}

    def destroy(self, **config: str) -> None:
        context = self.context(False)
        self.log.clear()
        read_everything(context, self._project, lambda: self._config(config))
        deletes = whole_stack(context)
        delete_all(deletes, context)
        after_destroy(context, {step.urn for step in deletes.steps})

    def noted(self) -> dict[str, Any]:
        """The outputs that the notes hold."""
        context = self.context(False)
        recall(context)
        return noted_outputs(context)

    @property
    def names(self) -> list[str]:
        """Of all that is there."""
        return sorted(item["name"] for item in self.world.values())

    @property
    def errors(self) -> list[str]:
        return [item.message for item in self.recorder.diagnostics if item.severity == "error"]

    @property
    def labels(self) -> str:
        return json.dumps([item["labels"] for item in self.world.values()])
