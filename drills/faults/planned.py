"""Faults that somebody plans: a hand-over, a forced failover, a rolling change."""

from collections.abc import Iterator
from contextlib import contextmanager

from drills.faults.base import Fault, Scene
from drills.faults.kills import master, taken_down
from drills.target.errors import DrillError
from drills.target.waiting import until

STOP_TIMEOUT = 30  # seconds that Docker gives the master for its hand-over before it kills it


@contextmanager
def sentinel_failover(scene: Scene) -> Iterator[None]:
    """`SENTINEL FAILOVER`: another node is promoted although the master is well."""
    cluster = scene.cluster
    before = cluster.master()
    scene.timeline.mark("fault", f"SENTINEL FAILOVER of {before.name}")
    cluster.fail_over()
    until(lambda: cluster.master(30) != before, "another master after SENTINEL FAILOVER", 30)
    yield


@contextmanager
def rolling_change(scene: Scene) -> Iterator[None]:
    """A changed redis.conf directive deployed, node by node; afterwards the old one is deployed again."""
    stack = scene.stack
    if stack is None:
        raise DrillError("a rolling change needs a stack")
    directives = dict(stack.config("redis-ha:redisConfig") or {})
    directives["tcp-keepalive"] = "301" if str(directives.get("tcp-keepalive")) != "301" else "302"
    scene.timeline.mark("fault", "rolling change begun")
    try:
        with stack.changed({"redisConfig": directives}):
            stack.up()
            scene.timeline.mark("changed", "rolling change done")
            yield
    finally:
        scene.timeline.mark("undo", "rolling change back")
        stack.up()


def _needs_stack(scene: Scene) -> str | None:
    return None if scene.stack else "it needs a stack of this project"


PLANNED = (
    Fault(
        "hand-over",
        "the master stopped and started (planned)",
        taken_down(master, "stopped", lambda c: c.stop(timeout=STOP_TIMEOUT)),
        failover=True,
    ),
    Fault("sentinel-failover", "SENTINEL FAILOVER", sentinel_failover, failover=True, instant=True),
    Fault("rolling-change", "a changed directive rolled out", rolling_change, instant=True, refused=_needs_stack),
)
