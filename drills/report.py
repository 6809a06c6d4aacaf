"""The results of drills: a table for people, JSON for machines."""

import dataclasses
import functools
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException
from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from drills.drill import Outcome
from drills.figures import median, percentile
from drills.target.cluster import Cluster

WIDTH = 150  # of the tables, where it is not a terminal that they are for
STEPS = (("detection", "odown"), ("election", "elected"), ("promotion", "promoted"))


def console() -> Console:
    """Standard output, wide enough for the tables where it is not a terminal (a file, a CI log)."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=WIDTH)


def table(outcomes: Sequence[Outcome]) -> Table:
    """Fault, detection, election, promotion, client outage, errors, lost; times in seconds, medians over runs."""
    made = Table(title="Drills: seconds from the fault, and what clients felt", title_justify="left")
    made.add_column("fault")
    for name in ("runs", *(s for s, _ in STEPS), "first write"):
        made.add_column(name, justify="right")
    for name in ("outage p50", "p95", "max", "by ROLE", "endpoint", "max", "errors", "lost"):
        made.add_column(name, justify="right")
    for fault in dict.fromkeys(outcome.fault for outcome in outcomes):
        runs = [outcome for outcome in outcomes if outcome.fault == fault]
        outages = [x for run in runs for x in run.outages]
        roles = [x for run in runs for x in run.outages_by_role]
        endpoint = [x for run in runs for x in run.outages_through_endpoint]
        lost = str(sum(run.lost for run in runs))
        if minority := [run.lost_minority for run in runs if run.lost_minority is not None]:
            lost += f" (+{sum(minority)} of the isolated side)"
        made.add_row(
            runs[0].title + (" [red]not whole[/red]" if any(run.problem for run in runs) else ""),
            str(len(runs)),
            *(_step(runs, step) for _, step in STEPS),
            _step(runs, "first_write") if any("announced" in run.milestones for run in runs) else "-",
            f"{median(outages):.2f}",
            f"{percentile(outages, 0.95):.2f}",
            f"{max(outages):.2f}",
            f"{median(roles):.2f}" if roles else "-",
            f"{median(endpoint):.2f}" if endpoint else "-",
            f"{max(endpoint):.2f}" if endpoint else "-",
            str(sum(len(run.errors) for run in runs)),
            lost,
        )
    return made


def _step(runs: Sequence[Outcome], step: str) -> str:
    taken = [run.milestones[step] for run in runs if step in run.milestones]
    return f"{median(taken):.2f}" if taken else "-"


@functools.cache
def machine() -> str:
    """The machine that was measured, in a few words."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = f"{len(names)} x {names[0]}, " if names else ""
    python = f"Python {platform.python_version()}"
    return f"{model}{platform.system()} {platform.release()}, Docker {_docker_version()}, {python}"


def _docker_version() -> str:
    try:
        return str(docker.from_env().version()["Version"])
    except (DockerException, OSError):
        return "not reachable"


def document(cluster: Cluster, outcomes: Sequence[Outcome], passed: Sequence[str]) -> dict[str, Any]:
    """All that was found out, for machines. Times are in seconds; event times from the fault on."""
    return {
        "stack": cluster.outputs.stack,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": machine(),
        "limits_passed": list(passed),
        "drills": [_outcome(o) for o in outcomes],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    plain = dataclasses.asdict(outcome)
    for key in ("events", "errors"):
        for entry in plain[key]:
            entry["at"] = round(entry["at"] - outcome.began, 4)
    return plain


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the document; infinite outages (a client that never wrote again) become null."""
    path.write_bytes(to_json(content, indent=1, inf_nan_mode="null") + b"\n")
