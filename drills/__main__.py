"""`python -m drills --stack dev`: run the drills on a live stack and report what clients felt."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from drills import report
from drills.drill import Outcome, Settings, run
from drills.faults import FAULTS
from drills.faults.base import Scene
from drills.faults.power import Commands
from drills.limits import Limits
from drills.target.cluster import Cluster
from drills.target.errors import DrillError, end_as_by_ctrl_c
from drills.target.stack import Stack
from drills.watch.timeline import Timeline


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("--stack", default="dev", help="the stack to break (default dev)")
    parser.add_argument("--list", action="store_true", help="list the faults and end")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run each fault N times")
    parser.add_argument("--clients", type=int, default=4, metavar="N", help="clients that write through Sentinel")
    parser.add_argument("--rate", type=float, default=100.0, help="writes a second of each client")
    parser.add_argument("--out", type=Path, default=Path("drill-report.json"), help="the report file")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="which faults (default: all)")
    arguments = parser.parse_args(argv)
    if unknown := [name for name in arguments.faults if name not in FAULTS]:
        parser.error(f"unknown fault {', '.join(unknown)}; known: {', '.join(FAULTS)}")
    if arguments.repeat < 1 or arguments.clients < 1 or arguments.rate <= 0:
        parser.error("--repeat and --clients start at 1, --rate above 0")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run; returns the exit code: 1 when a limit is passed or the cluster does not recover, 2 for a usage error."""
    arguments = _arguments(argv)
    console = Console(stderr=True)
    end_as_by_ctrl_c()
    if arguments.list:
        for fault in FAULTS.values():
            print(f"{fault.name:20} {fault.title}")
        return 0
    outcomes: list[Outcome] = []
    try:
        stack = Stack(arguments.stack)
        limits, cluster = Limits.of(stack), Cluster(stack.outputs())
        with console.status("starting") as status:

            def progress(text: str) -> None:
                console.print(f"  {text}")
                status.update(text)

            # Those before one that does not come to its end stay.
            outcomes.extend(_outcomes(arguments, cluster, stack, progress))
    except DrillError as error:
        console.print(f"drill: {error}", style="red", markup=False, highlight=False)
        if not outcomes:
            return 1
        return _finish(arguments.out, cluster, outcomes, [str(error), *limits.passed(outcomes)])
    except KeyboardInterrupt:
        console.print("interrupted; the fault has been undone")
        return 130
    return _finish(arguments.out, cluster, outcomes, limits.passed(outcomes))


def _outcomes(
    arguments: argparse.Namespace, cluster: Cluster, stack: Stack, progress: Callable[[str], None]
) -> Iterator[Outcome]:
    """One drill after the other; those that this cluster cannot have are said and left out."""
    hosts, settings = Commands.of(stack), Settings(arguments.clients, arguments.rate)
    for fault in [FAULTS[name] for name in arguments.faults or FAULTS]:
        # Whether a fault can be had is asked before anything is started for it.
        if reason := fault.refused(Scene(cluster, Timeline(cluster), stack, hosts)):
            progress(f"left out: {fault.title}: {reason}")
            continue
        for i in range(arguments.repeat):
            progress(f"{fault.title}" + (f" ({i + 1}/{arguments.repeat})" if arguments.repeat > 1 else ""))
            yield run(cluster, fault, settings, stack, hosts)


def _finish(out: Path, cluster: Cluster, outcomes: list[Outcome], passed: list[str]) -> int:
    console = report.console()
    console.print(report.table(outcomes))
    for text in passed:
        console.print(text, style="red", markup=False, highlight=False)
    report.write_json(out, report.document(cluster, outcomes, passed))
    console.print(f"written: {out}", highlight=False)
    return 1 if passed else 0


if __name__ == "__main__":
    sys.exit(main())
