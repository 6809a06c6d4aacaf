"""One node at a time: what a node of the chain waits for, before it is touched and after."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pulumi
import pulumi_docker as docker

from components.joining import HEALTH_CHECK, joined, joined_once
from components.topology import Endpoint, Node, Topology


def after_joined(
    previous: tuple[Node | Endpoint, docker.Container] | None,
    topology: Topology,
    *others: pulumi.Resource,
) -> pulumi.Input[Sequence[pulumi.Resource]]:
    """The resources to depend on: `others`, and the chain's previous container, once it has joined.

    The hook of the previous container has waited for it where this run created it. Where an
    earlier run was stopped because it did not join, its container is unchanged now and no hook
    runs: without this check the next `up` would go on to the next node, and the one after that.

    Over several hosts the waiting is all: with a dependency for Pulumi to keep, `--exclude` of one host would keep all
    that came before it in the chain from being removed.
    """
    if previous is None:
        return others
    node, container = previous
    kept: list[pulumi.Resource] = [container] if node.host is None else []
    if pulumi.runtime.is_dry_run():
        return [*kept, *others]

    async def wait() -> Sequence[pulumi.Resource]:
        await container.id.future()
        if isinstance(node, Node):
            await joined_once(node, topology)
        return [*kept, *others]

    return cast(pulumi.Input[Sequence[pulumi.Resource]], asyncio.ensure_future(wait()))


def until_joined(
    node: Node | Endpoint, topology: Topology, health_check: Sequence[str] = HEALTH_CHECK
) -> pulumi.ResourceHookBinding:
    """The hook by which a container counts as created only when it has joined, by its health check."""

    async def wait(_: pulumi.ResourceHookArgs) -> None:
        await joined(node, topology, health_check)

    return pulumi.ResourceHookBinding(after_create=[pulumi.ResourceHook(f"{node.resource}-joined", wait)])
