"""Many schedules: one after the other, or on all cores."""

import gc
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.agent.simulation.schedule.run import Outcome, run

NICE = 15
CHUNK = 25
"""Schedules that one worker takes at a time: their garbage is collected at once."""


def collect(seeds: Iterable[int], plan: str | None = None) -> list[Outcome]:
    """Run these one after the other."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        outcomes = []
        for number, seed in enumerate(seeds):
            outcomes.append(run(seed, plan))
            if number % CHUNK == CHUNK - 1:
                gc.collect()
        return outcomes
    finally:
        if enabled:
            gc.enable()


def spread(seeds: range, plan: str | None = None, workers: int | None = None) -> Iterator[Outcome]:
    """Run these on so many cores, by default all; their outcomes in the order of the seeds."""
    workers = workers or len(os.sched_getaffinity(0))
    if workers == 1:
        yield from collect(seeds, plan)
        return
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    # Politely: tests that measure times may run beside it.
    with ProcessPoolExecutor(workers, get_context("forkserver"), os.nice, (NICE,)) as pool:
        for outcomes in pool.map(collect, chunks, [plan] * len(chunks)):
            yield from outcomes
