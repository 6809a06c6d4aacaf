"""A data node: a Redis server that is master or replica."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from components.acl import data_node_acl
from components.directives import redis_directives
from components.node_container import Shared, node_container
from components.topology import Node


def data_node(
    shared: Shared,
    node: Node,
    parent: pulumi.Resource,
    after: pulumi.Input[Sequence[pulumi.Resource]],
) -> docker.Container:
    """Declare `node`. What it is told does not depend on how many others there are."""
    settings, topology = shared.settings, shared.topology
    return node_container(
        shared,
        node,
        command=node.role,
        envs={
            "redis_port": str(node.port),
            "master_port": str(topology.master.port),
            "master_address": topology.master.address,
            "announce_address": node.address,
            "bind_address": bind_address(node),
            "master_name": settings.master_name,
            "node_name": node.name,
            "sentinels": " ".join(slot.endpoint for slot in topology.sentinel_slots),
            "durability": settings.durability,
        },
        directives=redis_directives(settings),
        acl=data_node_acl(settings, shared.internal),
        parent=parent,
        after=after,
    )


def bind_address(node: Node) -> str:
    """All of its own network on a bridge; with host networking only what clients are told."""
    if node.fixed_address is not None:
        return "0.0.0.0"  # noqa: S104 - inside the stack's own network
    return "127.0.0.1" if node.address == "127.0.0.1" else f"{node.address} 127.0.0.1"
