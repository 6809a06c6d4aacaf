"""What a run looks like: Pulumi's headers, tree, counts and outputs, on rich's console."""

import json
import math
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from engine.run.steps import Diagnostic, Recorder, Step, counts
from engine.values.urns import STACK_TYPE, display_type, urn_name, urn_type
from engine.values.wire import blind

STYLES = {"create": "green", "update": "yellow", "replace": "magenta", "delete": "red", "same": ""}
PREFIX = {"same": "  ", "create": "+ ", "update": "~ ", "replace": "+-", "delete": "- "}
DOING = {"create": "creating", "update": "updating", "replace": "replacing", "delete": "deleting", "same": ""}
DONE = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted", "same": "unchanged"}
WIDE = 10_000
"""Columns where nobody looks: a log's lines are not to be broken."""


class Screen:
    """Where a run is shown. Keeps its own handle on stdout: the program's is redirected while it runs."""

    def __init__(self, stream: TextIO | None = None, color: str = "auto") -> None:
        file = stream or sys.stdout
        self._console = Console(
            file=file,
            width=None if file.isatty() else WIDE,
            force_terminal=True if color == "always" else None,
            color_system=None if color == "never" else "auto",
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )

    def line(self, text: str | Tree = "", style: str = "") -> None:
        self._console.print(text, style=style or None)

    def heading(self, text: str) -> None:
        self.line(text, "bold magenta")


class Ticker(Recorder):
    """Shows each step as it begins and ends: updates and deletes."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen
        self._shown: dict[str, str] = {}

    def started(self, step: Step) -> None:
        self._row(step, DOING[step.op], step.summary)

    def progressed(self, step: Step, text: str) -> None:
        if self._shown.get(step.urn) != text:
            self._shown[step.urn] = text
            self._row(step, DOING[step.op], text)

    def finished(self, step: Step) -> None:
        if step.op == "same":
            return
        took = f" ({step.seconds:.1f}s)" if step.custom else ""
        self._row(step, "**failed**" if step.state == "failed" else DONE[step.op] + took, "")

    def _row(self, step: Step, doing: str, info: str) -> None:
        text = f" {PREFIX[step.op]} {display_type(step.type)} {step.name} {doing} {info}".rstrip()
        self._screen.line(text, STYLES[step.op])

    def said(self, diagnostic: Diagnostic) -> None:
        super().said(diagnostic)
        if diagnostic.severity != "info":
            return  # shown once, at the end
        where = f"{urn_name(diagnostic.urn)}: " if diagnostic.urn else ""
        for line in diagnostic.message.splitlines() or [""]:
            self._screen.line(f"    {where}{line}")


def tree(screen: Screen, steps: list[Step]) -> None:
    """What changes, resources below their parents; unchanged ones only where something hangs on them."""
    by_parent: dict[str, list[Step]] = {}
    known = {step.urn for step in steps}
    for step in steps:
        by_parent.setdefault(step.parent if step.parent in known else "", []).append(step)

    def changed(step: Step) -> bool:
        return step.op != "same" or any(changed(child) for child in by_parent.get(step.urn, []))

    def grow(step: Step, above: Tree | None) -> Tree:
        words = (
            PREFIX[step.op],
            display_type(step.type),
            step.name,
            step.op if step.op != "same" else "",
            step.summary,
        )
        label = Text(" ".join(word for word in words if word), STYLES[step.op])
        below = above.add(label) if above else Tree(label)
        for child in by_parent.get(step.urn, []):
            if changed(child):
                grow(child, below)
        return below

    for top in by_parent.get("", []):
        if changed(top) or top.type == STACK_TYPE:
            screen.line(grow(top, None))


def diagnostics(screen: Screen, found: list[Diagnostic], stack_urn: str) -> None:
    """The `Diagnostics:` section, grouped by resource."""
    if not found:
        return
    screen.heading("Diagnostics:")
    groups: dict[str, list[Diagnostic]] = {}
    for item in found:
        groups.setdefault(item.urn or stack_urn, []).append(item)
    for urn, items in groups.items():
        screen.line(f"  {display_type(urn_type(urn))} ({urn_name(urn)}):")
        for item in items:
            mark = f"{item.severity}: " if item.severity != "info" else ""
            for index, line in enumerate(item.message.rstrip().splitlines() or [""]):
                screen.line(f"    {mark if index == 0 else ''}{line}")
        screen.line()


def resources(screen: Screen, steps: list[Step], planned: bool) -> None:
    """The counts: `+ 12 to create`, `7 unchanged`."""
    tally = counts(steps)
    screen.heading("Resources:")
    kinds = [op for op in tally if op != "same"]
    for op in kinds:
        screen.line(f"    {PREFIX[op]}{tally[op]} {f'to {op}' if planned else DONE[op]}", STYLES[op])
    pieces = [f"{sum(tally[op] for op in kinds)} changes"] if len(kinds) > 1 else []
    pieces += [f"{tally['same']} unchanged"] if tally.get("same") else []
    if pieces:
        screen.line("    " + ". ".join(pieces))


def duration(screen: Screen, seconds: float) -> None:
    """The `Duration:` line, in whole seconds."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    screen.line()
    screen.line("Duration: " + (f"{minutes}m{rest}s" if minutes else f"{rest}s"))


def report(screen: Screen, steps: list[Step], began: float) -> None:
    """What was done, when a run ends early."""
    resources(screen, [one for one in steps if one.state == "done" and (one.op != "same" or one.custom)], False)
    for step in steps:
        if step.state in ("running", "failed"):
            screen.line(f"    not finished: {step.name}")
    duration(screen, time.monotonic() - began)


def outputs(screen: Screen, values: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """The `Outputs:` section: `+` what is new, `~` what has changed, without a mark what is as it was."""
    if not values:
        return
    screen.heading("Outputs:")
    width = max(map(len, values))
    for key in sorted(values):
        op = "create" if key not in before else "same" if before[key] == values[key] else "update"
        first, *rest = in_words(values[key]).splitlines() or [""]
        text = "\n".join([f"  {PREFIX[op]}{key:<{width}}: {first}", *(f"    {line}" for line in rest)])
        screen.line(text, STYLES[op])
    screen.line()


def in_words(value: Any) -> str:
    """A value as it may be shown: a text as it is, all else as JSON."""
    shown = blind(value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, indent=2)
