"""From nothing to a formed cluster, and previews: beside `docker run` of the same containers."""

import shutil
import subprocess
import time

from drills.bench.options import Options, Part, image_of, timed
from drills.bench.results import Sheet
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.plain import Plain, remove, run, start

RUNS = 10
STARTED = "docker run, one after the other: merely started"
FORMED = "docker run, one after the other: formed"


def bring_up(options: Options, sheet: Sheet) -> None:
    """Everything in turn, so that what else the machine does meets all alike."""
    runs = options.runs or RUNS
    image = f"redis-ha:{options.name}-plain"
    with options.cluster(0) as cluster:  # builds the image, and says which it is
        run(["docker", "tag", image_of(cluster), image])
    try:
        for i in range(runs):
            options.say(f"bring-up ({i + 1}/{runs})")
            by_hand(sheet, options.plain(1, image))
            for engine in ("embedded", *(["pulumi"] if shutil.which("pulumi") else [])):
                ours(options, sheet, engine)
    finally:
        subprocess.run(["docker", "rmi", image], check=False, capture_output=True)


def ours(options: Options, sheet: Sheet, engine: str) -> None:
    """`up` of a stack, with and without building its image, and what follows it."""
    with options.stack(0, engine=engine) as stack:
        name = f"redis-ha:{stack.name}"
        for what in ("image and all", "the image being there, as for docker run"):
            sheet.row(f"our up ({engine}), {what}: formed", "s", STARTED).values.append(timed(stack.up))
            wait_healthy(Cluster(stack.outputs()), 60)
            run(["docker", "tag", name, f"{name}-kept"])
            stack.destroy()
            run(["docker", "tag", f"{name}-kept", name])
            run(["docker", "rmi", f"{name}-kept"])
        stack.up()
        sheet.row(f"our preview without changes ({engine})", "s").values.append(timed(stack.expect_no_changes))
        sheet.row(f"our up without changes ({engine})", "s").values.append(timed(stack.up))
        sheet.row(f"our destroy ({engine})", "s").values.append(timed(stack.destroy))
        # As `make destroy` does: the next one builds it anew.
        subprocess.run(["docker", "rmi", name], check=False, capture_output=True)


def by_hand(sheet: Sheet, plain: Plain) -> None:
    """Six times `docker run`, nothing waited for in between."""
    remove(plain)
    try:
        began = time.monotonic()
        start(plain)
        sheet.row(STARTED, "s").values.append(time.monotonic() - began)
        wait_healthy(Cluster(plain.outputs()), 60)
        sheet.row(FORMED, "s").values.append(time.monotonic() - began)
    finally:
        remove(plain)


BRING_UP = Part("bring-up", "From nothing to a formed cluster, the base image being there", bring_up)
