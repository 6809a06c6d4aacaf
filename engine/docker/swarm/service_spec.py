"""docker.Service: the supported inputs, what Docker's API calls each, and how it takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.docker.container_props import duration
from engine.docker.labels import label_map
from engine.docker.resource import Fields


@dataclass(frozen=True)
class To:
    """Docker's name for an input; its value goes there as it is, or as `made` of it, or by the `fields` in it."""

    name: str
    made: Callable[[Any], Any] | None = None
    fields: Mapping[str, To] | None = None
    whole: tuple[str, ...] = ()
    """The keys of the objects that `made` takes whole."""


def _nanoseconds(text: Any) -> int:
    return duration(str(text))


def _file(kind: str) -> Mapping[str, To]:
    """A secret or a config as a file of the container's."""
    key = kind.lower()
    return {
        f"{key}Id": To(f"{kind}ID"),
        f"{key}Name": To(f"{kind}Name"),
        "fileName": To("Name"),
        "fileMode": To("Mode", int),
    }


_LABELS = To("Labels", lambda labels: label_map({"labels": labels}), whole=("label", "value"))
_CONTAINER = {
    "image": To("Image", str),
    "args": To("Args"),
    "env": To("Env", lambda variables: [f"{name}={value}" for name, value in sorted(variables.items())]),
    "readOnly": To("ReadOnly"),
    "stopGracePeriod": To("StopGracePeriod", _nanoseconds),
    "capDrops": To("CapabilityDrop"),
    "labels": _LABELS,
    "mounts": To(
        "Mounts",
        fields={
            "type": To("Type"),
            "source": To("Source"),
            "target": To("Target"),
            "volumeOptions": To("VolumeOptions", fields={"labels": _LABELS}),
            "tmpfsOptions": To("TmpfsOptions", fields={"mode": To("Mode"), "sizeBytes": To("SizeBytes")}),
        },
    ),
    "healthcheck": To(
        "Healthcheck",
        fields={
            "tests": To("Test"),
            "interval": To("Interval", _nanoseconds),
            "timeout": To("Timeout", _nanoseconds),
            "startPeriod": To("StartPeriod", _nanoseconds),
            "retries": To("Retries"),
        },
    ),
    "secrets": To("Secrets", fields=_file("Secret")),
    "configs": To("Configs", fields=_file("Config")),
}
TASK = {
    "containerSpec": To("ContainerSpec", fields=_CONTAINER),
    "placement": To("Placement", fields={"constraints": To("Constraints"), "maxReplicas": To("MaxReplicas")}),
    "networksAdvanceds": To("Networks", fields={"id": To("Target")}),
    "resources": To(
        "Resources",
        fields={"limits": To("Limits", fields={"memoryBytes": To("MemoryBytes"), "nanoCpus": To("NanoCPUs")})},
    ),
    "restartPolicy": To(
        "RestartPolicy",
        fields={
            "condition": To("Condition"),
            "delay": To("Delay", _nanoseconds),
            "maxAttempts": To("MaxAttempts"),
            "window": To("Window", _nanoseconds),
        },
    ),
    "logDriver": To("LogDriver", fields={"name": To("Name"), "options": To("Options")}),
}
UPDATE = {
    "parallelism": To("Parallelism"),
    "delay": To("Delay", _nanoseconds),
    "failureAction": To("FailureAction"),
    "monitor": To("Monitor", _nanoseconds),
    "maxFailureRatio": To("MaxFailureRatio", float),
    "order": To("Order"),
}


def supported(table: Mapping[str, To]) -> Fields:
    """The keys of a table's inputs, and of the objects in them."""
    return {
        key: supported(to.fields) if to.fields is not None else dict.fromkeys(to.whole) if to.whole else None
        for key, to in table.items()
    }


def body(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The service's TaskTemplate, Mode and UpdateConfig as Docker takes them."""
    replicated = (inputs.get("mode") or {}).get("replicated") or {}
    task = _told(TASK, inputs["taskSpec"])
    container = task["ContainerSpec"]
    container.setdefault("Env", [])  # so that one added by hand is seen
    for kind in ("Secrets", "Configs"):
        container[kind] = [_as_file(item) for item in container.get(kind, [])]
    return {
        "task_template": task,
        "mode": {"Replicated": {"Replicas": int(replicated.get("replicas", 1))}},
        "update_config": _told(UPDATE, inputs.get("updateConfig") or {}),
    }


def _told(table: Mapping[str, To], value: Any) -> Any:
    if isinstance(value, list):
        return [_told(table, item) for item in value]
    known = ((table[key], item) for key, item in value.items() if key in table and item is not None)
    return {to.name: _made(to, item) for to, item in known}


def _made(to: To, value: Any) -> Any:
    if to.fields is not None:
        return _told(to.fields, value)
    return to.made(value) if to.made else value


def _as_file(item: Mapping[str, Any]) -> dict[str, Any]:
    """Owner and mode are as the real provider has them by default."""
    told = {key: value for key, value in item.items() if key not in ("Name", "Mode")}
    return {**told, "File": {"Name": item["Name"], "UID": "0", "GID": "0", "Mode": item.get("Mode", 0o444)}}
