"""docker.Container's supported inputs: what a change of each asks for, and what values are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.docker.resource import LABELS, Prop, keys
from engine.errors import EngineError
from engine.values.compare import by_key, by_variable

PROPS: Mapping[str, Prop] = {
    "name": Prop(),
    "image": Prop(),
    "command": Prop(),
    "entrypoints": Prop(),
    "envs": Prop(identity=by_variable),
    "labels": LABELS,
    "ports": Prop(
        fields=keys("internal", "external", "ip", "protocol"),
        identity=by_key("internal", "protocol", "ip"),
    ),
    "networkMode": Prop(),
    "networksAdvanced": Prop(fields=keys("name", "ipv4Address"), identity=by_key("name")),
    "volumes": Prop(
        fields=keys("containerPath", "volumeName", "hostPath", "readOnly"), identity=by_key("containerPath")
    ),
    "uploads": Prop(fields=keys("file", "content", "permissions"), identity=by_key("file")),
    "healthcheck": Prop(fields=keys("tests", "interval", "timeout", "startPeriod", "retries")),
    "logDriver": Prop(),
    "logOpts": Prop(),
    "capabilities": Prop(fields=keys("adds", "drops")),
    "securityOpts": Prop(identity=str),
    "tmpfs": Prop(),
    "readOnly": Prop(),
    "stopSignal": Prop(),
    "stopTimeout": Prop(),
    "hostname": Prop(),
    "cpus": Prop(),
    "cpuShares": Prop(),
    "restart": Prop("live"),
    "memory": Prop("live"),
    "memorySwap": Prop("live"),
    "mustRun": Prop("engine"),
    "start": Prop("engine"),
    "destroyGraceSeconds": Prop("engine"),
}
"""Supported inputs. A changed health check replaces here (the real provider reports an update and does nothing)."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def duration(text: str) -> int:
    """Nanoseconds of a Go duration such as `1m30s`; EngineError when it is none."""
    total, position = 0.0, 0
    for match in _DURATION.finditer(text):
        if match.start() != position:
            break
        total += float(match.group(1)) * _UNITS[match.group(2)]
        position = match.end()
    if position != len(text) or not text:
        if text == "0":
            return 0
        raise EngineError(f"'{text}' is not a duration such as 500ms, 5s or 1m")
    return int(total)
