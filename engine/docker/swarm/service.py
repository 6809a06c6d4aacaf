"""docker.Service on the Docker API: replicated services, changed in place by Swarm's own rolling update.

It does not wait until tasks run: a hook of the program's can. Beyond the real provider, a service whose number of
replicas, image, arguments or environment was changed by hand is put right by a plain `up`, and an update that Swarm has
paused goes on.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from engine.docker.connect import explained, unless_gone
from engine.docker.labels import label_map, visible
from engine.docker.props import LABELS, Prop, keys, supported
from engine.docker.resource import Drift, Existing, Handler, Made, Making
from engine.docker.swarm.objects import of_swarm
from engine.docker.swarm.service_spec import TASK, UPDATE, body
from engine.values.compare import Change, has_hash

REMOVAL_WAIT = 90
"""Seconds that the tasks of a removed service are waited for."""
LOOKED_AT = ("Image", "Args", "Env")
"""What of a container is compared with what Docker holds, by Docker's keys."""


class ServiceHandler(Handler):
    """Creates, changes and removes Swarm services."""

    type = "docker:index/service:Service"
    word = "service"
    props: Mapping[str, Prop] = {
        "name": Prop(),
        "labels": Prop("live", LABELS.fields, LABELS.any_order),
        "mode": Prop("live", {"replicated": keys("replicas")}),
        "taskSpec": Prop("live", supported(TASK)),
        "updateConfig": Prop("live", supported(UPDATE)),
        "auth": Prop("engine", keys("serverAddress", "username", "password")),
    }

    def listed(self, label: str) -> Iterable[Mapping[str, Any]]:
        return of_swarm(self._client.services, label)

    def storable(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Everything but the registry's credentials."""
        return {key: value for key, value in inputs.items() if key in self.props and key != "auth"}

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        # What was applied, not what is declared now: that is a change of its own.
        wanted, spec = body(existing.applied.inputs), existing.raw["Spec"]
        changes = []
        if spec["Mode"].get("Replicated", {}).get("Replicas") != wanted["mode"]["Replicated"]["Replicas"]:
            changes.append(Change(("mode",)))
        actual = spec["TaskTemplate"]["ContainerSpec"]
        for key, value in wanted["task_template"]["ContainerSpec"].items():
            if key == "Env" and has_hash(existing.applied.inputs["taskSpec"]["containerSpec"].get("env")):
                continue  # with a secret in it, what was applied is known as a hash only
            if key in LOOKED_AT and (actual.get(key) or []) != (value or []):
                changes.append(Change(("taskSpec",)))
        found = [Drift(changes, "was changed by hand")] if changes else []
        if (existing.raw.get("UpdateStatus") or {}).get("State") == "paused":
            # To say the same again is what makes Swarm go on.
            found.append(Drift([Change(("updateConfig",))], "its update was paused"))
        return found

    def create(self, inputs: dict[str, Any], making: Making) -> Made:
        making.make_room()
        name = str(inputs["name"])
        with explained(f"creating service '{name}'"):
            self._login(inputs)
            every = {**label_map(inputs), **making.marks}
            made: dict[str, Any] = self._client.create_service(  # type: ignore[no-untyped-call]
                name=name, labels=every, **body(inputs)
            )
        return Made(str(made["ID"]), visible(inputs))

    def update(self, existing: Existing, inputs: dict[str, Any], making: Making) -> Made:
        name = existing.docker_name
        with explained(f"changing service '{name}'"):
            self._login(inputs)
            held: dict[str, Any] = self._client.inspect_service(existing.id)  # type: ignore[no-untyped-call]
            version = held["Version"]["Index"]
            self._client.update_service(
                existing.id, version, name=name, labels={**label_map(inputs), **making.marks}, **body(inputs)
            )
        return Made(existing.id, visible(inputs))

    def _login(self, inputs: Mapping[str, Any]) -> None:
        """What the Swarm's nodes are to show the registry; the client sends it along from then on."""
        auth = inputs.get("auth")
        if auth:
            self._client.login(auth.get("username"), auth.get("password"), registry=auth["serverAddress"])

    def delete(self, existing: Existing, inputs: Mapping[str, Any]) -> None:
        with unless_gone(f"removing service '{existing.docker_name}'"):
            self.remove(existing.id)
            self._until_tasks_are_gone(existing.id)

    def remove(self, identifier: str) -> None:
        self._client.remove_service(identifier)  # type: ignore[no-untyped-call]

    def outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return visible(inputs)

    def _until_tasks_are_gone(self, service: str) -> None:
        """The real provider waits too: until then their ports and volumes are taken. Not for nodes that are down.

        A task's container outlives it for a moment, and uses its image: that goes next.
        """
        here = {"label": f"com.docker.swarm.service.id={service}"}
        deadline = time.monotonic() + REMOVAL_WAIT
        while time.monotonic() < deadline:
            up = {node["ID"] for node in self._client.nodes() if node["Status"]["State"] == "ready"}
            tasks: list[dict[str, Any]] = self._client.tasks()  # type: ignore[no-untyped-call]
            running = any(task["ServiceID"] == service and task.get("NodeID") in up for task in tasks)
            if not running and not self._client.containers(all=True, filters=here):
                return
            time.sleep(0.25)
