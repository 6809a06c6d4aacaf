"""What a run looks like: Pulumi's headers, tree, counts and outputs."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any, TextIO

from engine.resources import display_type, urn_name, urn_type
from engine.steps import DOING, DONE, PREFIX, Diagnostic, Step, counts
from engine.values import UNKNOWN, Secret

COLORS = {"create": "32", "update": "33", "replace": "35", "delete": "31", "same": "0"}
NOUNS = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}


class Screen:
    """Where a run is shown. Keeps its own handle on stdout: the program's is redirected while it runs."""

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stdout
        self.quiet = quiet
        self.color = self.stream.isatty() and "NO_COLOR" not in os.environ
        self._lock = threading.RLock()

    def line(self, text: str = "") -> None:
        if self.quiet:
            return
        with self._lock:
            try:
                print(text, file=self.stream, flush=True)
            except BrokenPipeError:
                self.quiet = True

    def paint(self, text: str, op: str) -> str:
        return f"\x1b[{COLORS[op]}m{text}\x1b[0m" if self.color and op != "same" else text

    def heading(self, text: str) -> str:
        return f"\x1b[1;95m{text}\x1b[0m" if self.color else text


class Recorder:
    """Collects diagnostics and shows nothing while the run goes on: previews."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

    def started(self, step: Step) -> None:
        return

    def progressed(self, step: Step, text: str) -> None:
        return

    def finished(self, step: Step) -> None:
        return

    def said(self, diagnostic: Diagnostic) -> None:
        if not (self.diagnostics and self.diagnostics[-1] == diagnostic):
            self.diagnostics.append(diagnostic)


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
        if step.state == "failed":
            self._row(step, "**failed**", "")
            return
        took = f" ({step.seconds:.1f}s)" if step.custom else ""
        self._row(step, DONE[step.op] + took, "")

    def _row(self, step: Step, doing: str, info: str) -> None:
        text = f" {PREFIX[step.op]} {display_type(step.type)} {step.name} {doing} {info}".rstrip()
        self._screen.line(self._screen.paint(text, step.op))

    def said(self, diagnostic: Diagnostic) -> None:
        super().said(diagnostic)
        if diagnostic.severity != "info":
            return  # shown once, at the end
        where = f"{urn_name(diagnostic.urn)}: " if diagnostic.urn else ""
        for line in diagnostic.message.splitlines() or [""]:
            self._screen.line(f"    {where}{line}")


def tree(screen: Screen, steps: list[Step], column: str) -> None:
    """The table of what changes, resources below their parents; unchanged ones only where something hangs on them."""
    by_parent: dict[str, list[Step]] = {}
    known = {step.urn for step in steps}
    for step in steps:
        by_parent.setdefault(step.parent if step.parent in known else "", []).append(step)

    def changed(step: Step) -> bool:
        return step.op != "same" or any(changed(child) for child in by_parent.get(step.urn, []))

    rows: list[tuple[Step | None, str, str, str, str]] = []

    def walk(step: Step, lead: str, branch: str) -> None:
        plan = step.op_text if step.op != "same" else ""
        rows.append((step, f"{lead}{branch}{display_type(step.type)}", step.name, plan, step.summary))
        below = [child for child in by_parent.get(step.urn, []) if changed(child)]
        inner = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        for index, child in enumerate(below):
            walk(child, inner, "└─ " if index == len(below) - 1 else "├─ ")

    for top in by_parent.get("", []):
        if changed(top) or top.type == "pulumi:pulumi:Stack":
            walk(top, "", "")
    if not rows:
        return
    titles: tuple[None, str, str, str, str] = (None, "Type", "Name", column, "Info")
    shown = [titles, *rows]
    widths = [max(len(row[index]) for row in shown) for index in (1, 2, 3)]  # type: ignore[arg-type]
    for shown_step, kind, name, plan, info in shown:
        mark = f" {PREFIX[shown_step.op]} " if shown_step else "    "
        text = f"{mark} {kind:<{widths[0]}}  {name:<{widths[1]}}  {plan:<{widths[2]}}  {info}".rstrip()
        if shown_step is None and not any(row[4] for row in rows):
            text = text.removesuffix("Info").rstrip()
        screen.line(screen.paint(text, shown_step.op) if shown_step else text)


def diagnostics(screen: Screen, found: list[Diagnostic], stack_urn: str) -> None:
    """The `Diagnostics:` section, grouped by resource."""
    if not found:
        return
    screen.line(screen.heading("Diagnostics:"))
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
    screen.line(screen.heading("Resources:"))
    kinds = [op for op in tally if op != "same"]
    for op in kinds:
        words = f"to {op}" if planned else NOUNS[op]
        screen.line("    " + screen.paint(f"{PREFIX[op]}{tally[op]} {words}", op))
    pieces = []
    if len(kinds) > 1:
        pieces.append(f"{sum(tally[op] for op in kinds)} changes")
    if tally.get("same"):
        pieces.append(f"{tally['same']} unchanged")
    if pieces:
        screen.line("    " + ". ".join(pieces))


def duration(screen: Screen, seconds: float) -> None:
    """The `Duration:` line, in whole seconds."""
    whole = math.ceil(seconds)
    minutes, rest = divmod(whole, 60)
    screen.line()
    screen.line(f"{screen.heading('Duration:')} " + (f"{minutes}m{rest}s" if minutes else f"{rest}s"))


def outputs(screen: Screen, values: Mapping[str, Any], mark: str = "  ", secrets: bool = False) -> None:
    """The `Outputs:` section."""
    if not values:
        return
    screen.line(screen.heading("Outputs:"))
    width = max(len(key) for key in values)
    for key in sorted(values):
        lines = render(values[key], secrets).splitlines()
        text = f"  {mark}{key:<{width}}: " + "\n".join([lines[0], *(f"    {line}" for line in lines[1:])])
        screen.line(screen.paint(text, "create" if mark == "+ " else "update" if mark == "~ " else "same"))
    screen.line()


def render(value: Any, secrets: bool = False) -> str:
    """A value in Pulumi's notation: `"text"`, `[ [0]: ... ]`, `{ key: ... }`, `[secret]`, `[unknown]`."""
    if value is UNKNOWN:
        return "[unknown]"
    if isinstance(value, Secret):
        return render(value.value, secrets) if secrets else "[secret]"
    if value == "[secret]":
        return "[secret]"
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        width = max(len(str(key)) for key in value)
        return _block("{", "}", [f"{key!s:<{width}}: {render(item, secrets)}" for key, item in sorted(value.items())])
    if isinstance(value, list):
        return (
            _block("[", "]", [f"[{index}]: {render(item, secrets)}" for index, item in enumerate(value)])
            if value
            else "[]"
        )
    return json.dumps(value, ensure_ascii=False)


def _block(opening: str, closing: str, items: list[str]) -> str:
    inner = "\n".join("    " + line for item in items for line in item.splitlines())
    return f"{opening}\n{inner}\n{closing}"
