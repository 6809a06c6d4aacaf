"""One node at a time: what a node of the chain waits for, before it is touched and after."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import pulumi
import pulumi_docker as docker

from components.joining import joined, joined_once
from components.topology import Node


def after_joined(
    previous: tuple[Node, docker.Container] | None,
    *others: pulumi.Resource,
) -> pulumi.Input[Sequence[pulumi.Resource]]:
    """The resources to depend on: `others`, and the chain's previous container, once it has joined.

    The hook of the previous container has waited for it where this run created it. Where an
    earlier run was stopped because it did not join, its container is unchanged now and no hook
    runs: without this check the next `up` would go on to the next node, and the one after that.
    """
    if previous is None:
        return others
    node, container = previous
    if pulumi.runtime.is_dry_run():
        return [container, *others]

    async def wait() -> Sequence[pulumi.Resource]:
        await container.id.future()
        await joined_once(node.container)
        return [container, *others]

    return cast(pulumi.Input[Sequence[pulumi.Resource]], asyncio.ensure_future(wait()))


def until_joined(node: Node) -> pulumi.ResourceHookBinding:
    """The hook by which a node counts as created only when it has joined."""

    async def wait(_: pulumi.ResourceHookArgs) -> None:
        await joined(node.container, bootstrap_master=node.role == "master")

    return _after_create(node.container, wait)


def until_healthy(container: str, health_check: Sequence[str]) -> pulumi.ResourceHookBinding:
    """The hook by which a container counts as created only when its own health check says so."""

    async def wait(_: pulumi.ResourceHookArgs) -> None:
        await joined(container, health_check=health_check)

    return _after_create(container, wait)


def _after_create(
    container: str, wait: Callable[[pulumi.ResourceHookArgs], Awaitable[None]]
) -> pulumi.ResourceHookBinding:
    return pulumi.ResourceHookBinding(after_create=[pulumi.ResourceHook(f"{container}-joined", wait)])
