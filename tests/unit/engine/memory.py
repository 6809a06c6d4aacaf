"""A Docker of dicts: handlers that keep everything in memory, for running programs without a daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.configschema import Config
from engine.context import Context
from engine.crypto import Crypter
from engine.daemons import Daemon, Daemons
from engine.deployment import Deployment
from engine.destroying import planned
from engine.display import Recorder
from engine.errors import EngineError, Unreachable
from engine.interrupts import Interrupts
from engine.journal import Journal
from engine.program import run_program
from engine.project import Project
from engine.provider_steps import forget_emptied, recall
from engine.providers import common
from engine.providers.container_props import PROPS
from engine.providers.docker_network import NetworkHandler
from engine.providers.docker_volume import VolumeHandler
from engine.removal import delete_all
from engine.resources import Drift, Existing, Handler, Made, Progress, Prop
from engine.running import planned_deletes
from engine.selection import Selection
from engine.steps import Step


class MemoryHandler:
    """One type; `world` is shared, and `log` has every act in its order."""

    def __init__(self, kind: str, props: Mapping[str, Prop], world: dict[str, Any], log: list[str]) -> None:
        self.type = kind
        self.props = props
        self._world = world
        self._log = log

    def check(self, name: str, inputs: dict[str, Any], existing: Existing | None, preview: bool) -> dict[str, Any]:
        return common.named(name, inputs, existing)

    def held(self, label: str) -> list[Existing]:
        found = (item for item in self._world.values() if item["type"] == self.type)
        return common.existing_of(
            self.type, ((item["id"], item["name"], item["created"], item["labels"], item) for item in found)
        )

    def applied(self, existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**existing.applied.inputs, **existing.raw["live"]}

    def storable(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in inputs.items() if key in self.props}

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        return []

    def preflight(self, inputs: Mapping[str, Any], stack_label: str) -> None:
        return

    def delete_first(self, inputs: Mapping[str, Any]) -> bool:
        return common.AUTONAME not in inputs

    def preview(self, existing: Existing | None, inputs: dict[str, Any], changed: bool) -> Made:
        return Made(existing.id if existing and not changed else "", common.visible(inputs))

    def create(self, inputs: dict[str, Any], labels: dict[str, str], progress: Progress) -> Made:
        name = inputs["name"]
        self._log.append(f"create {name}")
        if inputs.get("user") == "broken":
            raise EngineError(f"creating {name}: it is broken")
        number = len(self._log)
        self._world[f"{self.type} {name} {number}"] = {
            "type": self.type,
            "id": f"{name}-id",
            "name": name,
            "created": f"{number:05}",
            "labels": labels,
            "inputs": inputs,
            "live": {},
        }
        return Made(f"{name}-id", {**common.visible(inputs), "hostname": name})

    def update(self, existing: Existing, inputs: dict[str, Any], labels: dict[str, str], progress: Progress) -> Made:
        self._log.append(f"update {existing.docker_name}")
        for item in self._world.values():
            if item["id"] == existing.id:
                item["live"] = {
                    key: inputs[key] for key, prop in self.props.items() if prop.effect == "live" and key in inputs
                }
        return Made(existing.id, common.visible(inputs))

    def settle(self, made: Made, inputs: Mapping[str, Any], progress: Progress) -> None:
        return

    def delete(self, existing: Existing, inputs: Mapping[str, Any]) -> None:
        self._log.append(f"delete {existing.docker_name}")
        key = next(key for key, item in self._world.items() if item["created"] == existing.created)
        del self._world[key]


class Stand:
    """A project whose program is given as text, and a world that lasts from run to run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.world: dict[str, Any] = {}
        self.worlds: dict[str, dict[str, Any]] = {}
        """Of explicit providers, by their `host`."""
        self.dead: set[str] = set()
        self.selection = Selection()
        self.log: list[str] = []
        self.recorder = Recorder()
        self.steps: dict[str, Step] = {}
        self.outputs: dict[str, Any] = {}
        self._crypter = Crypter(b"k" * 32)

    def context(self, dry_run: bool) -> Context:
        kinds = {
            "docker:index/network:Network": NetworkHandler.props,
            "docker:index/volume:Volume": VolumeHandler.props,
            "docker:index/container:Container": PROPS,
        }

        def connect(inputs: Mapping[str, Any] | None) -> Daemon:
            host = "" if inputs is None else str(inputs["host"])
            if host in self.dead:
                raise Unreachable(f"no Docker answers at {host}")
            world = self.worlds.setdefault(host, {}) if host else self.world
            handlers: dict[str, Handler] = {
                kind: MemoryHandler(kind, props, world, self.log) for kind, props in kinds.items()
            }
            return Daemon(handlers, lambda: host)

        self.recorder = Recorder()
        journal = Journal(self.directory, "dev")
        daemons = Daemons(connect, "p/dev")
        recall(daemons, journal, lambda: self._crypter, self.selection)
        return Context(
            "p",
            "dev",
            dry_run,
            daemons,
            self.recorder,
            Interrupts(),
            journal,
            lambda: self._crypter,
            self.selection,
        )

    def run(self, program: str, dry_run: bool = False, **config: str) -> dict[str, str]:
        """Runs the program as `up` (or `preview`) does; the operation on each resource by name."""
        main = self.directory / "__main__.py"
        main.write_text("import pulumi\nimport pulumi_docker as docker\n" + program)
        context = self.context(dry_run)
        deployment = Deployment(context)
        self.log.clear()
        with self._kept(deployment):
            values = {f"p:{key}": value for key, value in config.items()}
            run_program(Project("p", self.directory, main), Config(values, set()), deployment)
            deletes, _ = planned_deletes(deployment)
            deployment.steps += deletes
            if not dry_run:
                delete_all(deletes, context.inventory.by_urn, context)
                forget_emptied(deletes, context)
        return {step.name: step.op for step in deployment.steps if step.custom}

    @contextmanager
    def _kept(self, deployment: Deployment) -> Iterator[None]:
        try:
            yield
        finally:
            self.outputs = deployment.outputs
            self.steps = {step.name: step for step in deployment.steps}

    def destroy(self) -> None:
        context = self.context(False)
        self.log.clear()
        steps, _ = planned(context)
        delete_all(steps, context.inventory.by_urn, context)
        forget_emptied(steps, context)

    @property
    def errors(self) -> list[str]:
        return [item.message for item in self.recorder.diagnostics if item.severity == "error"]

    @property
    def labels(self) -> str:
        return json.dumps([item["labels"] for item in self.world.values()])
