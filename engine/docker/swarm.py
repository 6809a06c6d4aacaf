"""The resource types of a Docker Swarm on the Docker API: services, and the secrets and configs that their tasks get.

Services are changed in place by Swarm's own rolling update, and not waited for: a hook of the program's can. Beyond the
real provider, a service whose number of replicas, image, arguments or environment was changed by hand is put right by a
plain `up`, and an update that Swarm has paused goes on. Every change of a secret or config replaces; without a name of
its own the new one stands beside the old one.
"""

import base64
import binascii
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.docker.connect import explained, unless_gone
from engine.docker.container_spec import HEALTHCHECK, duration
from engine.docker.labels import label_map, visible
from engine.docker.props import LABELS, Prop, Props, keys, told
from engine.docker.resource import Drift, Existing, Handler, Made, Making
from engine.errors import EngineError
from engine.values.compare import Change, has_hash

REMOVAL_WAIT = 90
"""Seconds that the tasks of a removed service are waited for."""
LOOKED_AT = ("Image", "Args", "Env")
"""What of a container is compared with what Docker holds, by Docker's keys."""


def _file(kind: str) -> Props:
    """A secret or a config as a file of the container's."""
    key = kind.lower()
    of_the_file = {"fileName": Prop("Name"), "fileMode": Prop("Mode", int)}
    return {f"{key}Id": Prop(f"{kind}ID"), f"{key}Name": Prop(f"{kind}Name"), **of_the_file}


_CONTAINER = {
    "image": Prop("Image", str),
    "args": Prop("Args"),
    "env": Prop("Env", lambda variables: [f"{name}={value}" for name, value in sorted(variables.items())]),
    "readOnly": Prop("ReadOnly"),
    "stopGracePeriod": Prop("StopGracePeriod", duration),
    "capDrops": Prop("CapabilityDrop"),
    "labels": LABELS,
    "mounts": Prop(
        "Mounts",
        fields={
            "type": Prop("Type"),
            "source": Prop("Source"),
            "target": Prop("Target"),
            "volumeOptions": Prop("VolumeOptions", fields={"labels": LABELS}),
            "tmpfsOptions": Prop("TmpfsOptions", fields={"mode": Prop("Mode"), "sizeBytes": Prop("SizeBytes")}),
        },
    ),
    "healthcheck": Prop("Healthcheck", fields=HEALTHCHECK),
    "secrets": Prop("Secrets", fields=_file("Secret")),
    "configs": Prop("Configs", fields=_file("Config")),
}
_LIMITS = {"memoryBytes": Prop("MemoryBytes"), "nanoCpus": Prop("NanoCPUs")}
_TASK = {
    "containerSpec": Prop("ContainerSpec", fields=_CONTAINER),
    "placement": Prop("Placement", fields={"constraints": Prop("Constraints"), "maxReplicas": Prop("MaxReplicas")}),
    "networksAdvanceds": Prop("Networks", fields={"id": Prop("Target")}),
    "resources": Prop("Resources", fields={"limits": Prop("Limits", fields=_LIMITS)}),
    "restartPolicy": Prop(
        "RestartPolicy",
        fields={
            "condition": Prop("Condition"),
            "delay": Prop("Delay", duration),
            "maxAttempts": Prop("MaxAttempts"),
            "window": Prop("Window", duration),
        },
    ),
    "logDriver": Prop("LogDriver", fields={"name": Prop("Name"), "options": Prop("Options")}),
}
_UPDATE = {
    "parallelism": Prop("Parallelism"),
    "delay": Prop("Delay", duration),
    "failureAction": Prop("FailureAction"),
    "monitor": Prop("Monitor", duration),
    "maxFailureRatio": Prop("MaxFailureRatio", float),
    "order": Prop("Order"),
}


def body(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A service's TaskTemplate, Mode and UpdateConfig as Docker takes them."""
    replicated = (inputs.get("mode") or {}).get("replicated") or {}
    task = told(_TASK, inputs["taskSpec"])
    container = task["ContainerSpec"]
    container.setdefault("Env", [])  # so that one added by hand is seen
    for kind in ("Secrets", "Configs"):
        container[kind] = [_as_file(item) for item in container.get(kind, [])]
    return {
        "task_template": task,
        "mode": {"Replicated": {"Replicas": int(replicated.get("replicas", 1))}},
        "update_config": told(_UPDATE, inputs.get("updateConfig") or {}),
    }


def _as_file(item: Mapping[str, Any]) -> dict[str, Any]:
    """Owner and mode are as the real provider has them by default."""
    others = {key: value for key, value in item.items() if key not in ("Name", "Mode")}
    return {**others, "File": {"Name": item["Name"], "UID": "0", "GID": "0", "Mode": item.get("Mode", 0o444)}}


class _SwarmHandler(Handler):
    """What all have in common; `word` is the type in messages, and in the names of the client's methods."""

    def listed(self, label: str) -> Iterable[Mapping[str, Any]]:
        """Nothing where the daemon manages no Swarm."""
        from docker.errors import APIError

        try:
            found: list[dict[str, Any]] = getattr(self._client, f"{self.word}s")(filters={"label": label})
        except APIError as error:
            if "not a swarm manager" not in str(error):
                raise
            return []
        return found


class ServiceHandler(_SwarmHandler):
    """Creates, changes and removes Swarm services."""

    type = "docker:index/service:Service"
    word = "service"
    props: Mapping[str, Prop] = {
        "name": Prop(),
        "labels": replace(LABELS, effect="live"),
        "mode": Prop(fields={"replicated": Prop(fields=keys("replicas"))}, effect="live"),
        "taskSpec": Prop(fields=_TASK, effect="live"),
        "updateConfig": Prop(fields=_UPDATE, effect="live"),
        "auth": Prop(fields=keys("serverAddress", "username", "password"), effect="engine"),
    }

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


class SecretHandler(_SwarmHandler):
    """Creates, reads and removes Swarm secrets."""

    type = "docker:index/secret:Secret"
    word = "secret"
    props: Mapping[str, Prop] = {"name": Prop(), "labels": LABELS, "data": Prop()}

    def create(self, inputs: dict[str, Any], making: Making) -> Made:
        making.make_room()
        name = str(inputs["name"])
        try:
            data = base64.b64decode(str(inputs.get("data", "")), validate=True)
        except binascii.Error as error:
            raise EngineError(f"{self.word} '{name}': `data` is not Base64") from error
        with explained(f"creating {self.word} '{name}'"):
            create = getattr(self._client, f"create_{self.word}")
            made = create(name, data, labels={**label_map(inputs), **making.marks})
        return Made(str(made["ID"]), visible(inputs))


class ServiceConfigHandler(SecretHandler):
    """The same with Swarm configs."""

    type = "docker:index/serviceConfig:ServiceConfig"
    word = "config"
