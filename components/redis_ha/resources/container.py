"""What every container of a cluster is made of, whatever runs in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_docker as docker

from redis_ha.plan import labels
from redis_ha.plan.topology import Kind, Part, Topology
from redis_ha.resources.machines import Machine, Machines
from redis_ha.resources.node_files import NodeFiles
from redis_ha.resources.place import labelled
from redis_ha.resources.rollout import Rollout
from redis_ha.settings.given import Given
from redis_ha.settings.hosts import Host
from redis_ha.settings.model import Settings
from redis_ha.settings.types import size_in_bytes


@dataclass(frozen=True)
class Shared:
    """What every container of a cluster is given."""

    given: Given
    topology: Topology
    machines: Machines
    rollout: Rollout
    network: pulumi.Input[str] | None = None
    files: dict[tuple[Kind, Host | None], NodeFiles] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """A health check that the image does not bring: its words, and how often and how long it is tried."""

    words: Sequence[str]
    interval: str = "15s"
    timeout: str = "3s"


def container(
    shared: Shared,
    part: Part,
    machine: Machine,
    *,
    after: pulumi.Input[Sequence[pulumi.Resource]],
    stop_seconds: int,
    memory: pulumi.Input[int | None],
    ports: Sequence[int] = (),
    check: Check | None = None,
    former: str | None = None,
    **more: Any,
) -> docker.Container:
    """The container of `part`, in place of the old one, waited for until it has joined. `more` is what only it has.

    `after` is what must be there before it is touched. `memory` is its limit in MB, and includes swap. `ports` are
    published where the network is a bridge. `check` is its health check, by default the image's own. `former` is its
    name before clusters had one.
    """
    place, bridge = machine.place, part.fixed_address is not None
    hooks = shared.rollout.until_joined(part, check.words) if check else shared.rollout.until_joined(part)
    options: dict[str, Any] = {"depends_on": after, "delete_before_replace": True, "hooks": hooks}
    if check:
        options["replace_on_changes"] = ["healthcheck"]  # the provider would change it in its state only
    networks = None
    if bridge and shared.network is not None:
        networks = [docker.ContainerNetworksAdvancedArgs(name=shared.network, ipv4_address=part.fixed_address)]
    return docker.Container(
        place.resource(part.name),
        name=part.container,
        image=machine.image,
        labels=labelled(
            docker.ContainerLabelArgs,
            {
                **place.identity.labels(part.kind, part.name),
                labels.TRANSPORT: "tls" if shared.topology.tls else "plain",
            },
        ),
        read_only=True,
        networks_advanced=networks,
        network_mode=None if bridge else "host",
        ports=shared.given.of(lambda settings: _published(settings, ports)) if bridge and ports else None,
        healthcheck=docker.ContainerHealthcheckArgs(
            tests=["CMD", *check.words], interval=check.interval, timeout=check.timeout, start_period="10s"
        )
        if check
        else None,
        restart=shared.given.of(lambda settings: settings.restart),
        memory=memory,
        memory_swap=memory,
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        log_driver="json-file",
        log_opts={"max-size": "10m", "max-file": "3"},
        stop_timeout=stop_seconds,
        destroy_grace_seconds=stop_seconds,
        opts=place.options(former, **options),
        **more,
    )


def mounted(path: str, volume: pulumi.Input[str], *, read_only: bool | None = None) -> docker.ContainerVolumeArgs:
    """A volume at a path of the container."""
    return docker.ContainerVolumeArgs(container_path=path, volume_name=volume, read_only=read_only)


def megabytes(limit: str | None) -> int | None:
    """A limit such as 1g as Docker's provider takes it."""
    return size_in_bytes(limit) // 1024**2 if limit else None


def _published(settings: Settings, ports: Sequence[int]) -> list[docker.ContainerPortArgs] | None:
    """At the host address that the settings name."""
    if settings.published is None:
        return None
    return [docker.ContainerPortArgs(internal=port, external=port, ip=settings.published) for port in ports]
