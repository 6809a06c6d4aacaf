"""A data node: a Redis server that is master or replica."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from redis_ha.plan.topology import Node
from redis_ha.resources.node_container import Shared, node_container


def data_node(
    shared: Shared,
    node: Node,
    after: pulumi.Input[Sequence[pulumi.Resource]],
) -> docker.Container:
    """Declare `node`. What it is told does not depend on how many others there are."""
    topology = shared.topology
    return node_container(
        shared,
        node,
        envs=lambda settings: {
            "redis_port": str(node.port),
            "sentinels": " ".join(slot.endpoint for slot in topology.sentinel_slots),
            "durability": settings.durability,
            "down_after": str(settings.timing.down_after),
        },
        after=after,
    )
