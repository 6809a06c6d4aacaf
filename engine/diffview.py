"""`--diff`: every property of what changes, in Pulumi's style."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.diff import Change, shown
from engine.display import Screen, render
from engine.registration import STACK_TYPE
from engine.steps import PREFIX, Step
from engine.values import UNKNOWN

MARKS = {"add": "+", "delete": "-", "update": "~"}
OPS = {"add": "create", "delete": "delete", "update": "update"}
LONG = 160
"""Characters after which a text is cut (texts of several lines are shown line by line where they differ)."""


def show(screen: Screen, steps: list[Step]) -> None:
    """Each changed resource with its properties; the stack always heads the list."""
    by_urn = {step.urn: step for step in steps}
    listed = {step.urn for step in steps if step.op != "same" or step.type == STACK_TYPE}

    def level(step: Step) -> int:
        """How many of the listed resources it lies below."""
        parent = by_urn.get(step.parent)
        return 0 if parent is None else level(parent) + (parent.urn in listed)

    for step in steps:
        if step.urn in listed:
            _resource(screen, step, level(step))


def outputs(screen: Screen, values: Mapping[str, Any]) -> None:
    """The stack's outputs, below its resources."""
    if values:
        screen.line("    --outputs:--")
        _object(screen, values, "    ", "create")


def _resource(screen: Screen, step: Step, depth: int) -> None:
    pad = "    " * depth
    mark = PREFIX[step.op]
    screen.line(pad + screen.paint(f"{mark}{step.type}: ({step.op_text})", step.op))
    inner = pad + "    "
    if step.id and step.custom:
        screen.line(f"{inner}[id={step.id}]")
    screen.line(f"{inner}[urn={step.urn}]")
    for note in step.notes:
        screen.line(f"{inner}[{note}]")
    if step.op == "create" and step.new_inputs:
        _object(screen, step.new_inputs, inner, "create")
    elif step.op in ("update", "replace"):
        _changes(screen, step, inner)


def _object(screen: Screen, values: Mapping[str, Any], pad: str, op: str) -> None:
    width = max((len(key) for key in values), default=0)
    for key in sorted(values):
        lines = render(_cut(shown(values[key]))).splitlines()
        text = f"{pad}{key:<{width}}: " + "\n".join([lines[0], *(pad + line for line in lines[1:])])
        screen.line(screen.paint(text, op))


def _changes(screen: Screen, step: Step, pad: str) -> None:
    groups: dict[str, list[Change]] = {}
    for change in step.changes:
        groups.setdefault(change.key, []).append(change)
    for changes in groups.values():
        _nested(screen, changes, 0, pad)


def _nested(screen: Screen, changes: list[Change], at: int, pad: str) -> None:
    """Prints changes that share their path up to `at`, descending where they lie deeper."""
    heads: dict[str | int, list[Change]] = {}
    for change in changes:
        heads.setdefault(change.path[at], []).append(change)
    for head, below in heads.items():
        title = f"[{head}]" if isinstance(head, int) else str(head)
        if len(below) == 1 and len(below[0].path) == at + 1:
            _leaf(screen, below[0], title, pad)
            continue
        opening, closing = ("[", "]") if isinstance(below[0].path[at + 1], int) else ("{", "}")
        screen.line(screen.paint(f"{pad[:-2]}~ {title}: {opening}", "update"))
        _nested(screen, below, at + 1, pad + "    ")
        screen.line(screen.paint(f"{pad}{closing}", "update"))


def _leaf(screen: Screen, change: Change, title: str, pad: str) -> None:
    op = OPS[change.kind]
    lead = f"{pad[:-2]}{MARKS[change.kind]} {title}: "
    old, new = shown(change.old), shown(change.new)
    if change.kind == "update" and isinstance(old, str) and isinstance(new, str) and ("\n" in old or "\n" in new):
        screen.line(screen.paint(lead + '"""', op))
        _text(screen, old, new, pad + "    ")
        screen.line(screen.paint(f'{pad}"""', op))
        return
    if change.kind == "update":
        text = f"{_flat(old, pad)} => {_flat(new, pad)}"
    else:
        text = _flat(new if change.kind == "add" else old, pad)
    screen.line(screen.paint(lead + text, op))


def _flat(value: Any, pad: str) -> str:
    lines = render(UNKNOWN if value is UNKNOWN else _cut(value)).splitlines()
    return "\n".join([lines[0], *(pad + line for line in lines[1:])])


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONG:
        return value[:LONG] + "..."
    if isinstance(value, Mapping):
        return {key: _cut(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item) for item in value]
    return value


def _text(screen: Screen, old: str, new: str, pad: str) -> None:
    import difflib

    for line in difflib.ndiff(old.splitlines(), new.splitlines()):
        mark, text = line[0], line[2:]
        if mark in "+-":
            screen.line(screen.paint(f"{pad[:-2]}{mark} {text}", "create" if mark == "+" else "delete"))
        elif mark == " " and (not text or len(text) <= LONG):
            screen.line(f"{pad}{text}")
