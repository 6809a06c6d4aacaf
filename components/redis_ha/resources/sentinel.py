"""A Sentinel: watches the master, and leads or joins failovers."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from redis_ha.plan.topology import Node
from redis_ha.resources.node_container import Shared, node_container


def sentinel(
    shared: Shared,
    node: Node,
    after: pulumi.Input[Sequence[pulumi.Resource]],
) -> docker.Container:
    """Declare `node`. A Sentinel knows the whole topology, so scaling rolls the Sentinels."""
    topology = shared.topology
    return node_container(
        shared,
        node,
        envs=lambda settings: {
            "sentinel_port": str(node.port),
            "sentinel_index": str(node.index),
            "quorum": str(settings.effective_quorum),
            "sentinel_periods": settings.timing.periods,
            "data_nodes": " ".join(f"{peer.name}={peer.endpoint}" for peer in topology.data_nodes),
            "sentinels": " ".join(f"{peer.endpoint}:{topology.sentinel_id(peer)}" for peer in topology.sentinels),
        },
        after=after,
    )
