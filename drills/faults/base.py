"""What a fault is: something that is done to a cluster, and undone again."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from drills.faults.power import HostControl
from drills.target.cluster import Cluster
from drills.target.stack import Stack
from drills.watch.timeline import Timeline


@dataclass(frozen=True)
class Scene:
    """Where a fault happens: the cluster, the time line that it is marked on, and the stack if there is one.

    `hosts` is how whole hosts are broken, where that can be had.
    """

    cluster: Cluster
    timeline: Timeline
    stack: Stack | None = None
    hosts: HostControl | None = None


@dataclass(frozen=True)
class Fault:
    """A fault and what is to be expected of it.

    `inject` breaks the cluster on entering, marks `fault` on the time line, and undoes it on leaving, also when an
    exception (Ctrl-C too) passes through.
    """

    name: str
    title: str
    inject: Callable[[Scene], AbstractContextManager[None]]
    # Another node becomes the master; with `returns`, before the fault is undone.
    failover: bool = False
    # The fault is over when entering is done, as with a hand-over; otherwise the drill waits for its effect.
    instant: bool = False
    # The cluster is in two, each side with clients of its own.
    splits: bool = False
    # Why the fault cannot be had on this cluster; None when it can.
    refused: Callable[[Scene], str | None] = lambda scene: None


def all_at_once(containers: Iterable[Container], action: Callable[[Container], object]) -> None:
    """Do something to several containers at the same time. Raises the first error, after all are done."""
    chosen = list(containers)
    with ThreadPoolExecutor(max(1, len(chosen))) as pool:
        for future in [pool.submit(action, c) for c in chosen]:
            future.result()


def kill(container: Container) -> None:
    """SIGKILL; a container that is not running is left as it is."""
    try:
        container.kill()
    except APIError as error:
        if error.status_code != 409:
            raise


def revive(container: Container) -> None:
    """Bring a container back to running, whichever way it was taken down. One that was removed stays so."""
    with suppress(NotFound):
        container.reload()
        if container.status == "paused":
            container.unpause()
        elif container.status != "running":
            container.start()
