"""A fault under load: injected while clients write, undone, and waited for."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from drills.faults.base import Fault, Scene
from drills.target.health import wait_healthy
from drills.watch.load import Load
from drills.watch.timeline import Timeline

RECOVERY = 120.0  # seconds until a cluster must be whole again after a fault was undone


@dataclass(frozen=True)
class Taken:
    """What one fault took, in seconds: until it was injected, and until the cluster was whole again after it."""

    began: float
    """When it began, in seconds since the epoch."""
    injecting: float
    whole: float


def under_load(
    scene: Scene,
    fault: Fault,
    loads: Sequence[Load],
    meanwhile: Callable[[float], None] = lambda began: None,
    beside: Sequence[Load] = (),
) -> Taken:
    """Inject one fault while `loads` write, undo it, and wait until the cluster is whole and all of them write again.

    `meanwhile` is called when it has been injected, with when it began. The clients of `beside` write too, and are not
    waited for. Raises WaitTimeoutError where the cluster, or a client, does not do as it should; the loads have ended
    then, and what they have seen is there.
    """
    wait_healthy(scene.cluster, RECOVERY)
    with ExitStack() as stack:
        stack.enter_context(scene.timeline)
        for load in (*loads, *beside):
            stack.enter_context(load)
        started = time.time()
        with fault.inject(scene):
            injected = time.time()
            began = began_at(scene.timeline, started)
            meanwhile(began)
        wait_healthy(scene.cluster, RECOVERY)
        whole = time.time()
        for load in loads:
            load.settle()
        scene.timeline.mark("whole")
    return Taken(began, injected - began, whole - began)


def began_at(timeline: Timeline, otherwise: float) -> float:
    """When a fault began, by its mark on the time line."""
    marks = timeline.find("fault")
    return marks[0].at if marks else otherwise


def failover_seen(scene: Scene, began: float, loads: Sequence[Load], within: float = 60.0) -> None:
    """Wait until a new master is announced, each client has written to it, and the nodes agree."""
    scene.timeline.wait_for("+switch-master", began, timeout=within)
    for load in loads:
        load.settle(timeout=60)
    scene.cluster.master(30)
