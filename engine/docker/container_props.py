"""docker.Container's supported inputs, and what a change of each asks for."""

from collections.abc import Mapping

from engine.docker.props import LABELS, Prop, keys

PROPS: Mapping[str, Prop] = {
    "name": Prop(),
    "image": Prop(),
    "command": Prop(),
    "entrypoints": Prop(),
    "envs": Prop(any_order=True),
    "labels": LABELS,
    "ports": Prop(fields=keys("internal", "external", "ip", "protocol"), any_order=True),
    "networkMode": Prop(),
    "networksAdvanced": Prop(fields=keys("name", "ipv4Address"), any_order=True),
    "volumes": Prop(fields=keys("containerPath", "volumeName", "hostPath", "readOnly"), any_order=True),
    "uploads": Prop(fields=keys("file", "content", "permissions"), any_order=True),
    "healthcheck": Prop(fields=keys("tests", "interval", "timeout", "startPeriod", "retries")),
    "logDriver": Prop(),
    "logOpts": Prop(),
    "capabilities": Prop(fields=keys("adds", "drops")),
    "securityOpts": Prop(any_order=True),
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
