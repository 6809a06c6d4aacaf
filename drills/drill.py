"""One drill: a cluster under load, a fault, and what came of it."""

import functools
import time
from dataclasses import dataclass, field

from drills.faults import Fault
from drills.faults.base import Scene
from drills.faults.firewall import enter_namespace, namespace_of
from drills.faults.network import Split
from drills.faults.power import HostControl
from drills.target.cluster import Cluster
from drills.target.errors import WaitTimeoutError
from drills.target.health import wait_healthy
from drills.target.stack import Stack
from drills.under_load import RECOVERY, began_at, failover_seen, under_load
from drills.watch.load import Failure, Load
from drills.watch.milestones import milestones
from drills.watch.routes import ByRole, ThroughEndpoint, ThroughSentinel
from drills.watch.timeline import Event, Timeline

HOLD = 3.0  # seconds for which a fault without a failover lasts, so that a client that it hurts is seen


@dataclass(frozen=True)
class Settings:
    """How the clients of a drill behave; `rate` is in writes a second, of each client."""

    clients: int = 4
    rate: float = 100.0
    by_role: int = 1
    through_endpoint: int = 2


@dataclass
class Outcome:
    """What one drill has shown. Times are in seconds; `began` and the events are on the epoch's clock."""

    fault: str
    title: str
    began: float
    events: list[Event]
    outages: list[float]
    outages_by_role: list[float]
    outages_through_endpoint: list[float]
    acknowledged: int
    errors: list[Failure]
    lost: int
    lost_minority: int | None = None
    milestones: dict[str, float] = field(default_factory=dict)
    problem: str | None = None


def run(
    cluster: Cluster,
    fault: Fault,
    settings: Settings,
    stack: Stack | None = None,
    hosts: HostControl | None = None,
) -> Outcome:
    """Inject one fault under load, undo it, and wait until the cluster is whole again.

    A cluster that does not do as it should is told in `problem`; DrillError is for what keeps the drill from running.
    """
    wait_healthy(cluster, RECOVERY)
    scene = Scene(cluster, Timeline(cluster), stack, hosts)
    split = Split.of(cluster) if fault.splits else None
    far = tuple(s.address for s in split.majority) if split else None
    through_sentinel = Load(lambda: ThroughSentinel(cluster.outputs, far), settings.clients, settings.rate)
    # A client that asks the nodes cannot tell which side of a partition is right, so it has no part in one.
    by_role = Load(lambda: ByRole(cluster), 0 if split else settings.by_role, settings.rate, "role client")
    # The endpoint is on this machine's side of a partition.
    behind = settings.through_endpoint if cluster.outputs.write else 0
    through_endpoint = Load(lambda: ThroughEndpoint(cluster.outputs), behind, settings.rate, "endpoint client")
    loads = [through_sentinel, by_role, through_endpoint]
    minority = [_minority(cluster, split, settings.rate)] if split else []

    def effect(began: float) -> None:
        if fault.failover and not fault.instant:
            failover_seen(scene, began, [through_sentinel])
        if split or not (fault.failover or fault.instant):
            time.sleep(HOLD)

    problem, started = None, time.time()
    try:
        under_load(scene, fault, loads, effect, minority)
    except WaitTimeoutError as error:
        problem = str(error)
        scene.timeline.mark("not whole", problem)
    began = began_at(scene.timeline, started)
    return Outcome(
        fault.name,
        fault.title,
        began,
        sorted(scene.timeline.events, key=lambda e: e.at),
        through_sentinel.outages(began),
        by_role.outages(began),
        through_endpoint.outages(began),
        sum(load.acknowledged for load in loads),
        [failure for load in loads for failure in load.failures],
        sum(len(load.lost(cluster)) for load in loads),
        sum(len(load.lost(cluster)) for load in minority) if split else None,
        milestones(cluster, scene.timeline, through_sentinel, began),
        problem,
    )


def _minority(cluster: Cluster, split: Split, rate: float) -> Load:
    """A client that stands beside the old master: this machine itself is on the majority's side."""
    near = tuple(s.address for s in split.minority) or (split.old_master.address,)
    inside = functools.partial(enter_namespace, namespace_of(cluster, split.old_master))
    return Load(lambda: ThroughSentinel(cluster.outputs, near), 1, rate, "minority client", inside)
