"""Planned changes: a hand-over and a roll-out, beside what plain Sentinel has for them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from drills.bench.options import Options, Part, image_of
from drills.bench.results import Sheet, Unit
from drills.cluster import Cluster
from drills.faults import FAULTS
from drills.faults.base import Fault, Scene
from drills.load import Load
from drills.routes import ways
from drills.stack import Stack
from drills.timeline import Timeline
from drills.under_load import under_load
from drills.waiting import until

HANDOVERS = 100  # of ours; plain Sentinel's take longer, and are fewer
PLAIN_RUNS = 5
ROLLOUTS = 5


class Tally:
    """One planned change, measured again and again: a row for each way to the master, and what was lost over all."""

    def __init__(self, sheet: Sheet, what: str, fault: Fault, against: "Tally | None" = None) -> None:
        self.sheet, self.what, self.fault, self.against = sheet, what, fault, against

    def measure(self, cluster: Cluster) -> None:
        """Once, under load, the way back too."""
        loads = {way: Load(make, 3 if way == "Sentinel" else 1, 150, way) for way, make in ways(cluster).items()}
        before = cluster.master()

        def meanwhile(_: float) -> None:
            if self.fault.failover:  # so that a plain cluster's is not cut short
                until(lambda: cluster.master(30) != before, "another master", 30)

        scene = Scene(cluster, Timeline(cluster, role_period=0.5))
        taken = under_load(scene, self.fault, list(loads.values()), meanwhile)
        for way, load in loads.items():
            row = self.sheet.row(*self._named("ms", f"gap through {way}"))
            row.values.append(max(load.outages(taken.began)))
            row.count(writes=load.acknowledged, lost=len(load.lost(cluster)), errors=len(load.failures))
        self.sheet.row(*self._named("s", "took")).values.append(taken.injecting)
        self.sheet.row(*self._named("s", "whole after")).values.append(taken.whole)

    def _named(self, unit: Unit, what: str) -> tuple[str, Unit, str | None]:
        return f"{self.what}, {what}", unit, f"{self.against.what}, {what}" if self.against else None


def handovers(options: Options, sheet: Sheet) -> None:
    """`docker stop` of the master, in turn with plain Sentinel's, so that what else the machine does meets both."""
    options.say("hand-over: bringing up a stack and a plain cluster")
    runs = options.runs or HANDOVERS
    stop, forced, everything = (FAULTS[name] for name in ("hand-over", "sentinel-failover", "everything-killed"))
    with options.cluster(0, {"endpoint": True}) as ours, options.running(1, image_of(ours)) as plain:
        theirs = Tally(sheet, "plain Sentinel, docker stop of the master", stop)
        by_hand = Tally(sheet, "plain Sentinel, SENTINEL FAILOVER", forced)
        tally = Tally(sheet, "docker stop of the master", stop, theirs)
        killed_plain = Tally(sheet, "plain Sentinel, everything killed and started", everything)
        killed = Tally(sheet, "everything killed and started", everything, killed_plain)
        for i in range(runs):
            options.say(f"hand-over ({i + 1}/{runs})")
            tally.measure(ours)
            if i < PLAIN_RUNS:
                theirs.measure(plain)
                by_hand.measure(plain)
                killed.measure(ours)
                killed_plain.measure(plain)


def rolling(options: Options, sheet: Sheet) -> None:
    """A change that replaces every node: the image's time zone, and a directive beside it."""
    runs = options.runs or ROLLOUTS
    options.say("rolling change: bringing up a stack")
    with options.stack(0, {"endpoint": True}) as stack:
        stack.up()
        cluster = Cluster(stack.outputs())
        what = f"change of {len(cluster.nodes)} data nodes and {len(cluster.sentinels)} Sentinels"
        for i in range(runs):
            options.say(f"rolling change ({i + 1}/{runs})")
            zone = "UTC" if i % 2 else "Europe/Berlin"
            change = _deployed(stack, {"redisConfig": {"tcp-keepalive": str(310 + i)}, "timeZone": zone})
            Tally(sheet, what, change).measure(cluster)


def _deployed(stack: Stack, settings: Mapping[str, Any]) -> Fault:
    """These settings deployed; there is no way back."""

    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        scene.timeline.mark("fault", "rolling change begun")
        with stack.changed(settings):
            stack.up()
        yield

    return Fault("rolling", "a change rolled out", inject, instant=True)


HANDOVER = Part("hand-over", "Planned: the master is stopped", handovers)
ROLLING = Part("rolling", "Planned: a change is rolled out", rolling)
