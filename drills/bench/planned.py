"""Planned changes: a hand-over and a roll-out, beside what plain Sentinel has for them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from drills.bench.options import Options, Part, image_of
from drills.bench.results import Sheet
from drills.bench.tally import Tally
from drills.faults import FAULTS
from drills.faults.base import Fault, Scene
from drills.target.cluster import Cluster
from drills.target.stack import Stack

HANDOVERS = 100  # of ours; plain Sentinel's take longer, and are fewer
PLAIN_RUNS = 5
ROLLOUTS = 5


def handovers(options: Options, sheet: Sheet) -> None:
    """`docker stop` of the master, in turn with plain Sentinel's, so that what else the machine does meets both."""
    options.say("hand-over: bringing up a stack and a plain cluster")
    runs = options.runs or HANDOVERS
    stop, forced, everything = (FAULTS[name] for name in ("hand-over", "sentinel-failover", "everything-killed"))
    with options.cluster(0, {"endpoint": True}) as ours, options.running(1, image_of(ours)) as plain:
        theirs = Tally(sheet, "plain Sentinel, docker stop of the master", plain, stop)
        by_hand = Tally(sheet, "plain Sentinel, SENTINEL FAILOVER", plain, forced)
        tally = Tally(sheet, "docker stop of the master", ours, stop, theirs)
        killed_plain = Tally(sheet, "plain Sentinel, everything killed and started", plain, everything)
        killed = Tally(sheet, "everything killed and started", ours, everything, killed_plain)
        for i in range(runs):
            options.say(f"hand-over ({i + 1}/{runs})")
            for each in (tally, theirs, by_hand, killed, killed_plain) if i < PLAIN_RUNS else (tally,):
                _timed(each)


def _timed(tally: Tally) -> None:
    """Once more, and how long that took."""
    taken = tally.measure()
    tally.row("took").values.append(taken.injecting)
    tally.row("whole after").values.append(taken.whole)


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
            _timed(Tally(sheet, what, cluster, change))


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
