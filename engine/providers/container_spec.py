"""From docker.Container inputs to what the Docker API takes. Pure: no daemon is asked."""

from __future__ import annotations

import base64
import binascii
import io
import re
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.providers import common
from engine.resources import Prop

MEGABYTE = 1024 * 1024
NANO = 1_000_000_000
EVERYWHERE = "0.0.0.0"  # noqa: S104 (the real provider's default for `ip`)

PROPS: Mapping[str, Prop] = {
    "name": Prop(),
    "image": Prop(),
    "command": Prop(),
    "entrypoints": Prop(),
    "envs": Prop(identity=common.by_variable),
    "labels": common.LABELS,
    "ports": Prop(
        fields=frozenset({"internal", "external", "ip", "protocol"}),
        identity=common.by_key("internal", "protocol", "ip"),
    ),
    "networkMode": Prop(),
    "networksAdvanced": Prop(
        fields=frozenset({"name", "aliases", "ipv4Address", "ipv6Address"}), identity=common.by_key("name")
    ),
    "volumes": Prop(
        fields=frozenset({"containerPath", "volumeName", "hostPath", "readOnly"}),
        identity=common.by_key("containerPath"),
    ),
    "uploads": Prop(
        fields=frozenset({"file", "content", "contentBase64", "source", "sourceHash", "permissions", "executable"}),
        identity=common.by_key("file"),
    ),
    "healthcheck": Prop(fields=frozenset({"test", "interval", "timeout", "startPeriod", "startInterval", "retries"})),
    "logDriver": Prop(),
    "logOpts": Prop(),
    "capabilities": Prop(fields=frozenset({"adds", "drops"})),
    "securityOpts": Prop(identity=common.by_value),
    "tmpfs": Prop(),
    "readOnly": Prop(),
    "user": Prop(),
    "init": Prop(),
    "hostname": Prop(),
    "domainname": Prop(),
    "workingDir": Prop(),
    "ulimits": Prop(fields=frozenset({"name", "soft", "hard"}), identity=common.by_key("name")),
    "sysctls": Prop(),
    "hosts": Prop(fields=frozenset({"host", "ip"}), identity=common.by_key("host", "ip")),
    "dns": Prop(identity=common.by_value),
    "dnsOpts": Prop(identity=common.by_value),
    "dnsSearches": Prop(identity=common.by_value),
    "groupAdds": Prop(identity=common.by_value),
    "privileged": Prop(),
    "publishAllPorts": Prop(),
    "tty": Prop(),
    "stdinOpen": Prop(),
    "pidMode": Prop(),
    "ipcMode": Prop(),
    "usernsMode": Prop(),
    "runtime": Prop(),
    "shmSize": Prop(),
    "storageOpts": Prop(),
    "stopSignal": Prop(),
    "stopTimeout": Prop(),
    "cpus": Prop(),
    "cpuPeriod": Prop(),
    "cpuQuota": Prop(),
    "restart": Prop("live"),
    "maxRetryCount": Prop("live"),
    "memory": Prop("live"),
    "memorySwap": Prop("live"),
    "memoryReservation": Prop("live"),
    "cpuShares": Prop("live"),
    "cpuSet": Prop("live"),
    "mustRun": Prop("engine"),
    "start": Prop("engine"),
    "wait": Prop("engine"),
    "waitTimeout": Prop("engine"),
    "destroyGraceSeconds": Prop("engine"),
    "removeVolumes": Prop("engine"),
    "containerReadRefreshTimeoutMilliseconds": Prop("engine"),
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


def check(name: str, inputs: Mapping[str, Any]) -> None:
    """EngineError for inputs that the real provider refuses too (what is unknown yet passes)."""
    where = f"container '{name}'"
    if "image" not in inputs:
        raise EngineError(f"{where}: `image` is required")
    if isinstance(inputs.get("name"), str) and not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", inputs["name"]):
        raise EngineError(f"{where}: '{inputs['name']}' is no container name (two or more of a-z A-Z 0-9 _ . -)")
    if inputs.get("restart") not in (None, "no", "on-failure", "always", "unless-stopped") and isinstance(
        inputs["restart"], str
    ):
        raise EngineError(
            f"{where}: restart must be no, on-failure, always or unless-stopped, not '{inputs['restart']}'"
        )
    if any(item == "" for item in inputs.get("command") or []):
        raise EngineError(f"{where}: values for command may not be empty")
    for item in inputs.get("uploads") or []:
        if not isinstance(item, Mapping):
            continue
        given = [key for key in ("content", "contentBase64", "source") if item.get(key) not in (None, "")]
        if len(given) != 1:
            raise EngineError(
                f"{where}: upload '{item.get('file')}': exactly one of content, contentBase64 and source must be set"
            )
        permissions = item.get("permissions")
        if isinstance(permissions, str) and not re.fullmatch(r"0[0-7]{3}", permissions):
            raise EngineError(f"{where}: upload '{item.get('file')}': permissions '{permissions}' must be like 0644")
    health = inputs.get("healthcheck")
    if isinstance(health, Mapping):
        for key in ("interval", "timeout", "startPeriod", "startInterval"):
            if isinstance(health.get(key), str):
                duration(health[key])


def create_body(inputs: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """The body of POST /containers/create."""
    host = _host_config(inputs)
    body: dict[str, Any] = {
        "Image": inputs["image"],
        "Hostname": inputs.get("hostname", ""),
        "Domainname": inputs.get("domainname", ""),
        "Tty": bool(inputs.get("tty")),
        "OpenStdin": bool(inputs.get("stdinOpen")),
        "Env": [str(item) for item in inputs.get("envs") or []],
        "Labels": {**common.label_map(inputs), **labels},
        "HostConfig": host,
    }
    if inputs.get("stopSignal"):
        body["StopSignal"] = inputs["stopSignal"]
    if inputs.get("stopTimeout") is not None:
        body["StopTimeout"] = int(inputs["stopTimeout"])
    if inputs.get("command"):
        body["Cmd"] = list(inputs["command"])
    if inputs.get("entrypoints"):
        body["Entrypoint"] = list(inputs["entrypoints"])
    if inputs.get("user"):
        body["User"] = inputs["user"]
    if inputs.get("workingDir"):
        body["WorkingDir"] = inputs["workingDir"]
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
        "Privileged": bool(inputs.get("privileged")),
        "PublishAllPorts": bool(inputs.get("publishAllPorts")),
        "ReadonlyRootfs": bool(inputs.get("readOnly")),
        "Init": bool(inputs.get("init")),
        "NetworkMode": inputs.get("networkMode") or "bridge",
        **live_config(inputs),
    }
    log: dict[str, Any] = {}
    if inputs.get("logDriver"):
        log["Type"] = inputs["logDriver"]
    if inputs.get("logOpts"):
        log["Config"] = {key: str(value) for key, value in inputs["logOpts"].items()}
    if log:
        host["LogConfig"] = log
    binds, anonymous = [], {}
    for item in inputs.get("volumes") or []:
        source = item.get("volumeName") or item.get("hostPath")
        if source:
            binds.append(f"{source}:{item['containerPath']}:{'ro' if item.get('readOnly') else 'rw'}")
        else:
            anonymous[item["containerPath"]] = ""
    if binds:
        host["Binds"] = binds
    if anonymous:
        raise EngineError(
            "a container volume needs `volume_name` or `host_path` (anonymous volumes are not implemented)"
        )
    if inputs.get("capabilities"):
        host["CapAdd"] = list(inputs["capabilities"].get("adds") or [])
        host["CapDrop"] = list(inputs["capabilities"].get("drops") or [])
    if inputs.get("ulimits"):
        host["Ulimits"] = [
            {"Name": item["name"], "Soft": item["soft"], "Hard": item["hard"]} for item in inputs["ulimits"]
        ]
    if inputs.get("hosts"):
        host["ExtraHosts"] = [f"{item['host']}:{item['ip']}" for item in inputs["hosts"]]
    for key, target in {
        "securityOpts": "SecurityOpt",
        "tmpfs": "Tmpfs",
        "sysctls": "Sysctls",
        "storageOpts": "StorageOpt",
        "dns": "Dns",
        "dnsOpts": "DnsOptions",
        "dnsSearches": "DnsSearch",
        "groupAdds": "GroupAdd",
        "pidMode": "PidMode",
        "ipcMode": "IpcMode",
        "usernsMode": "UsernsMode",
        "runtime": "Runtime",
        "cpuPeriod": "CpuPeriod",
        "cpuQuota": "CpuQuota",
    }.items():
        if inputs.get(key):
            host[target] = inputs[key]
    if inputs.get("shmSize"):
        host["ShmSize"] = int(inputs["shmSize"]) * MEGABYTE
    if inputs.get("cpus"):
        host["NanoCpus"] = nano_cpus(inputs["cpus"])
    return host


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
        "RestartPolicy": {
            "Name": inputs.get("restart") or "no",
            "MaximumRetryCount": int(inputs.get("maxRetryCount") or 0),
        },
        **({"Memory": int(inputs["memory"]) * MEGABYTE} if inputs.get("memory") else {}),
        **({"MemorySwap": int(swap) * (MEGABYTE if int(swap) > 0 else 1)} if swap else {}),
        **(
            {"MemoryReservation": int(inputs["memoryReservation"]) * MEGABYTE}
            if inputs.get("memoryReservation")
            else {}
        ),
        **({"CpuShares": int(inputs["cpuShares"])} if inputs.get("cpuShares") else {}),
        **({"CpusetCpus": str(inputs["cpuSet"])} if inputs.get("cpuSet") else {}),
    }


