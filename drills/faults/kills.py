"""Faults of processes: killed, hung, restarted."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from docker.models.containers import Container

from drills.faults.base import Fault, Scene, all_at_once, kill, revive
from drills.target.cluster import Cluster

Choice = Callable[[Cluster], list[Container]]


def master(cluster: Cluster) -> list[Container]:
    """The container of the master."""
    return [cluster.container(cluster.master())]


def names(containers: list[Container]) -> str:
    """The node names of containers, for a time line."""
    return ", ".join(sorted(c.labels["redis-ha.node"] for c in containers))


def killed(choose: Choice) -> Callable[[Scene], AbstractContextManager[None]]:
    """Killed until the fault is undone: Docker does not restart what was killed through its API."""
    return taken_down(choose, "killed", kill)


def restarted_quickly(choose: Choice) -> Callable[[Scene], AbstractContextManager[None]]:
    """Killed and started at once; a master within down-after: Sentinel sees a reboot at most."""
    return taken_down(choose, "killed and started at once", kill, lambda c: c.start())


def taken_down(
    choose: Choice, word: str, *actions: Callable[[Container], object]
) -> Callable[[Scene], AbstractContextManager[None]]:
    """All that are chosen, one action after the other; whatever does not run then is started at the end."""

    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        chosen = choose(scene.cluster)
        try:
            scene.timeline.mark("fault", f"{names(chosen)} {word}")
            for action in actions:
                all_at_once(chosen, action)
            yield
        finally:
            scene.timeline.mark("undo", names(chosen))
            all_at_once(chosen, revive)

    return inject


def _no_endpoint(scene: Scene) -> str | None:
    return None if scene.cluster.outputs.write else "the stack has none (its setting `endpoint`)"


KILLS = (
    Fault(
        "sentinel-killed",
        "one Sentinel killed",
        killed(lambda c: [c.container(c.sentinels[0])]),
    ),
    Fault("sentinels-killed", "all Sentinels killed", killed(lambda c: c.containers("sentinel"))),
    Fault(
        "replica-killed",
        "a replica killed",
        killed(lambda c: [c.container(c.replicas()[0])]),
    ),
    Fault("master-killed", "the master killed", killed(master), failover=True),
    # Frozen: connections stay open and nothing is answered.
    Fault("master-hung", "the master hung", taken_down(master, "hung", lambda c: c.pause()), failover=True),
    Fault("master-restarted", "the master killed and started at once", restarted_quickly(master), instant=True),
    Fault(
        "endpoint-restarted",
        "the endpoint killed and started at once",
        restarted_quickly(lambda c: [c.container("endpoint")]),
        instant=True,
        refused=_no_endpoint,
    ),
    Fault(
        "everything-killed",
        "everything killed and started",
        restarted_quickly(Cluster.containers),
        instant=True,
    ),
)
