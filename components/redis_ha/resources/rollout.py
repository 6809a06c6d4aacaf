"""One node at a time: what a node of the chain waits for, before it is touched and after."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pulumi
import pulumi_docker as docker

from redis_ha.docker.health import HEALTH_CHECK
from redis_ha.docker.joining import joined, joined_once, started
from redis_ha.docker.there import UNKNOWN, what_is_there
from redis_ha.plan.topology import Node, Part, Topology


class Rollout:
    """One run's way along the chain.

    Where most Sentinels were missing when the run began (nothing was there; only volumes; an earlier run was cut off;
    or all addresses change), no node could join the others: then all data nodes are started at the same time, and
    after them all Sentinels, which count as created when all have joined. The newest data leads: the nodes and
    Sentinels see to that.
    """

    def __init__(self, topology: Topology) -> None:
        """To be made before anything of the stack is declared."""
        self._topology = topology
        self._there = UNKNOWN if pulumi.runtime.is_dry_run() else what_is_there(topology)
        self._together = bool(self._there.unled)
        self._declared: list[tuple[Part, docker.Container]] = []

    def add(self, node: Part, container: docker.Container) -> None:
        """What has been declared, in the order of the chain."""
        self._declared.append((node, container))

    def after(self, node: Part, *others: pulumi.Resource) -> pulumi.Input[Sequence[pulumi.Resource]]:
        """The resources that `node` depends on: `others`, and the chain's previous container, once it has joined.

        The hook of the previous container has waited for it where this run created it. Where an
        earlier run was stopped because it did not join, its container is unchanged now and no hook
        runs: without this check the next `up` would go on to the next node, and the one after that.

        Over several hosts the waiting is all: with a dependency for Pulumi to keep, `--exclude` of one host would keep
        all that came before it in the chain from being removed.
        """
        previous = self._before(node)
        kept = [container for one, container in previous if one.host is None]
        if pulumi.runtime.is_dry_run() or not previous:
            return [*kept, *others]

        async def wait() -> Sequence[pulumi.Resource]:
            await asyncio.gather(*(container.id.future() for _, container in previous))
            for one, _ in previous:
                if isinstance(one, Node) and not self._together:
                    await joined_once(one, self._topology)
            return [*kept, *others]

        return cast(pulumi.Input[Sequence[pulumi.Resource]], asyncio.ensure_future(wait()))

    def _before(self, node: Part) -> list[tuple[Part, docker.Container]]:
        """What must be there before `node` is touched: the one before; where all start together the other kinds."""
        if not self._together:
            return self._declared[-1:]
        return [(one, container) for one, container in self._declared if one.kind != node.kind]

    def until_joined(self, node: Part, health_check: Sequence[str] = HEALTH_CHECK) -> pulumi.ResourceHookBinding:
        """The hook by which a container counts as created only when it has joined, by its health check.

        Where all start together the data nodes need one another, so they are waited for when all of them are there.
        """
        topology = self._topology

        async def wait(_: pulumi.ResourceHookArgs) -> None:
            if not self._together or not isinstance(node, Node):
                await joined(node, topology, health_check)
                return
            await started(node, first=not self._there.anything)
            if node.kind == "sentinel":
                data_nodes = topology.data_nodes if node == topology.sentinels[-1] else ()
                await asyncio.gather(*(joined(one, topology) for one in (*data_nodes, node)))

        return pulumi.ResourceHookBinding(after_create=[pulumi.ResourceHook(self._hook_name(node), wait)])

    def _hook_name(self, node: Part) -> str:
        return f"{self._topology.identity.resource(node.name, node.host_name)}-joined"
