"""What a run looks like: Pulumi's headers, tree, counts and outputs, on rich's console.

`--diff` is every property of what changes, as a unified diff of its YAML: such is what GitHub colours by itself.
"""

import difflib
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from engine.run.steps import Diagnostic, Recorder, Step
from engine.values.compare import HASHED, is_hashed
from engine.values.urns import STACK_TYPE, display_type, urn_name, urn_type
from engine.values.wire import UNKNOWN, blind, transform

STYLES = {"create": "green", "update": "yellow", "replace": "magenta", "delete": "red", "same": ""}
PREFIX = {"same": "  ", "create": "+ ", "update": "~ ", "replace": "+-", "delete": "- "}
DOING = {"create": "creating", "update": "updating", "replace": "replacing", "delete": "deleting", "same": ""}
COLORS = {"+": "green", "-": "red", "@": "cyan"}
WIDE = 10_000
"""Columns where nobody looks: a log's lines are not to be broken."""


class Screen:
    """Where a run is shown. Keeps its own handle on stdout: the program's is redirected while it runs."""

    def __init__(self, color: str) -> None:
        file = sys.stdout
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

    def shows(self, step: Step, text: str = "") -> None:
        doing = DOING[step.op]
        if step.state == "running":
            text = text or step.summary
        elif step.op == "same":
            return
        else:
            took = f" ({step.seconds:.1f}s)" if step.custom else ""
            doing, text = "**failed**" if step.state == "failed" else f"{step.op}d{took}", ""
        row = f" {PREFIX[step.op]} {display_type(step.type)} {step.name} {doing} {text}".rstrip()
        if self._shown.get(step.urn) != row:
            self._shown[step.urn] = row
            self._screen.line(row, STYLES[step.op])

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
        op = step.op if step.op != "same" else ""
        words = (PREFIX[step.op], display_type(step.type), step.name, op, step.summary)
        label = Text(" ".join(word for word in words if word), STYLES[step.op])
        below = above.add(label) if above else Tree(label)
        for child in by_parent.get(step.urn, []):
            if changed(child):
                grow(child, below)
        return below

    screen.line()
    for top in by_parent.get("", []):
        if changed(top) or top.type == STACK_TYPE:
            screen.line(grow(top, None))
    screen.line()


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
    tally = Counter[str](step.op for step in steps)
    screen.heading("Resources:")
    kinds = [op for op in DOING if op != "same" and tally[op]]
    for op in kinds:
        screen.line(f"    {PREFIX[op]}{tally[op]} {f'to {op}' if planned else f'{op}d'}", STYLES[op])
    pieces = [f"{sum(tally[op] for op in kinds)} changes"] if len(kinds) > 1 else []
    pieces += [f"{tally['same']} unchanged"] if tally["same"] else []
    if pieces:
        screen.line("    " + ". ".join(pieces))


def report(screen: Screen, steps: list[Step], began: float) -> None:
    """What was done, also when a run ends early, and the `Duration:` in whole seconds."""
    resources(screen, [one for one in steps if one.state == "done"], False)
    for step in steps:
        if step.state in ("running", "failed"):
            screen.line(f"    not finished: {step.name}")
    minutes, rest = divmod(math.ceil(time.monotonic() - began), 60)
    screen.line()
    screen.line("Duration: " + (f"{minutes}m{rest}s" if minutes else f"{rest}s"))


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


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand in lines of their own, so that they are compared line by line."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def diff(screen: Screen, steps: list[Step], changed: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Each changed resource with its properties, and what becomes of the stack's outputs that change."""
    lines = []
    for step in steps:
        if step.op == "same":
            continue
        words = (PREFIX[step.op].strip(), display_type(step.type), f"{step.name}:", step.op, *step.notes)
        lines.append(f"@@ {' '.join(words)} @@")
        if step.custom and step.op != "delete":
            old = _yaml(step.existing.applied.inputs if step.existing else {})
            found = difflib.unified_diff(old, _yaml(step.stored), n=2, lineterm="")
            lines += [line for line in found if not line.startswith(("---", "+++", "@@"))]
    if changed:
        lines.append("@@ outputs @@")
    for key in sorted(changed):
        for mark, values in (("-", before), ("+", changed)):
            shown = f"{key}: {in_words(values[key])}".splitlines() if key in values else []
            lines += [f"{mark}{line}" for line in shown]
    for line in lines:
        screen.line(line, COLORS.get(line[:1], ""))


def _yaml(inputs: Mapping[str, Any]) -> list[str]:
    """As it may be printed: of a secret so much of its keyed hash that another one is seen to be another."""

    def printed(item: Any) -> Any:
        if is_hashed(item):
            return f"[secret {item[HASHED][:6]}]"
        return "[unknown]" if item is UNKNOWN else item

    text: str = yaml.dump(transform(inputs, printed), Dumper=_Dumper, allow_unicode=True, width=WIDE) if inputs else ""
    return text.splitlines()
