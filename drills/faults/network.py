"""Faults of the network: a node cut off, and a cluster cut in two."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from drills.faults.base import Fault, Scene
from drills.faults.firewall import network_of, refused, silenced
from drills.target.cluster import Cluster
from redis_ha.outputs import Node


@contextmanager
def master_cut_off(scene: Scene) -> Iterator[None]:
    """The master hears and says nothing any more; its clients get silence."""
    master = scene.cluster.master()
    with silenced(scene.cluster, {master: []}):
        scene.timeline.mark("fault", f"{master.name} cut off")
        yield
        scene.timeline.mark("undo", f"{master.name} back on the network")


@dataclass(frozen=True)
class Split:
    """A partition: the master with a minority of the Sentinels on one side, all others on the other."""

    old_master: Node
    minority: tuple[Node, ...]
    majority: tuple[Node, ...]

    @classmethod
    def of(cls, cluster: Cluster) -> "Split":
        """The split of this cluster as it is now."""
        sentinels = cluster.sentinels
        few = (len(sentinels) - 1) // 2
        return cls(cluster.master(), sentinels[:few], sentinels[few:])


@contextmanager
def partitioned(scene: Scene, split: Split | None = None) -> Iterator[None]:
    """The two sides hear nothing of each other; this machine is on the majority's."""
    cluster = scene.cluster
    chosen = split or Split.of(cluster)
    inside = [chosen.old_master, *chosen.minority]
    addresses = {n: network_of(cluster, n)[1] for n in inside}
    with silenced(cluster, {n: [a for other, a in addresses.items() if other != n] for n in inside}):
        scene.timeline.mark("fault", f"{', '.join(n.name for n in inside)} partitioned from the rest")
        yield
        scene.timeline.mark("undo", "the partition healed")


def _refused(scene: Scene) -> str | None:
    return refused(scene.cluster)


CUTS = (
    Fault("master-cut-off", "the master cut off the network", master_cut_off, failover=True, refused=_refused),
    Fault(
        "partition",
        "the master partitioned with a writer and a minority of the Sentinels",
        partitioned,
        failover=True,
        splits=True,
        refused=_refused,
    ),
)
