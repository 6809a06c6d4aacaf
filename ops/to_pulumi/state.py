"""The state that Pulumi would have, had it made what the embedded engine has made. Pure: nothing is asked.

Two halves make it. Pulumi's own preview of the empty stack says, as its plan, what each resource is declared as: its
inputs with the provider's defaults, its parent, its provider, what it depends on. The embedded engine says what is
there: Docker's ids, and the values that the preview could not know.

`pulumi import` would not do: the Docker provider reads neither the environment nor the files and labels of a container,
nor an image; all containers would be replaced after it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

from engine.docker.resource import Made
from engine.values.urns import STACK_TYPE, urn_type
from engine.values.wire import SECRET_SIGNATURE, SIGNATURE, UNKNOWN_TEXT, to_json, transform
from ops.stack import OpsError

IMAGE = "docker:index/image:Image"
SCHEMA_VERSIONS = {
    "docker:index/container:Container": "2",
    "docker:index/network:Network": "1",
    "docker:index/secret:Secret": "1",
    "docker:index/service:Service": "2",
    "docker:index/volume:Volume": "1",
}
"""Of the provider's own records. Without it, one would be taken for one that an old version has written."""
UNSET: Mapping[str, Mapping[str, Any]] = {
    "docker:index/container:Container": {
        **dict.fromkeys(("attach", "logs", "readOnly", "rm", "stdinOpen", "tty", "wait"), False),
        **{key: [] for key in ("command", "entrypoints", "envs", "networkDatas", "securityOpts")},
        "memoryReservation": 0,
        "healthcheck": {"retries": 0},
    }
}
"""What the provider notes of what is not set: in a record without it, it takes it for changed."""

State = dict[str, Any]


def resources(
    plan: Mapping[str, Mapping[str, Any]], answers: Mapping[str, Made], outputs: Mapping[str, Any]
) -> list[State]:
    """The resources of the state, each behind all that it needs.

    `plan`: what Pulumi plans for each URN, secrets in plain text. `answers`: what is there, by URN. `outputs`: those
    of the stack. Raises OpsError naming what is planned and not there.
    """
    goals = {urn: planned["goal"] for urn, planned in plan.items()}
    ids = {urn: str(uuid.uuid4()) for urn, goal in goals.items() if goal["type"].startswith("pulumi:providers:")}
    missing = [urn for urn, goal in goals.items() if goal["custom"] and urn not in ids and not _there(answers, urn)]
    if missing:
        raise OpsError("not there, though it is declared: " + ", ".join(sorted(missing)))
    made = []
    for urn in TopologicalSorter({urn: _needs(goal) & goals.keys() for urn, goal in goals.items()}).static_order():
        goal = goals[urn]
        inputs = goal.get("inputDiff", {}).get("adds", {})
        state: State = {"urn": urn, "custom": goal["custom"], "type": goal["type"]}
        if urn in ids:
            state |= {"id": ids[urn], "inputs": inputs, "outputs": inputs}
        elif goal["custom"]:
            answer = answers[urn]
            inputs = filled(inputs, to_json(answer.outputs))
            state |= {"id": answer.id, "inputs": inputs, "outputs": _outputs(urn, inputs, answer)}
        else:
            known = to_json(outputs) if goal["type"] == STACK_TYPE else {}
            state |= {"inputs": filled(inputs, {}), "outputs": as_state(known)}
        if goal.get("provider"):
            provider = goal["provider"].rpartition("::")[0]
            state["provider"] = f"{provider}::{ids[provider]}"
        for key in ("parent", "protect", "dependencies", "propertyDependencies", "additionalSecretOutputs"):
            if goal.get(key):
                state[key] = goal[key]
        made.append(state)
    return made


def _there(answers: Mapping[str, Made], urn: str) -> bool:
    return urn in answers and bool(answers[urn].id)


def _needs(goal: Mapping[str, Any]) -> set[str]:
    inside = {urn for urns in (goal.get("propertyDependencies") or {}).values() for urn in urns or []}
    provider = (goal.get("provider") or "").rpartition("::")[0]
    return {*inside, *(goal.get("dependencies") or []), provider, goal.get("parent") or ""}


def _outputs(urn: str, inputs: State, answer: Made) -> State:
    """As the provider notes them: Pulumi compares the next run's inputs with these."""
    if urn_type(urn) == IMAGE:
        known = {key: value for key, value in answer.outputs.items() if key not in inputs or key == "imageName"}
        return {**as_state(to_json(known)), "__inputs": secret(plain(inputs))}
    known = {key: value for key, value in answer.outputs.items() if key not in inputs}
    noted = {**as_state(to_json(known)), **_undefaulted(inputs)}
    for key, value in UNSET.get(urn_type(urn), {}).items():
        if not isinstance(value, dict):
            noted.setdefault(key, value)
        elif isinstance(noted.get(key), dict):
            noted[key] = {**value, **noted[key]}
    meta = json.dumps({"schema_version": SCHEMA_VERSIONS.get(urn_type(urn), "0")})
    return {**noted, "id": answer.id, "__meta": meta}


def _undefaulted(value: Any) -> Any:
    """Without the provider's notes on which inputs are its defaults: those are for inputs only."""
    if isinstance(value, dict):
        return {key: _undefaulted(item) for key, item in value.items() if key != "__defaults"}
    return [_undefaulted(item) for item in value] if isinstance(value, list) else value


def secret(value: Any) -> State:
    """A secret as Pulumi imports it; it is encrypted then."""
    return {SIGNATURE: SECRET_SIGNATURE, "plaintext": json.dumps(value)}


def is_secret(value: Any) -> bool:
    """Whether it is one, in the form of a plan or of `to_json`."""
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET_SIGNATURE


def plain(value: Any) -> Any:
    """Without the marks of secrets."""

    def bare(item: Any) -> Any:
        if not is_secret(item):
            return item
        return plain(json.loads(item["plaintext"]) if "plaintext" in item else item["value"])

    return transform(value, bare)


def as_state(value: Any) -> Any:
    """From the form that `to_json` gives secrets to that of a state."""
    return transform(value, lambda item: secret(plain(item)) if is_secret(item) else item)


def filled(value: Any, known: Any) -> Any:
    """`value` of a plan with what its preview did not know taken from `known`. Raises OpsError where that has none."""
    if value == UNKNOWN_TEXT:
        if known is None:
            raise OpsError("the plan leaves a value open that the embedded engine does not know either")
        return as_state(known)
    if is_secret(value):
        return secret(plain(filled(json.loads(value["plaintext"]), plain(known))))
    if isinstance(value, dict):
        below = known["value"] if is_secret(known) else known
        return {key: filled(item, below.get(key) if isinstance(below, dict) else None) for key, item in value.items()}
    if isinstance(value, list):
        below = known["value"] if is_secret(known) else known
        items = below if isinstance(below, list) and len(below) == len(value) else [None] * len(value)
        return [filled(item, other) for item, other in zip(value, items, strict=True)]
    return value
