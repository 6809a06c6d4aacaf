"""What the containers of data nodes and Sentinels have in common."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from redis_ha.plan import labels
from redis_ha.plan.identity import Identity
from redis_ha.plan.topology import Kind, Node, Topology
from redis_ha.resources.machines import Machines
from redis_ha.resources.node_files import FOLDER, NodeFiles
from redis_ha.resources.rollout import Rollout
from redis_ha.settings.given import Given
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

    given: Given
    topology: Topology
    machines: Machines
    rollout: Rollout
    parent: pulumi.Resource
    network: pulumi.Input[str] | None = None
    files: dict[tuple[Kind, Host | None], NodeFiles] = field(default_factory=dict)

    @property
    def identity(self) -> Identity:
        return self.topology.identity


def node_volume(shared: Shared, node: Node) -> docker.Volume:
    """The named volume that is the node's /data.

    It is never replaced: by what it was first called and labelled it is found as long as it lives.
    """
    identity = shared.identity
    return docker.Volume(
        identity.resource(node.name, node.host_name),
        name=node.container,
        labels=[
            docker.VolumeLabelArgs(label=label, value=value)
            for label, value in identity.labels(node.kind, node.name).items()
        ],
        opts=pulumi.ResourceOptions(
            parent=shared.parent,
            provider=shared.machines.at(node.host).provider,
            retain_on_delete=shared.given.now.retain_data,
            # Not said where it is off: then it is as the program says of the whole component.
            protect=True if shared.given.now.protect_data and node.kind == "redis" else None,
            ignore_changes=["name", "labels"],
            aliases=[pulumi.Alias(name=old) for old in identity.former(node.name, node.host_name)],
        ),
    )


def node_container(
    shared: Shared,
    node: Node,
    *,
    envs: Callable[[Settings], Mapping[str, str]],
    after: pulumi.Input[Sequence[pulumi.Resource]],
) -> docker.Container:
    """One node's container, replaced in place of the old one and waited for until it has joined.

    `envs` is what only nodes of its kind are told; `after` is what must have joined before this one is touched.
    """
    given, identity = shared.given, shared.identity
    machine = shared.machines.at(node.host)
    volume = node_volume(shared, node)
    memory = given.of(lambda settings: _memory(settings, node))
    bridge = node.fixed_address is not None
    return docker.Container(
        identity.resource(node.name, node.host_name),
        name=node.container,
        image=machine.image,
        command=[node.role],
        envs=given.of(
            lambda settings: [
                f"{name}={value}"
                for name, value in sorted({**_environment(shared, settings, node), **envs(settings)}.items())
            ]
        ),
        labels=[
            docker.ContainerLabelArgs(label=label, value=value)
            for label, value in {
                **identity.labels(node.kind, node.name),
                labels.TRANSPORT: "tls" if shared.topology.tls else "plain",
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
        ports=given.of(lambda settings: published(settings, [node.port])) if bridge else None,
        restart=given.of(lambda settings: settings.restart),
        memory=memory,
        memory_swap=memory,
        cpus=given.of(lambda settings: settings.resources.cpus) if node.kind == "redis" else None,
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        log_driver="json-file",
        log_opts={"max-size": "10m", "max-file": "3"},
        stop_timeout=STOP_SECONDS,
        destroy_grace_seconds=STOP_SECONDS,
        opts=pulumi.ResourceOptions(
            parent=shared.parent,
            provider=machine.provider,
            depends_on=after,
            delete_before_replace=True,
            aliases=[pulumi.Alias(name=old) for old in identity.former(node.name, node.host_name)],
            hooks=shared.rollout.until_joined(node),
        ),
    )


def _memory(settings: Settings, node: Node) -> int | None:
    """The limit of a node's container, in MB."""
    limit = settings.resources.memory if node.kind == "redis" else settings.resources.sentinel_memory
    return size_in_bytes(limit) // 1024**2 if limit else None


def _environment(shared: Shared, settings: Settings, node: Node) -> dict[str, str]:
    """What every node is told of itself and of the declared master."""
    return {
        "master_port": str(shared.topology.master.port),
        "master_address": shared.topology.master.address,
        "announce_address": node.address,
        "bind_address": _bind_address(node),
        "master_name": settings.master_name,
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
