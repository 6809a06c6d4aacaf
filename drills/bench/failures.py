"""Unplanned failures: the same faults against our profiles, plain Sentinel with our times, and the source document's.

The source document sets none of Sentinel's times, so its settings are Sentinel's defaults: 30 s of silence, 180 s for a
failover. Those runs are few: each takes half a minute.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass

from drills.bench.options import Options, Part, image_of
from drills.bench.results import Row, Sheet
from drills.cluster import Cluster
from drills.errors import WaitTimeoutError
from drills.faults import FAULTS
from drills.faults.base import Fault, Scene
from drills.load import Load
from drills.routes import AsItComes, ways
from drills.timeline import Timeline
from drills.under_load import failover_seen, under_load

RUNS = 10
SLOW_RUNS = 2  # of the document's settings
PATIENCE = 15.0  # seconds, after the others are back, that a client without the recipe is waited for
RATE = 200.0  # writes a second, of each client
FAULT_NAMES = ("master-killed", "master-hung", "master-cut-off")
DOCUMENT = {"down_after": 30_000, "failover_timeout": 180_000}
BALANCED = {"down_after": 1250, "failover_timeout": 10_000}


@dataclass(frozen=True)
class Contender:
    """One way to run a cluster; `down_after` in seconds. `against` is the one that it is compared with."""

    name: str
    cluster: Cluster
    down_after: float
    runs: int
    against: str | None = None


def failures(options: Options, sheet: Sheet) -> None:
    """Each fault on each contender, in turn."""
    runs = options.runs or RUNS
    slow = min(runs, SLOW_RUNS)
    with ExitStack() as stack:
        options.say("failures: bringing up three stacks and two plain clusters")
        balanced = stack.enter_context(options.cluster(0, {"endpoint": True}))
        fast = stack.enter_context(options.cluster(1, {"endpoint": True, "profile": "fast"}))
        patient = stack.enter_context(options.cluster(2, {"endpoint": True, "profile": "patient"}))
        image = image_of(balanced)
        plain = stack.enter_context(options.running(3, image, **BALANCED))
        document = stack.enter_context(options.running(4, image, **DOCUMENT))
        contenders = [
            Contender("as the source document has it", document, 30, slow),
            Contender("plain Sentinel at 1250 ms", plain, 1.25, runs, "as the source document has it"),
            Contender("balanced", balanced, 1.25, runs, "plain Sentinel at 1250 ms"),
            Contender("fast", fast, 0.6, runs, "plain Sentinel at 1250 ms"),
            Contender("patient", patient, 5, runs, "as the source document has it"),
        ]
        for name in FAULT_NAMES:
            reason = FAULTS[name].refused(Scene(balanced, Timeline(balanced)))
            if reason:
                sheet.remark(f"left out: {FAULTS[name].title}: {reason}")
                continue
            for i in range(runs):
                for contender in contenders:
                    if i < contender.runs:
                        options.say(f"{FAULTS[name].title}, {contender.name} ({i + 1}/{contender.runs})")
                        one_fault(sheet, contender, FAULTS[name], as_it_comes=i < slow)


def one_fault(sheet: Sheet, contender: Contender, fault: Fault, as_it_comes: bool) -> None:
    """One fault under load, until every client is back or out of patience; then undone, and waited for."""
    cluster = contender.cluster
    scene = Scene(cluster, Timeline(cluster, role_period=0.5))
    loads = {way: Load(make, 1, RATE, way) for way, make in ways(cluster).items()}
    bare = Load(lambda: AsItComes(cluster.outputs), int(as_it_comes), RATE, "redis-py")
    not_back: list[float] = []

    def meanwhile(began: float) -> None:
        failover_seen(scene, began, list(loads.values()), contender.down_after + 60)
        try:
            bare.settle(timeout=PATIENCE)
        except WaitTimeoutError:
            not_back.append(time.time() - began)

    taken = under_load(scene, fault, list(loads.values()), meanwhile, [bare])
    # Each Sentinel tells of each promotion; one fault is to lead to one.
    promotions = len({event.detail for event in scene.timeline.find("+switch-master", taken.began)})
    for way, load in loads.items():
        row = _row(sheet, fault, contender, way)
        row.values.append(max(load.outages(taken.began)))
        row.count(writes_lost=len(load.lost(cluster)), promotions=promotions)
    if as_it_comes:
        row = _row(sheet, fault, contender, "redis-py as it comes")
        row.values += not_back or [max(bare.outages(taken.began))]
        if not_back:
            row.note = "at least: not back when the fault was undone"


def _row(sheet: Sheet, fault: Fault, contender: Contender, way: str) -> Row:
    against = contender.against and f"{fault.title}: {contender.against}, {way}"
    return sheet.row(f"{fault.title}: {contender.name}, {way}", "s", against)


FAILURES = Part("failures", "Unplanned: longest write gap of a client", failures)
