"""From docker.Container inputs to what the Docker API takes. Pure: no daemon is asked."""

import io
import re
import tarfile
import time
from collections.abc import Mapping
from typing import Any

from engine.docker.labels import label_map
from engine.docker.props import LABELS, Prop, Props, keys, told
from engine.errors import EngineError, NotDone

MEGABYTE = 1024 * 1024
NANO = 1_000_000_000
EVERYWHERE = "0.0.0.0"  # noqa: S104 (the real provider's default for `ip`)

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def duration(text: Any) -> int:
    """Nanoseconds of a Go duration such as `1m30s`; EngineError when it is none."""
    parts = _DURATION.findall(str(text))
    if str(text) != "0" and (not parts or "".join(number + unit for number, unit in parts) != str(text)):
        raise EngineError(f"'{text}' is not a duration such as 500ms, 5s or 1m")
    return int(sum(float(number) * _UNITS[unit] for number, unit in parts))


def nano_cpus(text: Any) -> int:
    """Billionths of a CPU of `1.5`."""
    try:
        return round(float(text) * NANO)
    except ValueError as error:
        raise EngineError(f"cpus: '{text}' is not a number such as 1.5") from error


def _bind(volume: Mapping[str, Any]) -> str:
    source = volume.get("volumeName") or volume.get("hostPath")
    if not source:
        raise NotDone("a container volume with neither `volume_name` nor `host_path`")
    return f"{source}:{volume['containerPath']}:{'ro' if volume.get('readOnly') else 'rw'}"


def _bindings(ports: list[Mapping[str, Any]]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for item in ports:
        external = item.get("external")
        at = {"HostIp": item.get("ip") or EVERYWHERE, "HostPort": "" if external is None else str(int(external))}
        found.setdefault(f"{int(item['internal'])}/{item.get('protocol') or 'tcp'}", []).append(at)
    return found


HEALTHCHECK = {
    "tests": Prop("Test"),
    "interval": Prop("Interval", duration),
    "timeout": Prop("Timeout", duration),
    "startPeriod": Prop("StartPeriod", duration),
    "retries": Prop("Retries"),
}
CAPABILITIES = {"adds": Prop("CapAdd"), "drops": Prop("CapDrop")}
_BODY = {
    "image": Prop("Image"),
    "command": Prop("Cmd"),
    "entrypoints": Prop("Entrypoint"),
    "envs": Prop("Env", any_order=True),
    "labels": LABELS,
    "hostname": Prop("Hostname"),
    "stopSignal": Prop("StopSignal"),
    "stopTimeout": Prop("StopTimeout"),
    # A changed one replaces here (the real provider reports an update and does nothing).
    "healthcheck": Prop("Healthcheck", lambda health: {"Retries": 0, **told(HEALTHCHECK, health)}, HEALTHCHECK),
}
_VOLUME = keys("containerPath", "volumeName", "hostPath", "readOnly")
_HOST = {
    "readOnly": Prop("ReadonlyRootfs"),
    "networkMode": Prop("NetworkMode"),
    "ports": Prop("PortBindings", _bindings, keys("internal", "external", "ip", "protocol"), any_order=True),
    "volumes": Prop("Binds", lambda volumes: [_bind(one) for one in volumes], _VOLUME, any_order=True),
    "securityOpts": Prop("SecurityOpt", any_order=True),
    "tmpfs": Prop("Tmpfs"),
    "cpus": Prop("NanoCpus", nano_cpus),
    "cpuShares": Prop("CpuShares"),
}
PROPS: Props = {
    **_BODY,
    **_HOST,
    "name": Prop(),
    "networksAdvanced": Prop(fields=keys("name", "ipv4Address"), any_order=True),
    "uploads": Prop(fields=keys("file", "content", "permissions"), any_order=True),
    "logDriver": Prop(),
    "logOpts": Prop(),
    "capabilities": Prop(fields=CAPABILITIES),
    "restart": Prop(effect="live"),
    "memory": Prop(effect="live"),
    "memorySwap": Prop(effect="live"),
    "mustRun": Prop(effect="engine"),
    "start": Prop(effect="engine"),
    "destroyGraceSeconds": Prop(effect="engine"),
}


def create_body(inputs: Mapping[str, Any], marks: Mapping[str, str]) -> dict[str, Any]:
    """The body of POST /containers/create."""
    given = {key: value for key, value in inputs.items() if value or key == "stopTimeout"}
    host = {"ReadonlyRootfs": False, "NetworkMode": "bridge", **told(_HOST, given), **live_config(given)}
    body = {"Env": [], **told(_BODY, given), "Labels": {**label_map(given), **marks}, "HostConfig": host}
    body["ExposedPorts"] = {key: {} for key in host.get("PortBindings", ())}
    options = {key: str(value) for key, value in (given.get("logOpts") or {}).items()}
    host["LogConfig"] = {"Type": given.get("logDriver", ""), "Config": options}
    host |= told(CAPABILITIES, given.get("capabilities") or {})
    if "networksAdvanced" in given and "networkMode" not in given:
        name, address = given["networksAdvanced"][0]["name"], given["networksAdvanced"][0].get("ipv4Address")
        host["NetworkMode"] = name
        attached = {"IPAMConfig": {"IPv4Address": address} if address else None}
        body["NetworkingConfig"] = {"EndpointsConfig": {name: attached}}
    return body


def live_config(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The part of HostConfig that can be changed in place; also the body of POST /containers/{id}/update."""
    swap = inputs.get("memorySwap")
    return {
        "RestartPolicy": {"Name": inputs.get("restart") or "no", "MaximumRetryCount": 0},
        **({"Memory": int(inputs["memory"]) * MEGABYTE} if inputs.get("memory") else {}),
        **({"MemorySwap": int(swap) * (MEGABYTE if int(swap) > 0 else 1)} if swap else {}),
    }


def live_inputs(host: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that a container's HostConfig says are in force now, for those that can change in place."""
    swap = int(host.get("MemorySwap") or 0)
    return {
        "restart": (host.get("RestartPolicy") or {}).get("Name") or "no",
        "memory": int(host.get("Memory") or 0) // MEGABYTE,
        "memorySwap": swap // MEGABYTE if swap > 0 else swap,
    }


def upload_archive(uploads: list[Mapping[str, Any]]) -> bytes:
    """A tar of the uploads for `/`: root-owned, 0644 unless `permissions` says otherwise."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for item in uploads:
            content = str(item["content"]).encode()
            info = tarfile.TarInfo(str(item["file"]))
            info.size = len(content)
            info.mtime = int(time.time())
            info.mode = int(str(item.get("permissions") or "0644"), 8)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