def live_inputs(host: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that a container's HostConfig says are in force now, for those that can change in place."""
    policy = host.get("RestartPolicy") or {}
    swap = int(host.get("MemorySwap") or 0)
    return {
        "restart": policy.get("Name") or "no",
        "maxRetryCount": int(policy.get("MaximumRetryCount") or 0),
        "memory": int(host.get("Memory") or 0) // MEGABYTE,
        "memorySwap": swap // MEGABYTE if swap > 0 else swap,
        "memoryReservation": int(host.get("MemoryReservation") or 0) // MEGABYTE,
        "cpuShares": int(host.get("CpuShares") or 0),
        "cpuSet": host.get("CpusetCpus") or "",
    }


def endpoint(network: Mapping[str, Any]) -> dict[str, Any]:
    """How a container is attached to a network (EndpointSettings)."""
    addresses = {}
    if network.get("ipv4Address"):
        addresses["IPv4Address"] = network["ipv4Address"]
    if network.get("ipv6Address"):
        addresses["IPv6Address"] = network["ipv6Address"]
    return {"IPAMConfig": addresses or None, "Aliases": list(network.get("aliases") or []) or None}


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
    if health.get("test"):
        body["Test"] = list(health["test"])
    for key, target in {
        "interval": "Interval",
        "timeout": "Timeout",
        "startPeriod": "StartPeriod",
        "startInterval": "StartInterval",
    }.items():
        if health.get(key):
            body[target] = duration(str(health[key]))
    return body


def upload_archive(uploads: list[Mapping[str, Any]]) -> bytes:
    """A tar of the uploads for `/`: root-owned, 0644 (0744 when executable) unless `permissions` says otherwise."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for item in uploads:
            content = upload_content(item)
            info = tarfile.TarInfo(str(item["file"]))
            info.size = len(content)
            info.mtime = int(time.time())
            if item.get("permissions"):
                info.mode = int(str(item["permissions"]), 8)
            else:
                info.mode = 0o744 if item.get("executable") else 0o644
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def upload_content(item: Mapping[str, Any]) -> bytes:
    """The bytes of one upload; EngineError when its source cannot be read."""
    if item.get("content"):
        return str(item["content"]).encode()
    if item.get("contentBase64"):
        try:
            return base64.b64decode(item["contentBase64"], validate=True)
        except binascii.Error as error:
            raise EngineError(f"upload '{item.get('file')}': contentBase64 is not base64") from error
    try:
        return Path(str(item["source"])).read_bytes()
    except OSError as error:
        raise EngineError(f"upload '{item.get('file')}': could not read file: {error}") from error
