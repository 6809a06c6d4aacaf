"""What a declaration asks for: nothing, a new one, a change in place, a replacement; and why. Nothing is done."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from engine.docker.labels import visible
from engine.docker.resource import Existing, Handler, check_supported, comparable, identities
from engine.errors import EngineError, NotDone
from engine.run.context import Context
from engine.run.declared import Declared
from engine.run.steps import Op
from engine.values import compare, paths
from engine.values.compare import Change
from engine.values.wire import Secret, has_secret, reveal

UNPROTECT = (
    "To unprotect the resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
)


@dataclass
class Decision:
    """The operation, what differs, and the inputs it would apply (with marks, and as stored)."""

    op: Op
    existing: Existing | None
    inputs: dict[str, Any]
    stored: dict[str, Any]
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    delete_first: bool = False
    """Of a replacement: whether the old one makes room before."""
    owed: bool = False
    """Whether a run that was cut off has made it, and may not have finished its after_create hooks."""

    @property
    def summary(self) -> str:
        """What differs, for a message."""
        return f"[diff: {', '.join(sorted({change.key for change in self.changes}))}]"

    @property
    def visible_inputs(self) -> dict[str, Any]:
        return visible(self.inputs)


def decide(declared: Declared, handler: Handler, existing: Existing | None, gone: bool, context: Context) -> Decision:
    """Compares a declaration with what Docker holds; `gone`: it was deleted earlier in this run to be made anew."""
    check_supported(handler.props, declared.inputs, declared.type, declared.name)
    wanted = dict(declared.inputs)
    if existing and declared.ignore_changes:
        wanted = compare.keep_ignored(existing.applied.inputs, wanted, declared.ignore_changes)
    inputs = handler.check(declared.name, wanted, existing)
    kept = stored(handler.storable(inputs), context)
    if existing is None:
        return Decision("create", None, inputs, kept)
    if gone:
        return Decision("replace", existing, inputs, kept, notes=["what it is built on is replaced"])
    plain = reveal(inputs)
    old, new = comparable(handler.props, handler.applied(existing, kept)), comparable(handler.props, kept)
    changes = [
        change
        for change in compare.compare(old, new, identities(handler.props))
        if not any(paths.covers(paths.parse(pattern), change.path) for pattern in declared.ignore_changes)
    ]
    replace = any(_replaces(handler, change, declared, plain) for change in changes)
    notes: list[str] = []
    for drift in handler.drift(existing, plain):
        changes.extend(drift.changes)
        notes.append(drift.note)
        replace = replace or drift.replace
    owed = bool(declared.after_create) and context.owes_hooks(existing)
    if owed and not changes:
        notes.append("after_create was not finished")
    op: Op = "replace" if replace else "update" if changes or owed else "same"
    decision = Decision(op, existing, inputs, kept, changes, notes, owed=owed)
    if op == "replace":
        _decide_replacement(decision, declared, handler, context)
        if not decision.delete_first:
            decision.inputs = handler.check(declared.name, wanted, None)
            decision.stored = stored(handler.storable(decision.inputs), context)
    return decision


def stored(inputs: dict[str, Any], context: Context) -> dict[str, Any]:
    """Inputs as a label holds them; the key is asked for only when there is a secret."""
    return dict(compare.hashed(inputs, lambda value: context.crypter().hash(value)))


def _decide_replacement(decision: Decision, declared: Declared, handler: Handler, context: Context) -> None:
    """Whether the old one goes first; EngineError where it may not go."""
    assert decision.existing is not None  # noqa: S101 (for the type checker)
    fixed = handler.delete_first(decision.inputs)
    if fixed and declared.delete_before_replace is False:
        raise NotDone("delete_before_replace=False with a name of its own")
    decision.delete_first = fixed or declared.delete_before_replace is True
    old = decision.existing
    if declared.protect and context.protects(old):
        raise EngineError(
            f'unable to replace resource "{old.urn}" {decision.summary}\n'
            f"as it is currently marked for protection. {UNPROTECT}"
        )
    if decision.delete_first and (declared.retain or context.retains(old)):
        raise EngineError(
            f"{handler.word} '{old.docker_name}' would have to be replaced {decision.summary}, and is to be retained "
            "(retain_on_delete): take the change back, or remove it yourself and run `up` again"
        )


def _replaces(handler: Handler, change: Change, declared: Declared, inputs: dict[str, Any]) -> bool:
    asked = any(paths.covers(paths.parse(pattern), change.path) for pattern in declared.replace_on_changes)
    return asked or handler.replaces(change, inputs)


def dependents(existing: Existing, context: Context, registered: Collection[str]) -> list[Existing]:
    """What goes with `existing` when it makes room, the outermost first: what Docker holds that is built on it.

    Not what is `registered`: what the program has declared in this run says itself what it is built on by now.
    EngineError when one of them must stay.
    """
    found: list[Existing] = []
    layer = [existing]
    while layer:
        urns = {item.urn for item in layer}
        layer = [
            item
            for item in context.inventory
            if item not in found
            and item is not existing
            and item.urn not in registered
            and any(urns & set(deps) for deps in item.applied.property_dependencies.values())
        ]
        found = [*layer, *found]
    for item in found:
        if context.excludes.names(item.urn):
            raise EngineError(f"{item.name} is built on it, and is left out of this run (--exclude)")
        if context.protects(item):
            raise EngineError(
                f'unable to replace resource "{item.urn}" as part of replacing "{existing.urn}"\n'
                f"as it is currently marked for protection. {UNPROTECT}"
            )
        if context.retains(item):
            raise EngineError(f"{item.name} is built on it, and is to be retained (retain_on_delete)")
    return found


def marked_outputs(decision: Decision, outputs: dict[str, Any], secret: Collection[str]) -> dict[str, Any]:
    """The provider's outputs, with the inputs' own secret marks kept and those named in `secret` marked too."""
    inputs = decision.visible_inputs
    kept = {key: value for key, value in inputs.items() if key not in outputs or has_secret(value)}
    marked = {**outputs, **kept}
    return {
        key: Secret(value) if key in secret and not isinstance(value, Secret) else value
        for key, value in marked.items()
    }
