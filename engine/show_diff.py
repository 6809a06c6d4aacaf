"""`--diff`: every property of what changes, as a unified diff of its YAML. Such is what GitHub colours by itself."""

import difflib
from collections.abc import Mapping
from typing import Any

import yaml

from engine.run.steps import Step
from engine.show import PREFIX, Screen, in_words
from engine.values.compare import HASHED, is_hashed
from engine.values.urns import display_type
from engine.values.wire import UNKNOWN, transform

CONTEXT = 2
"""Lines around a changed one."""
COLORS = {"+": "green", "-": "red", "@": "cyan"}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand in lines of their own, so that they are compared line by line."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def show(screen: Screen, steps: list[Step]) -> None:
    """Each changed resource with its properties."""
    for step in steps:
        if step.op == "same":
            continue
        words = (PREFIX[step.op].strip(), display_type(step.type), f"{step.name}:", step.op, *step.notes)
        _line(screen, f"@@ {' '.join(words)} @@")
        if step.custom and step.op != "delete":
            for line in _diff(step.existing.applied.inputs if step.existing else {}, step.stored):
                _line(screen, line)


def outputs(screen: Screen, changed: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """What becomes of the stack's outputs that change."""
    if changed:
        _line(screen, "@@ outputs @@")
    for key in sorted(changed):
        for mark, values in (("-", before), ("+", changed)):
            for line in f"{key}: {in_words(values[key])}".splitlines() if key in values else ():
                _line(screen, f"{mark}{line}")


def _line(screen: Screen, text: str) -> None:
    screen.line(text, COLORS.get(text[:1], ""))


def _diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    found = difflib.unified_diff(_yaml(old), _yaml(new), n=CONTEXT, lineterm="")
    return [line for line in found if not line.startswith(("---", "+++", "@@"))]


def _yaml(inputs: Mapping[str, Any]) -> list[str]:
    if not inputs:
        return []
    return yaml.dump(_shown(dict(inputs)), Dumper=_Dumper, allow_unicode=True, width=10_000).splitlines()


def _shown(value: Any) -> Any:
    """As it may be printed: of a secret so much of its keyed hash that another one is seen to be another."""

    def printed(item: Any) -> Any:
        if is_hashed(item):
            return f"[secret {item[HASHED][:6]}]"
        return "[unknown]" if item is UNKNOWN else item

    return transform(value, printed)
