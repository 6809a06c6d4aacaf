"""Unplanned failures: the same faults against our profiles, plain Sentinel with our times, and the source document's.

The source document sets none of Sentinel's times, so its settings are Sentinel's defaults: 30 s of silence, 180 s for a
failover. Those runs are few: each takes half a minute.
"""

from contextlib import ExitStack

from drills.bench.options import Options, Part, image_of
from drills.bench.results import Sheet
from drills.bench.tally import Tally
from drills.faults import FAULTS
from drills.faults.base import Scene
from drills.watch.timeline import Timeline

RUNS = 10
SLOW_RUNS = 2  # of the document's settings, and of a client without the recipe
FAULT_NAMES = ("master-killed", "master-hung", "master-cut-off")
DOCUMENT = {"down_after": 30_000, "failover_timeout": 180_000}
BALANCED = {"down_after": 1250, "failover_timeout": 10_000}


def failures(options: Options, sheet: Sheet) -> None:
    """Each fault on each contender, in turn."""
    runs = options.runs or RUNS
    with ExitStack() as stack:
        options.say("failures: bringing up three stacks and two plain clusters")
        balanced = stack.enter_context(options.cluster(0, {"endpoint": True}))
        fast = stack.enter_context(options.cluster(1, {"endpoint": True, "profile": "fast"}))
        patient = stack.enter_context(options.cluster(2, {"endpoint": True, "profile": "patient"}))
        image = image_of(balanced)
        plain = stack.enter_context(options.running(3, image, **BALANCED))
        document = stack.enter_context(options.running(4, image, **DOCUMENT))
        for fault in [FAULTS[name] for name in FAULT_NAMES]:
            if reason := fault.refused(Scene(balanced, Timeline(balanced))):
                sheet.remark(f"left out: {fault.title}: {reason}")
                continue
            documented = Tally(sheet, f"{fault.title}: as the source document has it", document, fault)
            at_our_times = Tally(sheet, f"{fault.title}: plain Sentinel at 1250 ms", plain, fault, documented)
            contenders = [
                documented,
                at_our_times,
                Tally(sheet, f"{fault.title}: balanced", balanced, fault, at_our_times),
                Tally(sheet, f"{fault.title}: fast", fast, fault, at_our_times),
                Tally(sheet, f"{fault.title}: patient", patient, fault, documented),
            ]
            for i in range(runs):
                for contender in contenders:
                    if i < SLOW_RUNS or contender is not documented:
                        options.say(f"{contender.what} ({i + 1}/{runs})")
                        contender.measure(as_it_comes=i < SLOW_RUNS)


FAILURES = Part("failures", "Unplanned: longest write gap of a client", failures)
