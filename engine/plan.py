"""Which operation a registration asks for, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine import diff, paths
from engine.diff import Change
from engine.registration import Registration
from engine.resources import Existing, Handler, check_supported, comparable, identities, stored
from engine.steps import Op
from engine.values import reveal

if TYPE_CHECKING:
    from engine.context import Context


@dataclass
class Plan:
    """The operation, what differs, and the inputs it would apply (with marks, and as stored)."""

    op: Op
    existing: Existing | None
    inputs: dict[str, Any]
    stored: dict[str, Any]
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    urn_still_there: bool = True

    @property
    def visible_inputs(self) -> dict[str, Any]:
        return {key: value for key, value in self.inputs.items() if not key.startswith("__")}

    @property
    def has_secrets(self) -> bool:
        return _has_hash(self.stored)


def make_plan(
    registration: Registration, handler: Handler, existing: Existing | None, gone: bool, context: Context
) -> Plan:
    """Diffs a registration with what Docker holds; `gone`: it was deleted earlier in this run to be made anew."""
    check_supported(handler.props, registration.inputs, registration.type, registration.name)
    declared = dict(registration.inputs)
    if existing and registration.ignore_changes:
        known = {key: value for key, value in existing.applied.inputs.items() if not _has_hash(value)}
        declared = diff.ignore(known, declared, registration.ignore_changes)
    inputs = _checked(handler, registration.name, declared, existing, context.dry_run)
    kept = stored(handler.storable(inputs), context.crypter)
    if existing is None:
        return Plan("create", None, inputs, kept)
    if gone:
        return Plan("replace", existing, inputs, kept, notes=["what it is built on is replaced"], urn_still_there=False)
    plain = reveal(inputs)
    old = comparable(handler.props, handler.applied(existing, kept))
    new = comparable(handler.props, kept)
    if "registry" in new:  # credentials are not stored, so they do not count as a change
        new["registry"] = handler.storable(inputs).get("registry", {})
        old["registry"] = existing.applied.inputs.get("registry", {})
    changes = [
        change
        for change in diff.compare(old, new, identities(handler.props))
        if not any(paths.covers(paths.parse(pattern), change.path) for pattern in registration.ignore_changes)
    ]
    replace = any(_replaces(handler, change, registration, plain) for change in changes)
    notes: list[str] = []
    for drift in handler.drift(existing, plain):
        changes.extend(drift.changes)
        notes.append(drift.note)
        replace = replace or drift.replace
    unfinished = context.journal.unfinished(registration.urn)
    if unfinished and not changes:
        notes.append(f"{unfinished} was not finished")
    op: Op = "replace" if replace else "update" if changes or unfinished else "same"
    if op == "replace" and not handler.delete_first(inputs):
        inputs = _checked(handler, registration.name, declared, None, context.dry_run)
        kept = stored(handler.storable(inputs), context.crypter)
    return Plan(op, existing, inputs, kept, changes, notes)


def _checked(
    handler: Handler, name: str, declared: dict[str, Any], existing: Existing | None, preview: bool
) -> dict[str, Any]:
    return handler.check(name, declared, existing, preview)


def _replaces(handler: Handler, change: Change, registration: Registration, inputs: dict[str, Any]) -> bool:
    if any(paths.covers(paths.parse(pattern), change.path) for pattern in registration.replace_on_changes):
        return True
    effect = handler.props[change.key].effect
    if effect == "live" and handler.type.endswith(":Container"):
        # Docker takes an empty limit in an update for "leave as it is": lifting one takes a new container.
        return change.key not in ("restart", "maxRetryCount") and not inputs.get(change.key)
    return effect == "replace"


def _has_hash(value: Any) -> bool:
    if diff.is_hashed(value):
        return True
    if isinstance(value, dict):
        return any(_has_hash(item) for item in value.values())
    return isinstance(value, list) and any(_has_hash(item) for item in value)
