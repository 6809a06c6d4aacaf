"""`python -m drills.bench [PART ...]`: this project measured beside the plain alternatives, in one run.

Brings up stacks and plain clusters of its own and removes them again. Prints a table for each part, and writes the
figures to OUT.json, where those of parts that were not run this time stay, and all of them to OUT.md as a page of
Markdown. Milliseconds are this machine's; ratios carry further.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from docker.errors import DockerException
from rich.console import Console
from rich.markdown import Markdown

from drills import report
from drills.bench.bring_up import BRING_UP
from drills.bench.cpu_load import CPU_LOAD
from drills.bench.failures import FAILURES
from drills.bench.growth import GROWTH
from drills.bench.options import Options, Part
from drills.bench.planned import HANDOVER, ROLLING
from drills.bench.results import Sheet, markdown, merge
from drills.bench.throughput import THROUGHPUT
from drills.target.errors import DrillError, end_as_by_ctrl_c

PARTS: dict[str, Part] = {
    part.name: part for part in (HANDOVER, ROLLING, FAILURES, THROUGHPUT, BRING_UP, GROWTH, CPU_LOAD)
}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in _words(text))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m drills.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"which (default: all): {', '.join(PARTS)}")
    parser.add_argument("--runs", type=int, metavar="N", help="repetitions (default: each part's own)")
    parser.add_argument("--seconds", type=float, default=600, help="length of cpu-load (default 600)")
    parser.add_argument(
        "--profiles", type=_words, default=("fast", "balanced"), help="for cpu-load (default fast,balanced)"
    )
    parser.add_argument("--sizes", type=_numbers, default=(3, 10, 30), help="data nodes, for growth (default 3,10,30)")
    parser.add_argument("--clusters", type=_numbers, default=(1, 3, 10), help="for growth (default 1,3,10)")
    parser.add_argument("--subnet", default="10.215.0.0/24", help="of the first cluster; others take those after it")
    parser.add_argument("--port", type=int, default=28379, help="first port of the first cluster")
    parser.add_argument("--name", default="bench", help="what its stacks' names begin with")
    parser.add_argument("--out", type=Path, default=Path("bench-report"), help="result files: OUT.json and OUT.md")
    arguments = parser.parse_args(argv)
    if unknown := [name for name in arguments.parts if name not in PARTS]:
        parser.error(f"unknown part {', '.join(unknown)}; known: {', '.join(PARTS)}")
    if arguments.runs is not None and arguments.runs < 1:
        parser.error("--runs starts at 1")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run; returns the exit code."""
    arguments = _arguments(argv)
    end_as_by_ctrl_c()
    progress = Console(stderr=True)
    sheets: list[Sheet] = []
    code = 0
    try:
        with progress.status("starting") as status:
            say = status.update if progress.is_terminal else progress.print
            given = {field.name: getattr(arguments, field.name) for field in fields(Options) if field.name != "say"}
            options = Options(say=say, **given)
            for part in [PARTS[name] for name in arguments.parts or PARTS]:
                sheets.append(Sheet(part.name, part.title))
                part.measure(options, sheets[-1])
    except (DrillError, DockerException) as error:
        progress.print(f"bench: {error}", style="red", markup=False, highlight=False)
        code = 1
    except KeyboardInterrupt:
        progress.print("interrupted; what was brought up has been removed")
        code = 130
    return _finish(arguments.out, [sheet for sheet in sheets if sheet.rows], code)


def _finish(out: Path, sheets: Sequence[Sheet], code: int) -> int:
    console = report.console()
    for sheet in sheets:
        console.print(Markdown(sheet.page()))
    if sheets:
        try:
            content = merge(out.with_suffix(".json"), sheets)
        except DrillError as error:
            console.print(f"bench: {error}", style="red", markup=False, highlight=False)
            return 1
        out.with_suffix(".md").write_text(markdown(content))
        console.print(f"written: {out.with_suffix('.json')}, {out.with_suffix('.md')}", highlight=False)
    return code


if __name__ == "__main__":
    sys.exit(main())
