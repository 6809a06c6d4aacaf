"""Planned changes: a hand-over and a roll-out, beside what plain Sentinel has for them."""

import time
from collections.abc import Callable

from drills.bench.options import Options, Part, image_of
from drills.bench.results import Sheet
from drills.cluster import Cluster
from drills.faults.base import all_at_once, kill
from drills.health import wait_healthy
from drills.load import Load
from drills.routes import ways
from drills.stack import Stack
from drills.waiting import until

STOP_TIMEOUT = 30
HANDOVERS = 100  # of ours; plain Sentinel's take longer, and are fewer
PLAIN_RUNS = 5
ROLLOUTS = 5

Step = Callable[[Cluster], None]


class Tally:
    """One planned change, measured again and again: a row for each way to the master, and what was lost over all."""

    def __init__(self, sheet: Sheet, what: str, against: str | None = None) -> None:
        self.sheet, self.what, self.against = sheet, what, against

    def measure(self, cluster: Cluster, step: Step, after: Step) -> None:
        """Do `step` under load, once, with `after` to bring the cluster back (also under load)."""
        wait_healthy(cluster, 90)
        loads = {way: Load(make, 3 if way == "Sentinel" else 1, 150, way) for way, make in ways(cluster).items()}
        try:
            for load in loads.values():
                load.__enter__()
            since = time.time()
            step(cluster)
            took = time.time() - since
            after(cluster)
            wait_healthy(cluster, 90)
            for load in loads.values():
                load.settle()
        finally:
            for load in loads.values():
                load.stop()
        for way, load in loads.items():
            row = self.sheet.row(self._of(self.what, way), "ms", self.against and self._of(self.against, way))
            row.values.append(max(load.outages(since)))
            row.count(writes=load.acknowledged, lost=len(load.lost(cluster)), errors=len(load.failures))
        self.sheet.row(f"{self.what}, took", "s", self.against and f"{self.against}, took").values.append(took)

    @staticmethod
    def _of(what: str, way: str) -> str:
        return f"{what}, gap through {way}"


class Stopping:
    """`docker stop` of the master, and its start."""

    def __init__(self) -> None:
        self.node = ""

    def stop(self, cluster: Cluster) -> None:
        """Stop the master."""
        self.node = cluster.master().name
        cluster.container(self.node).stop(timeout=STOP_TIMEOUT)

    def start(self, cluster: Cluster) -> None:
        """Start it again once another is master, so that a plain cluster's failover is not cut short."""
        until(lambda: cluster.master(30).name != self.node, "another master", 30)
        cluster.container(self.node).start()


def forced(cluster: Cluster) -> None:
    """`SENTINEL FAILOVER`, until another node is announced."""
    before = cluster.master()
    cluster.fail_over()
    until(lambda: cluster.master() != before, "another master after SENTINEL FAILOVER", 30, 0.02)


def all_killed(cluster: Cluster) -> None:
    """Kill everything, start everything, wait until it is whole."""
    containers = cluster.containers()
    all_at_once(containers, kill)
    all_at_once(containers, lambda c: c.start())
    wait_healthy(cluster, 90)


def nothing(cluster: Cluster) -> None:
    """No way back is needed."""


def handovers(options: Options, sheet: Sheet) -> None:
    """`docker stop` of the master, in turn with plain Sentinel's, so that what else the machine does meets both."""
    options.say("hand-over: bringing up a stack and a plain cluster")
    runs = options.runs or HANDOVERS
    with options.cluster(0, {"endpoint": True}) as ours, options.running(1, image_of(ours)) as plain:
        stopped, plain_stopped = Stopping(), Stopping()
        theirs = Tally(sheet, "plain Sentinel, docker stop of the master")
        by_hand = Tally(sheet, "plain Sentinel, SENTINEL FAILOVER")
        tally = Tally(sheet, "docker stop of the master", theirs.what)
        killed_plain = Tally(sheet, "plain Sentinel, everything killed and started")
        killed = Tally(sheet, "everything killed and started", killed_plain.what)
        for i in range(runs):
            options.say(f"hand-over ({i + 1}/{runs})")
            tally.measure(ours, stopped.stop, stopped.start)
            if i < PLAIN_RUNS:
                theirs.measure(plain, plain_stopped.stop, plain_stopped.start)
                by_hand.measure(plain, forced, nothing)
                killed.measure(ours, all_killed, nothing)
                killed_plain.measure(plain, all_killed, nothing)


def rolling(options: Options, sheet: Sheet) -> None:
    """A change that replaces every node: the image's time zone, and a directive beside it."""
    runs = options.runs or ROLLOUTS
    options.say("rolling change: bringing up a stack")
    with options.stack(0, {"endpoint": True}) as stack:
        stack.up()
        cluster = Cluster(stack.outputs())
        tally = Tally(sheet, f"change of {len(cluster.nodes)} data nodes and {len(cluster.sentinels)} Sentinels")
        for i in range(runs):
            options.say(f"rolling change ({i + 1}/{runs})")
            change = {
                "redisConfig": {"tcp-keepalive": str(310 + i)},
                "timeZone": "UTC" if i % 2 else "Europe/Berlin",
            }
            with stack.changed(change):
                tally.measure(cluster, lambda _: _deploy(stack), nothing)


def _deploy(stack: Stack) -> None:
    stack.up()


HANDOVER = Part("hand-over", "Planned: the master is stopped", handovers)
ROLLING = Part("rolling", "Planned: a change is rolled out", rolling)
