"""docker.Service: the supported inputs, and what Docker's API is told for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.docker.container_props import duration
from engine.docker.labels import label_map
from engine.errors import EngineError

_LABELS = {"label", "value"}
_FILE = {"fileName", "fileMode"}

# The supported keys, and those of the objects in them. None: a plain value, a list or a map of such.
_CONTAINER: dict[str, Any] = {
    "image": None,
    "args": None,
    "env": None,
    "readOnly": None,
    "stopGracePeriod": None,
    "capDrops": None,
    "labels": dict.fromkeys(_LABELS),
    "mounts": {
        "type": None,
        "source": None,
        "target": None,
        "volumeOptions": {"labels": dict.fromkeys(_LABELS)},
        "tmpfsOptions": {"mode": None, "sizeBytes": None},
    },
    "healthcheck": dict.fromkeys(("tests", "interval", "timeout", "startPeriod", "retries")),
    "secrets": dict.fromkeys(_FILE | {"secretId", "secretName"}),
    "configs": dict.fromkeys(_FILE | {"configId", "configName"}),
}
SUPPORTED: dict[str, Any] = {
    "name": None,
    "labels": dict.fromkeys(_LABELS),
    "auth": dict.fromkeys(("serverAddress", "username", "password")),
    "mode": {"replicated": {"replicas": None}},
    "updateConfig": dict.fromkeys(("parallelism", "delay", "failureAction", "monitor", "maxFailureRatio", "order")),
    "taskSpec": {
        "containerSpec": _CONTAINER,
        "placement": {"constraints": None, "maxReplicas": None},
        "networksAdvanceds": {"id": None},
        "resources": {"limits": {"memoryBytes": None, "nanoCpus": None}},
        "restartPolicy": dict.fromkeys(("condition", "delay", "maxAttempts", "window")),
        "logDriver": {"name": None, "options": None},
    },
}


def refuse_unsupported(name: str, value: Any, known: Mapping[str, Any] = SUPPORTED, path: str = "") -> None:
    """EngineError naming the first input, however deep, that this engine does not implement."""
    bare = getattr(value, "value", value)
    for member in bare if isinstance(bare, list) else [bare]:
        item = getattr(member, "value", member)
        if not isinstance(item, Mapping):
            continue
        for key, inner in item.items():
            if path == "" and key.startswith("__"):
                continue
            if key not in known:
                raise EngineError(f"service '{name}': property '{path}{key}' is not implemented by the embedded engine")
            if isinstance(known[key], Mapping):
                refuse_unsupported(name, inner, known[key], f"{path}{key}.")


def body(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The service's TaskTemplate, Mode and UpdateConfig as Docker takes them."""
    update = inputs.get("updateConfig") or {}
    replicated = (inputs.get("mode") or {}).get("replicated") or {}
    return {
        "task_template": _task(inputs["taskSpec"]),
        "mode": {"Replicated": {"Replicas": int(replicated.get("replicas", 1))}},
        "update_config": _given(
            {
                "Parallelism": update.get("parallelism"),
                "Delay": _nanoseconds(update.get("delay")),
                "FailureAction": update.get("failureAction"),
                "Monitor": _nanoseconds(update.get("monitor")),
                "MaxFailureRatio": float(update["maxFailureRatio"]) if "maxFailureRatio" in update else None,
                "Order": update.get("order"),
            }
        ),
    }


def _task(task: Mapping[str, Any]) -> dict[str, Any]:
    placement, restart = task.get("placement") or {}, task.get("restartPolicy") or {}
    limits = (task.get("resources") or {}).get("limits") or {}
    log = task.get("logDriver") or {}
    networks = task.get("networksAdvanceds") or []
    return _given(
        {
            "ContainerSpec": _container(task["containerSpec"]),
            "Placement": _given(
                {"Constraints": placement.get("constraints"), "MaxReplicas": placement.get("maxReplicas")}
            ),
            "Networks": [{"Target": network["id"]} for network in networks],
            "Resources": {
                "Limits": _given({"MemoryBytes": limits.get("memoryBytes"), "NanoCPUs": limits.get("nanoCpus")})
            },
            "RestartPolicy": _given(
                {
                    "Condition": restart.get("condition"),
                    "Delay": _nanoseconds(restart.get("delay")),
                    "MaxAttempts": restart.get("maxAttempts"),
                    "Window": _nanoseconds(restart.get("window")),
                }
            ),
            "LogDriver": {"Name": log["name"], "Options": dict(log.get("options") or {})} if log else None,
        }
    )


def _container(spec: Mapping[str, Any]) -> dict[str, Any]:
    health = spec.get("healthcheck")
    return _given(
        {
            "Image": str(spec["image"]),
            "Args": spec.get("args"),
            "Env": [f"{name}={value}" for name, value in sorted((spec.get("env") or {}).items())],
            "ReadOnly": spec.get("readOnly"),
            "StopGracePeriod": _nanoseconds(spec.get("stopGracePeriod")),
            "CapabilityDrop": spec.get("capDrops"),
            "Labels": label_map(spec),
            "Mounts": [_mount(mount) for mount in spec.get("mounts") or []],
            "Healthcheck": _given(
                {
                    "Test": health.get("tests"),
                    "Interval": _nanoseconds(health.get("interval")),
                    "Timeout": _nanoseconds(health.get("timeout")),
                    "StartPeriod": _nanoseconds(health.get("startPeriod")),
                    "Retries": health.get("retries"),
                }
            )
            if health
            else None,
            "Secrets": [_file("Secret", item) for item in spec.get("secrets") or []],
            "Configs": [_file("Config", item) for item in spec.get("configs") or []],
        }
    )


def _mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    tmpfs = mount.get("tmpfsOptions")
    volume = mount.get("volumeOptions")
    return _given(
        {
            "Type": mount["type"],
            "Source": mount.get("source"),
            "Target": mount["target"],
            "VolumeOptions": {"Labels": label_map(volume)} if volume else None,
            "TmpfsOptions": _given({"Mode": tmpfs.get("mode"), "SizeBytes": tmpfs.get("sizeBytes")}) if tmpfs else None,
        }
    )


def _file(kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """A secret or a config as a file of the container's; owner and mode as the real provider has them by default."""
    key = kind.lower()
    return {
        f"{kind}ID": item[f"{key}Id"],
        f"{kind}Name": item.get(f"{key}Name"),
        "File": {
            "Name": item["fileName"],
            "UID": "0",
            "GID": "0",
            "Mode": int(item.get("fileMode", 0o444)),
        },
    }


def _nanoseconds(text: Any) -> int | None:
    return None if text is None else duration(str(text))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are set: an empty list is, None is not."""
    return {key: value for key, value in values.items() if value is not None}
