"""From docker.Container inputs to what the Docker API takes. Pure: no daemon is asked."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from typing import Any

from engine.docker.container_props import duration
from engine.docker.labels import label_map
from engine.errors import EngineError, NotDone

MEGABYTE = 1024 * 1024
NANO = 1_000_000_000
EVERYWHERE = "0.0.0.0"  # noqa: S104 (the real provider's default for `ip`)


def create_body(inputs: Mapping[str, Any], marks: Mapping[str, str]) -> dict[str, Any]:
    """The body of POST /containers/create."""
    host = _host_config(inputs)
    body: dict[str, Any] = {
        "Image": inputs["image"],
        "Env": [str(item) for item in inputs.get("envs") or []],
        "Labels": {**label_map(inputs), **marks},
        "HostConfig": host,
    }
    for key, target in (("stopSignal", "StopSignal"), ("hostname", "Hostname")):
        if inputs.get(key):
            body[target] = inputs[key]
    if inputs.get("stopTimeout") is not None:
        body["StopTimeout"] = int(inputs["stopTimeout"])
    if inputs.get("command"):
        body["Cmd"] = list(inputs["command"])
    if inputs.get("entrypoints"):
        body["Entrypoint"] = list(inputs["entrypoints"])
    exposed, bindings = _ports(inputs.get("ports") or [])
    if exposed:
        body["ExposedPorts"] = exposed
        host["PortBindings"] = bindings
    if isinstance(inputs.get("healthcheck"), Mapping):
        body["Healthcheck"] = _health(inputs["healthcheck"])
    networks = inputs.get("networksAdvanced") or []
    if networks and not inputs.get("networkMode"):
        first = networks[0]
        host["NetworkMode"] = first["name"]
        body["NetworkingConfig"] = {"EndpointsConfig": {first["name"]: endpoint(first)}}
    return body


def _host_config(inputs: Mapping[str, Any]) -> dict[str, Any]:
    host: dict[str, Any] = {
        "ReadonlyRootfs": bool(inputs.get("readOnly")),
        "NetworkMode": inputs.get("networkMode") or "bridge",
        **live_config(inputs),
    }
    host["LogConfig"] = _logging(inputs)
    if inputs.get("volumes"):
        host["Binds"] = [_bind(item) for item in inputs["volumes"]]
    if inputs.get("capabilities"):
        host["CapAdd"] = list(inputs["capabilities"].get("adds") or [])
        host["CapDrop"] = list(inputs["capabilities"].get("drops") or [])
    host.update(
        {
            target: inputs[key]
            for key, target in (("securityOpts", "SecurityOpt"), ("tmpfs", "Tmpfs"))
            if inputs.get(key)
        }
    )
    if inputs.get("cpus"):
        host["NanoCpus"] = nano_cpus(inputs["cpus"])
    if inputs.get("cpuShares"):
        host["CpuShares"] = int(inputs["cpuShares"])
    return host


def _logging(inputs: Mapping[str, Any]) -> dict[str, Any]:
    config = {key: str(value) for key, value in (inputs.get("logOpts") or {}).items()}
    return {"Type": inputs.get("logDriver") or "", "Config": config}


def _bind(volume: Mapping[str, Any]) -> str:
    source = volume.get("volumeName") or volume.get("hostPath")
    if not source:
        raise NotDone("a container volume with neither `volume_name` nor `host_path`")
    return f"{source}:{volume['containerPath']}:{'ro' if volume.get('readOnly') else 'rw'}"


def nano_cpus(text: Any) -> int:
    """Billionths of a CPU of `1.5`."""
    try:
        return round(float(text) * NANO)
    except ValueError as error:
        raise EngineError(f"cpus: '{text}' is not a number such as 1.5") from error


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


def endpoint(network: Mapping[str, Any]) -> dict[str, Any]:
    """How a container is attached to a network (EndpointSettings)."""
    address = network.get("ipv4Address")
    return {"IPAMConfig": {"IPv4Address": address} if address else None}


def _ports(ports: list[Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    exposed: dict[str, Any] = {}
    bindings: dict[str, Any] = {}
    for item in ports:
        key = f"{int(item['internal'])}/{item.get('protocol') or 'tcp'}"
        exposed[key] = {}
        external = item.get("external")
        bindings.setdefault(key, []).append(
            {"HostIp": item.get("ip") or EVERYWHERE, "HostPort": "" if external is None else str(int(external))}
        )
    return exposed, bindings


def _health(health: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"Retries": int(health.get("retries") or 0)}
    if health.get("tests"):
        body["Test"] = list(health["tests"])
    for key, target in (("interval", "Interval"), ("timeout", "Timeout"), ("startPeriod", "StartPeriod")):
        if health.get(key):
            body[target] = duration(str(health[key]))
    return body


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
