"""From nothing to a formed cluster, and previews: beside `docker run` of the same containers, and docker compose."""

import functools
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from drills.bench.growth import timed
from drills.bench.options import Options, Part, image_of
from drills.bench.results import Sheet
from drills.cluster import Cluster
from drills.health import wait_healthy
from drills.plain import Plain, remove, run, start
from drills.stack import Stack

RUNS = 10
STARTED = "docker run, one after the other: merely started"
FORMED = "docker run, one after the other: formed"


def engines() -> list[str]:
    """The engines that are there."""
    return ["embedded", *(["pulumi"] if shutil.which("pulumi") else [])]


def compose_command() -> list[str] | None:
    """Docker compose, as plugin or by itself; None where neither is there."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def bring_up(options: Options, sheet: Sheet) -> None:
    """Everything in turn, so that what else the machine does meets all alike."""
    runs = options.runs or RUNS
    with options.cluster(0) as cluster:  # builds the image, and says which it is
        image = image_of(cluster)
        subprocess.run(["docker", "tag", image, f"redis-ha:{options.name}-plain"], check=True, capture_output=True)
    plain = options.plain(
        1, f"redis-ha:{options.name}-plain", publish=True, port=options.port + 400, sentinel_port=options.port + 402
    )
    compose = compose_command()
    if compose is None:
        sheet.remark("docker compose is not on the PATH: not measured")
    try:
        for i in range(runs):
            options.say(f"bring-up ({i + 1}/{runs})")
            by_hand(sheet, plain)
            if compose:
                composed(sheet, plain, compose)
            for engine in engines():
                ours(options, sheet, engine)
    finally:
        subprocess.run(["docker", "rmi", plain.image], check=False, capture_output=True)


def ours(options: Options, sheet: Sheet, engine: str) -> None:
    """`up` of a stack, with and without building its image, and what follows it."""
    with options.stack(0, engine=engine) as stack:
        for what in ("image and all", "the image being there, as for docker run"):
            sheet.row(f"our up ({engine}), {what}: formed", "s", STARTED).values.append(timed(stack.up))
            wait_healthy(Cluster(stack.outputs()), 60)
            with _kept(stack):
                stack.destroy()
        stack.up()
        sheet.row(f"our preview without changes ({engine})", "s").values.append(timed(stack.expect_no_changes))
        sheet.row(f"our up without changes ({engine})", "s").values.append(timed(stack.up))
        sheet.row(f"our destroy ({engine})", "s").values.append(timed(stack.destroy))
        # As `make destroy` does: the next one builds it anew.
        subprocess.run(["docker", "rmi", f"redis-ha:{stack.name}"], check=False, capture_output=True)


@contextmanager
def _kept(stack: Stack) -> Iterator[None]:
    """The stack's image outlives what is done, by another name meanwhile."""
    name = f"redis-ha:{stack.name}"
    run(["docker", "tag", name, f"{name}-kept"])
    try:
        yield
        run(["docker", "tag", f"{name}-kept", name])
    finally:
        run(["docker", "rmi", f"{name}-kept"])


def by_hand(sheet: Sheet, plain: Plain) -> None:
    """Six times `docker run`, nothing waited for in between."""
    with _nothing_there(plain):
        began = time.monotonic()
        start(plain)
        sheet.row(STARTED, "s").values.append(time.monotonic() - began)
        wait_healthy(Cluster(plain.outputs()), 60)
        sheet.row(FORMED, "s").values.append(time.monotonic() - began)


def composed(sheet: Sheet, plain: Plain, command: list[str]) -> None:
    """The same six containers by docker compose."""
    with _nothing_there(plain), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "docker-compose.yml"
        file.write_text(yaml.safe_dump(plain.compose()))
        call = [*command, "-p", plain.name, "-f", str(file)]
        began = time.monotonic()
        run([*call, "up", "-d"])
        sheet.row("docker compose up: merely started", "s", STARTED).values.append(time.monotonic() - began)
        wait_healthy(Cluster(plain.outputs()), 60)
        sheet.row("docker compose up: formed", "s", STARTED).values.append(time.monotonic() - began)
        again = timed(functools.partial(run, [*call, "up", "-d"]))
        sheet.row("docker compose up without changes", "s").values.append(again)


@contextmanager
def _nothing_there(plain: Plain) -> Iterator[None]:
    remove(plain)
    try:
        yield
    finally:
        remove(plain)


BRING_UP = Part("bring-up", "From nothing to a formed cluster, the base image being there", bring_up)
