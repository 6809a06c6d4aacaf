"""One node at a time: what a node of the chain waits for, before it is touched and after."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pulumi
import pulumi_docker as docker

from components.joining import HEALTH_CHECK, joined, joined_once, nothing_there, started
from components.topology import Endpoint, Node, Topology


class Rollout:
    """One run's way along the chain.

    Where nothing of the stack was there when the run began, no service and no data has to be protected: then the nodes
    are started one after the other without a pause, and the last one counts as created when all have joined.
    """

    def __init__(self, topology: Topology) -> None:
        """To be made before anything of the stack is declared."""
        self._topology = topology
        self._first_start = not pulumi.runtime.is_dry_run() and nothing_there(topology)

    def after(
        self, previous: tuple[Node | Endpoint, docker.Container] | None, *others: pulumi.Resource
    ) -> pulumi.Input[Sequence[pulumi.Resource]]:
        """The resources to depend on: `others`, and the chain's previous container, once it has joined.

        The hook of the previous container has waited for it where this run created it. Where an
        earlier run was stopped because it did not join, its container is unchanged now and no hook
        runs: without this check the next `up` would go on to the next node, and the one after that.

        Over several hosts the waiting is all: with a dependency for Pulumi to keep, `--exclude` of one host would keep
        all that came before it in the chain from being removed.
        """
        if previous is None:
            return others
        node, container = previous
        kept: list[pulumi.Resource] = [container] if node.host is None else []
        if pulumi.runtime.is_dry_run():
            return [*kept, *others]

        async def wait() -> Sequence[pulumi.Resource]:
            await container.id.future()
            if isinstance(node, Node) and not self._first_start:
                await joined_once(node, self._topology)
            return [*kept, *others]

        return cast(pulumi.Input[Sequence[pulumi.Resource]], asyncio.ensure_future(wait()))

    def until_joined(
        self, node: Node | Endpoint, health_check: Sequence[str] = HEALTH_CHECK
    ) -> pulumi.ResourceHookBinding:
        """The hook by which a container counts as created only when it has joined, by its health check."""
        everyone = self._topology.rollout_order

        async def wait(_: pulumi.ResourceHookArgs) -> None:
            if isinstance(node, Node) and self._first_start:
                await started(node)
                waited_for = everyone if node == everyone[-1] else ()
                await asyncio.gather(*(joined(one, self._topology) for one in waited_for))
            else:
                await joined(node, self._topology, health_check)

        return pulumi.ResourceHookBinding(after_create=[pulumi.ResourceHook(f"{node.resource}-joined", wait)])
