"""docker.Service on the Docker API: replicated services, changed in place by Swarm's own rolling update.

It does not wait until tasks run: a hook of the program's can. Beyond the real provider, a service whose number of
replicas, image, arguments or environment was changed by hand is put right by a plain `up`, and an update that Swarm has
paused goes on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.diff import Change
from engine.errors import EngineError
from engine.providers import common
from engine.providers.docker_client import explained, is_missing
from engine.providers.service_spec import body, refuse_unsupported
from engine.providers.swarm_objects import of_swarm
from engine.resources import Drift, Existing, Made, Progress, Prop

if TYPE_CHECKING:
    from docker.api import APIClient

REMOVAL_WAIT = 90
"""Seconds that the tasks of a removed service are waited for."""
LOOKED_AT = {"Image": "image", "Args": "args", "Env": "env"}
"""What of a container is compared with what Docker holds: Docker's key, and the input's."""


class ServiceHandler:
    """Creates, changes and removes Swarm services."""

    type = "docker:index/service:Service"
    props: Mapping[str, Prop] = {
        "name": Prop(),
        "labels": Prop("live", common.LABELS.fields, common.LABELS.identity),
        "mode": Prop("live"),
        "taskSpec": Prop("live"),
        "updateConfig": Prop("live"),
        "auth": Prop("engine"),
    }

    def __init__(self, client: APIClient) -> None:
        self._client = client

    def check(self, name: str, inputs: dict[str, Any], existing: Existing | None, preview: bool) -> dict[str, Any]:
        refuse_unsupported(name, inputs)
        return common.named(name, inputs, existing)

    def held(self, label: str) -> list[Existing]:
        with explained("listing the Swarm's services"):
            found = of_swarm(self._client.services, label)
        return common.existing_of(
            self.type,
            ((item["ID"], item["Spec"]["Name"], item["CreatedAt"], item["Spec"].get("Labels"), item) for item in found),
        )

    def applied(self, existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return dict(existing.applied.inputs)

    def storable(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Everything but the registry's credentials."""
        return {key: value for key, value in inputs.items() if key in self.props and key != "auth"}

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        # What was applied, not what is declared now: that is a change of its own.
        wanted, spec = body(existing.applied.inputs), existing.raw["Spec"]
        changes = []
        held = spec["Mode"].get("Replicated", {}).get("Replicas")
        replicas = wanted["mode"]["Replicated"]["Replicas"]
        if held != replicas:
            changes.append(Change(("mode", "replicated", "replicas"), "update", held, replicas))
        actual = spec["TaskTemplate"]["ContainerSpec"]
        for key, value in wanted["task_template"]["ContainerSpec"].items():
            if key in LOOKED_AT and (actual.get(key) or []) != (value or []):
                path = ("taskSpec", "containerSpec", LOOKED_AT[key])
                changes.append(Change(path, "update", actual.get(key), value))
        found = [Drift(changes, "was changed by hand")] if changes else []
        if (existing.raw.get("UpdateStatus") or {}).get("State") == "paused":
            # To say the same again is what makes Swarm go on.
            found.append(Drift([Change(("updateConfig",), "update", "paused", "again")], "its update was paused"))
        return found

    def preflight(self, inputs: Mapping[str, Any], stack_label: str) -> None:
        return

    def delete_first(self, inputs: Mapping[str, Any]) -> bool:
        return common.AUTONAME not in inputs

    def preview(self, existing: Existing | None, inputs: dict[str, Any], changed: bool) -> Made:
        return Made(existing.id if existing else "", common.visible(inputs))

    def create(self, inputs: dict[str, Any], labels: dict[str, str], progress: Progress) -> Made:
        name = str(inputs["name"])
        with explained(f"creating service '{name}'"):
            self._login(inputs)
            every = {**common.label_map(inputs), **labels}
            made: dict[str, Any] = self._client.create_service(  # type: ignore[no-untyped-call]
                name=name, labels=every, **body(inputs)
            )
        return Made(str(made["ID"]), common.visible(inputs))

    def update(self, existing: Existing, inputs: dict[str, Any], labels: dict[str, str], progress: Progress) -> Made:
        name = existing.docker_name
        with explained(f"changing service '{name}'"):
            self._login(inputs)
            held: dict[str, Any] = self._client.inspect_service(existing.id)  # type: ignore[no-untyped-call]
            version = held["Version"]["Index"]
            self._client.update_service(
                existing.id, version, name=name, labels={**common.label_map(inputs), **labels}, **body(inputs)
            )
        return Made(existing.id, common.visible(inputs))

    def _login(self, inputs: Mapping[str, Any]) -> None:
        """What the Swarm's nodes are to show the registry; the client sends it along from then on."""
        auth = inputs.get("auth")
        if auth:
            self._client.login(auth.get("username"), auth.get("password"), registry=auth["serverAddress"])

    def settle(self, made: Made, inputs: Mapping[str, Any], progress: Progress) -> None:
        return

    def delete(self, existing: Existing, inputs: Mapping[str, Any]) -> None:
        try:
            with explained(f"removing service '{existing.docker_name}'"):
                self._client.remove_service(existing.id)  # type: ignore[no-untyped-call]
                self._until_tasks_are_gone(existing.id)
        except EngineError as error:
            if not is_missing(error):
                raise

    def _until_tasks_are_gone(self, service: str) -> None:
        """The real provider waits too: until then their ports and volumes are taken. Not for nodes that are down."""
        deadline = time.monotonic() + REMOVAL_WAIT
        while time.monotonic() < deadline:
            up = {node["ID"] for node in self._client.nodes() if node["Status"]["State"] == "ready"}
            tasks: list[dict[str, Any]] = self._client.tasks()  # type: ignore[no-untyped-call]
            if not any(task["ServiceID"] == service and task.get("NodeID") in up for task in tasks):
                return
            time.sleep(0.25)
