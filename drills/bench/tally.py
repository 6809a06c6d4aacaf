"""One fault on one cluster, measured again and again."""

import time

from drills.bench.results import Row, Sheet
from drills.faults.base import Fault, Scene
from drills.target.cluster import Cluster
from drills.target.errors import WaitTimeoutError
from drills.under_load import Taken, failover_seen, under_load
from drills.watch.load import Load
from drills.watch.routes import AsItComes, ways
from drills.watch.timeline import Timeline

RATE = 200.0  # writes a second, of each client
FAILOVER = 90.0  # seconds: the source document's settings take half a minute
PATIENCE = 15.0  # seconds, after the others are back, that a client without the recipe is waited for


class Tally:
    """A row for each way to the master, and what was lost over all runs."""

    def __init__(self, sheet: Sheet, what: str, cluster: Cluster, fault: Fault, against: "Tally | None" = None) -> None:
        """`what` begins the rows' names; `against` is the tally whose rows they are compared with."""
        self.sheet, self.what, self.cluster, self.fault, self.against = sheet, what, cluster, fault, against

    def measure(self, as_it_comes: bool = False) -> Taken:
        """Once, under load, the way back too; with a client beside it that is redis-py `as_it_comes`."""
        cluster = self.cluster
        scene = Scene(cluster, Timeline(cluster, role_period=0.5))
        loads = {way: Load(make, 1, RATE, way) for way, make in ways(cluster).items()}
        bare = Load(lambda: AsItComes(cluster.outputs), int(as_it_comes), RATE, "redis-py")
        not_back: list[float] = []

        def meanwhile(began: float) -> None:
            if self.fault.failover and not self.fault.instant:
                failover_seen(scene, began, list(loads.values()), FAILOVER)
            try:
                bare.settle(timeout=PATIENCE)
            except WaitTimeoutError:
                not_back.append(time.time() - began)

        taken = under_load(scene, self.fault, list(loads.values()), meanwhile, [bare])
        # Each Sentinel tells of each promotion; one fault is to lead to one.
        promotions = len({event.detail for event in scene.timeline.find("+switch-master", taken.began)})
        for way, load in loads.items():
            row = self.row(f"gap through {way}")
            row.values.append(max(load.outages(taken.began)))
            lost = len(load.lost(cluster))
            row.count(writes=load.acknowledged, lost=lost, errors=len(load.failures), promotions=promotions)
        if as_it_comes:
            row = self.row("gap of redis-py as it comes")
            row.values += not_back or [max(bare.outages(taken.began))]
            if not_back:
                row.note = "at least: not back when the fault was undone"
        return taken

    def row(self, name: str) -> Row:
        """A row of this tally, of seconds."""
        against = f"{self.against.what}, {name}" if self.against else None
        return self.sheet.row(f"{self.what}, {name}", "s", against)
