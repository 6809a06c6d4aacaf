"""docker.Service: the supported inputs, what Docker's API calls each, and how it takes them."""

from collections.abc import Mapping
from typing import Any

from engine.docker.container_spec import HEALTHCHECK, duration
from engine.docker.labels import label_map
from engine.docker.props import To, told


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
    "stopGracePeriod": To("StopGracePeriod", duration),
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
    "healthcheck": To("Healthcheck", fields=HEALTHCHECK),
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
            "delay": To("Delay", duration),
            "maxAttempts": To("MaxAttempts"),
            "window": To("Window", duration),
        },
    ),
    "logDriver": To("LogDriver", fields={"name": To("Name"), "options": To("Options")}),
}
UPDATE = {
    "parallelism": To("Parallelism"),
    "delay": To("Delay", duration),
    "failureAction": To("FailureAction"),
    "monitor": To("Monitor", duration),
    "maxFailureRatio": To("MaxFailureRatio", float),
    "order": To("Order"),
}


def body(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The service's TaskTemplate, Mode and UpdateConfig as Docker takes them."""
    replicated = (inputs.get("mode") or {}).get("replicated") or {}
    task = told(TASK, inputs["taskSpec"])
    container = task["ContainerSpec"]
    container.setdefault("Env", [])  # so that one added by hand is seen
    for kind in ("Secrets", "Configs"):
        container[kind] = [_as_file(item) for item in container.get(kind, [])]
    return {
        "task_template": task,
        "mode": {"Replicated": {"Replicas": int(replicated.get("replicas", 1))}},
        "update_config": told(UPDATE, inputs.get("updateConfig") or {}),
    }


def _as_file(item: Mapping[str, Any]) -> dict[str, Any]:
    """Owner and mode are as the real provider has them by default."""
    others = {key: value for key, value in item.items() if key not in ("Name", "Mode")}
    return {**others, "File": {"Name": item["Name"], "UID": "0", "GID": "0", "Mode": item.get("Mode", 0o444)}}
