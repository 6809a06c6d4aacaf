"""Faults of processes: killed, hung, restarted."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from docker.models.containers import Container

from drills.faults.base import Fault, Scene, all_at_once, kill, revive

Choice = Callable[[Scene], list[Container]]


def master(scene: Scene) -> list[Container]:
    """The container of the master."""
    return [scene.cluster.container(scene.cluster.master())]


def a_replica(scene: Scene) -> list[Container]:
    """The container of the first replica."""
    return [scene.cluster.container(scene.cluster.replicas()[0])]


def a_sentinel(scene: Scene) -> list[Container]:
    """The container of the first Sentinel, which is the first that clients ask."""
    return [scene.cluster.container(scene.cluster.sentinels[0])]


def the_endpoint(scene: Scene) -> list[Container]:
    """The container of the endpoint."""
    return [scene.cluster.container("endpoint")]


def all_sentinels(scene: Scene) -> list[Container]:
    """The containers of all Sentinels."""
    return scene.cluster.containers("sentinel")


def everything(scene: Scene) -> list[Container]:
    """All containers of the stack."""
    return scene.cluster.containers()


def names(containers: list[Container]) -> str:
    """The node names of containers, for a time line."""
    return ", ".join(sorted(c.labels["redis-ha.node"] for c in containers))


def killed(choose: Choice) -> Callable[[Scene], AbstractContextManager[None]]:
    """Killed until the fault is undone: Docker does not restart what was killed through its API."""
    return _taken_down(choose, kill, "killed")


def hung(choose: Choice) -> Callable[[Scene], AbstractContextManager[None]]:
    """Frozen: connections stay open and nothing is answered."""
    return _taken_down(choose, lambda c: c.pause(), "hung")


def _taken_down(
    choose: Choice, action: Callable[[Container], object], word: str
) -> Callable[[Scene], AbstractContextManager[None]]:
    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        chosen = choose(scene)
        try:
            scene.timeline.mark("fault", f"{names(chosen)} {word}")
            all_at_once(chosen, action)
            yield
        finally:
            scene.timeline.mark("undo", names(chosen))
            all_at_once(chosen, revive)

    return inject


@contextmanager
def restarted_quickly(scene: Scene, choose: Choice = master) -> Iterator[None]:
    """Killed and started at once; a master within down-after: Sentinel sees a reboot at most."""
    chosen = choose(scene)
    try:
        scene.timeline.mark("fault", f"{names(chosen)} killed and started at once")
        all_at_once(chosen, kill)
        all_at_once(chosen, lambda c: c.start())
        yield
    finally:
        all_at_once(chosen, revive)


def _no_endpoint(scene: Scene) -> str | None:
    return None if scene.cluster.outputs.write else "the stack has none (its setting `endpoint`)"


@contextmanager
def killed_and_started(scene: Scene) -> Iterator[None]:
    """Everything killed, and started again at once, all at the same time."""
    chosen = everything(scene)
    try:
        scene.timeline.mark("fault", "everything killed")
        all_at_once(chosen, kill)
        scene.timeline.mark("undo", "everything started")
        all_at_once(chosen, lambda c: c.start())
        yield
    finally:
        all_at_once(chosen, revive)


KILLS = (
    Fault("sentinel-killed", "one Sentinel killed", killed(a_sentinel)),
    Fault("sentinels-killed", "all Sentinels killed", killed(all_sentinels)),
    Fault("replica-killed", "a replica killed", killed(a_replica)),
    Fault("master-killed", "the master killed", killed(master), failover=True),
    Fault("master-hung", "the master hung", hung(master), failover=True),
    Fault("master-restarted", "the master killed and started at once", restarted_quickly, instant=True),
    Fault(
        "endpoint-restarted",
        "the endpoint killed and started at once",
        partial(restarted_quickly, choose=the_endpoint),
        instant=True,
        refused=_no_endpoint,
    ),
    Fault("everything-killed", "everything killed and started", killed_and_started, instant=True),
)
