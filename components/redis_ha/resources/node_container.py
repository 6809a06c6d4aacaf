"""What the containers of data nodes and Sentinels have in common."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from redis_ha.plan import labels
from redis_ha.plan.topology import Kind, Node, Topology
from redis_ha.resources.machines import Machines
from redis_ha.resources.node_files import FOLDER, NodeFiles
from redis_ha.resources.rollout import Rollout
from redis_ha.settings.hosts import Host
from redis_ha.settings.model import Settings
from redis_ha.settings.types import size_in_bytes

# Room for a hand-over (5 s at most) and for Redis to bring its last writes to disk.
STOP_SECONDS = 30
# The only place beside /data that a node can write to: its state file.
RUN_FOLDER = "/run/redis-ha"
SCRATCH_SIZE = 16 * 1024**2
SCRATCH = {RUN_FOLDER: f"rw,noexec,nosuid,nodev,size={SCRATCH_SIZE // 1024**2}m,mode=1777"}


@dataclass(frozen=True)
class Shared:
    """What every node of a stack is given."""

    settings: Settings
    topology: Topology
    machines: Machines
    rollout: Rollout
    network: pulumi.Input[str] | None
    files: Mapping[tuple[Kind, Host | None], NodeFiles]


def node_volume(shared: Shared, node: Node, parent: pulumi.Resource) -> docker.Volume:
    """The named volume that is the node's /data."""
    return docker.Volume(
        node.resource,
        name=node.container,
        labels=[
            docker.VolumeLabelArgs(label=label, value=value)
            for label, value in labels.labels(shared.topology.stack, node.kind, node.name).items()
        ],
        opts=pulumi.ResourceOptions(
            parent=parent,
            provider=shared.machines.at(node.host).provider,
            retain_on_delete=shared.settings.retain_data,
        ),
    )


def node_container(
    shared: Shared,
    node: Node,
    *,
    envs: Mapping[str, str],
    parent: pulumi.Resource,
    after: pulumi.Input[Sequence[pulumi.Resource]],
) -> docker.Container:
    """One node's container, replaced in place of the old one and waited for until it has joined.

    `envs` is what only nodes of its kind are told; `after` is what must have joined before this one is touched.
    """
    settings = shared.settings
    machine = shared.machines.at(node.host)
    volume = node_volume(shared, node, parent)
    resources = settings.resources
    limit = resources.memory if node.kind == "redis" else resources.sentinel_memory
    memory = size_in_bytes(limit) // 1024**2 if limit else None
    bridge = node.fixed_address is not None
    return docker.Container(
        node.resource,
        name=node.container,
        image=machine.image,
        command=[node.role],
        envs=[f"{name}={value}" for name, value in sorted({**_environment(shared, node), **envs}.items())],
        labels=[
            docker.ContainerLabelArgs(label=label, value=value)
            for label, value in {
                **labels.labels(shared.topology.stack, node.kind, node.name),
                labels.TRANSPORT: "plain" if settings.tls is None else "tls",
            }.items()
        ],
        volumes=[
            docker.ContainerVolumeArgs(container_path="/data", volume_name=volume.name),
            docker.ContainerVolumeArgs(
                container_path=FOLDER, volume_name=shared.files[node.kind, node.host].volume, read_only=True
            ),
        ],
        read_only=True,
        tmpfs=SCRATCH,
        networks_advanced=(
            [docker.ContainerNetworksAdvancedArgs(name=shared.network, ipv4_address=node.fixed_address)]
            if bridge and shared.network is not None
            else None
        ),
        network_mode=None if bridge else "host",
        ports=published(settings, [node.port]) if bridge else None,
        restart=settings.restart,
        memory=memory,
        memory_swap=memory,
        cpus=resources.cpus if node.kind == "redis" else None,
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        log_driver="json-file",
        log_opts={"max-size": "10m", "max-file": "3"},
        stop_timeout=STOP_SECONDS,
        destroy_grace_seconds=STOP_SECONDS,
        opts=pulumi.ResourceOptions(
            parent=parent,
            provider=machine.provider,
            depends_on=after,
            delete_before_replace=True,
            hooks=shared.rollout.until_joined(node),
        ),
    )


def _environment(shared: Shared, node: Node) -> dict[str, str]:
    """What every node is told of itself and of the declared master."""
    return {
        "master_port": str(shared.topology.master.port),
        "master_address": shared.topology.master.address,
        "announce_address": node.address,
        "bind_address": _bind_address(node),
        "master_name": shared.settings.master_name,
        "node_name": node.name,
    }


def _bind_address(node: Node) -> str:
    """All of its own network on a bridge; with host networking only what clients are told."""
    if node.fixed_address is not None:
        return "0.0.0.0"  # noqa: S104 - inside the stack's own network
    return "127.0.0.1" if node.address == "127.0.0.1" else f"{node.address} 127.0.0.1"


def published(settings: Settings, ports: Iterable[int]) -> list[docker.ContainerPortArgs] | None:
    """Ports of a container on a bridge, at the host address that the settings name."""
    address = settings.advertise or settings.publish
    if address == "none":
        return None
    return [docker.ContainerPortArgs(internal=port, external=port, ip=address) for port in ports]
