"""Every core of the machine busy for minutes: does anybody take that for a failure?"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from drills.bench.options import Options, Part
from drills.bench.results import Sheet
from drills.faults.base import Fault, Scene
from drills.target.cluster import Cluster
from drills.under_load import under_load
from drills.watch.load import Load
from drills.watch.routes import ThroughSentinel
from drills.watch.timeline import Timeline

EVENTS = ("+sdown", "+odown", "+switch-master", "+tilt")
RATE = 50.0  # writes a second: the load is to come from elsewhere
CORES = os.cpu_count() or 1


@contextmanager
def busy(scene: Scene) -> Iterator[None]:
    """A process for each core that does nothing but compute, at the usual priority."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        started += [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(CORES)]
        scene.timeline.mark("fault", f"{CORES} cores busy")
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def cpu_load(options: Options, sheet: Sheet) -> None:
    """All profiles, one after the other."""
    for profile in options.profiles:
        options.say(f"CPU load: bringing up a stack with the profile {profile}")
        with options.cluster(0, {"profile": profile}) as cluster:
            one_profile(options, sheet, profile, cluster)


def one_profile(options: Options, sheet: Sheet, profile: str, cluster: Cluster) -> None:
    """The longest gap of a client, and what the Sentinels thought meanwhile."""

    def meanwhile(began: float) -> None:
        while (left := began + options.seconds - time.time()) > 0:
            options.say(f"CPU load, {profile}: {left:.0f} s left")
            time.sleep(min(left, 30.0))

    # Roles are not asked for: the load is the only thing that is to be different.
    timeline = Timeline(cluster, role_period=5.0)
    load = Load(lambda: ThroughSentinel(cluster.outputs), 1, RATE)
    fault = Fault("cpu-load", "every core busy", busy)
    began = under_load(Scene(cluster, timeline), fault, [load], meanwhile).began
    what = f"{profile}: {options.seconds:g} s with {CORES} busy processes on {CORES} cores"
    row = sheet.row(f"{what}: longest gap between writes", "ms")
    row.values += load.outages(began)
    row.count(**{event: len(timeline.find(event, began)) for event in EVENTS})
    for alarm in timeline.find("+sdown", began):
        # Of a replica or another Sentinel it is of no consequence; of the master, as soon as a quorum thinks so.
        sheet.remark(f"{profile}: after {alarm.at - began:.0f} s {alarm.source} took for down: {alarm.detail}")
    row.count(writes=load.acknowledged, lost=len(load.lost(cluster)))


CPU_LOAD = Part("cpu-load", "Full CPU load on the machine", cpu_load)
