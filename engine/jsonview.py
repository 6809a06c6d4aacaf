"""`--json`: a preview as Pulumi's digest (config, steps, diagnostics, changeSummary)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine import paths
from engine.diff import shown
from engine.steps import Diagnostic, Step, counts
from engine.values import UNKNOWN, UNKNOWN_TEXT, transform

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}


def digest(config: Mapping[str, str], steps: list[Step], found: list[Diagnostic], seconds: float) -> str:
    """The JSON document; secrets are blinded."""
    body: dict[str, Any] = {
        "config": dict(config),
        "steps": [_step(step) for step in steps],
        "diagnostics": [
            {**({"urn": item.urn} if item.urn else {}), "message": item.message, "severity": item.severity}
            for item in found
        ],
        "duration": int(seconds * 1_000_000_000),
        "changeSummary": counts(steps),
    }
    if not body["diagnostics"]:
        del body["diagnostics"]
    return json.dumps(body, indent=4)


def _step(step: Step) -> dict[str, Any]:
    body: dict[str, Any] = {"op": step.op, "urn": step.urn}
    if step.op in ("same", "update", "replace", "delete") and (step.old_inputs is not None or not step.custom):
        body["oldState"] = _state(step, step.old_inputs, step.id)
    if step.op != "delete":
        body["newState"] = _state(step, step.new_inputs, step.id if step.op in ("same", "update") else "")
    keys = sorted({change.key for change in step.changes})
    if step.op in ("update", "replace"):
        body["diffReasons"] = keys
    if step.op == "replace":
        body["replaceReasons"] = keys
    body["detailedDiff"] = {
        paths.render(change.path): {
            "kind": change.kind + ("-replace" if step.op == "replace" else ""),
            "inputDiff": True,
        }
        for change in step.changes
    } or None
    return body


def _state(step: Step, inputs: Mapping[str, Any] | None, identifier: str) -> dict[str, Any]:
    body: dict[str, Any] = {"urn": step.urn, "custom": step.custom}
    if identifier and step.custom:
        body["id"] = identifier
    body["type"] = step.type
    if inputs:
        body["inputs"] = _known(shown(dict(inputs)))
    if step.parent:
        body["parent"] = step.parent
    if step.dependencies:
        body["dependencies"] = step.dependencies
    return body


def _known(value: Any) -> Any:
    def leaf(item: Any) -> Any:
        if item is UNKNOWN:
            return UNKNOWN_TEXT
        return SECRET if item == "[secret]" else item

    return transform(value, leaf)
