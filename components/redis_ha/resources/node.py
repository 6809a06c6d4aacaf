"""The nodes: data nodes, each a Redis server that is master or replica, and Sentinels, which lead failovers."""

from collections.abc import Mapping

import pulumi_docker as docker

from redis_ha.plan.topology import FOLDER, Node
from redis_ha.resources.container import Shared, container, megabytes, mounted
from redis_ha.resources.place import labelled
from redis_ha.settings.model import Settings

# Room for a hand-over (5 s at most) and for Redis to bring its last writes to disk.
STOP_SECONDS = 30
# The only place beside /data that a node can write to: its state file.
RUN_FOLDER = "/run/redis-ha"
SCRATCH_SIZE = 16 * 1024**2
SCRATCH = {RUN_FOLDER: f"rw,noexec,nosuid,nodev,size={SCRATCH_SIZE // 1024**2}m,mode=1777"}


def node_container(shared: Shared, node: Node) -> docker.Container:
    """Declare `node`, with its volume; it is touched when the one before it in the chain has joined."""
    machine, files = shared.machines.at(node.host), shared.files[node.kind, node.host]
    told = _sentinel if node.kind == "sentinel" else _data_node
    return container(
        shared,
        node,
        machine,
        after=shared.rollout.after(node, files.carrier),
        stop_seconds=STOP_SECONDS,
        memory=shared.given.of(lambda settings: _memory(settings, node)),
        ports=[node.port],
        former=node.name,
        command=[node.role],
        envs=shared.given.of(
            lambda settings: [
                f"{name}={value}"
                for name, value in sorted(
                    {**_environment(shared, settings, node), **told(shared, settings, node)}.items()
                )
            ]
        ),
        volumes=[mounted("/data", _volume(shared, node).name), mounted(FOLDER, files.volume, read_only=True)],
        tmpfs=SCRATCH,
        cpus=shared.given.of(lambda settings: settings.resources.cpus) if node.kind == "redis" else None,
    )


def _volume(shared: Shared, node: Node) -> docker.Volume:
    """The named volume that is the node's /data.

    It is never replaced: by what it was first called and labelled it is found as long as it lives.
    """
    place, settings = shared.machines.at(node.host).place, shared.given.now
    return docker.Volume(
        place.resource(node.name),
        name=node.container,
        labels=labelled(docker.VolumeLabelArgs, place.identity.labels(node.kind, node.name)),
        opts=place.options(
            node.name,
            retain_on_delete=settings.retain_data,
            # Not said where it is off: then it is as the program says of the whole component.
            protect=True if settings.protect_data and node.kind == "redis" else None,
            ignore_changes=["name", "labels"],
        ),
    )


def _memory(settings: Settings, node: Node) -> int | None:
    return megabytes(settings.resources.memory if node.kind == "redis" else settings.resources.sentinel_memory)


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


def _data_node(shared: Shared, settings: Settings, node: Node) -> Mapping[str, str]:
    """What it is told besides. That does not depend on how many others there are."""
    return {
        "redis_port": str(node.port),
        "sentinels": " ".join(slot.endpoint for slot in shared.topology.sentinel_slots),
        "durability": settings.durability,
        "down_after": str(settings.timing.down_after),
    }


def _sentinel(shared: Shared, settings: Settings, node: Node) -> Mapping[str, str]:
    """What it is told besides. It knows the whole topology, so scaling rolls the Sentinels."""
    topology = shared.topology
    return {
        "sentinel_port": str(node.port),
        "sentinel_index": str(node.index),
        "quorum": str(settings.effective_quorum),
        "sentinel_periods": settings.timing.periods,
        "data_nodes": " ".join(f"{peer.name}={peer.endpoint}" for peer in topology.data_nodes),
        "sentinels": " ".join(f"{peer.endpoint}:{topology.sentinel_id(peer)}" for peer in topology.sentinels),
    }


def _bind_address(node: Node) -> str:
    """All of its own network on a bridge; with host networking only what clients are told."""
    if node.fixed_address is not None:
        return "0.0.0.0"  # noqa: S104 - inside the stack's own network
    return "127.0.0.1" if node.address == "127.0.0.1" else f"{node.address} 127.0.0.1"
