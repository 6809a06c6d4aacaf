"""What a declaration asks for: nothing, a new one, a change in place, a replacement; and why. Nothing is done."""

from collections.abc import Collection, Mapping
from typing import Any

from engine.docker.labels import visible
from engine.docker.props import check_supported, comparable
from engine.docker.resource import Existing, Handler
from engine.errors import EngineError, NotDone
from engine.run.context import Context
from engine.run.declared import Declared
from engine.run.steps import Step
from engine.values import compare
from engine.values.wire import Secret, has_secret, reveal

UNPROTECT = (
    "To unprotect the resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
)


def decide(declared: Declared, handler: Handler, existing: Existing | None, gone: bool, context: Context) -> Step:
    """Compares a declaration with what Docker holds; `gone`: it was deleted earlier in this run to be made anew."""
    check_supported(handler.props, declared.inputs, declared.type, declared.name)
    wanted = dict(declared.inputs)
    if existing and declared.ignore_changes:
        wanted = compare.keep_ignored(existing.applied.inputs, wanted, declared.ignore_changes)
    inputs = handler.check(declared.name, wanted, existing)
    kept = stored(handler.storable(inputs), context)
    step = Step("create", declared.urn, declared.parent, existing, inputs=inputs, stored=kept)
    if existing is None:
        return step
    if gone:
        step.op, step.notes = "replace", ["what it is built on is replaced"]
        return step
    plain = reveal(inputs)
    old = comparable(handler.props, handler.applied(existing, kept))
    step.changes = compare.compare(old, comparable(handler.props, kept))
    asked = declared.replace_on_changes
    replace = any(change.key in asked or handler.replaces(change, plain) for change in step.changes)
    for drift in handler.drift(existing, plain):
        step.changes.extend(drift.changes)
        step.notes.append(drift.note)
        replace = replace or drift.replace
    owed = context.owed(existing)
    step.owed = owed if owed and getattr(declared, owed) else ""
    if step.owed and not step.changes:
        step.notes.append(f"{step.owed} was not finished")
    step.op = "replace" if replace else "update" if step.changes or step.owed else "same"
    if replace:
        _decide_replacement(step, existing, declared, handler, context)
        if not step.delete_first:
            step.inputs = handler.check(declared.name, wanted, None)
            step.stored = stored(handler.storable(step.inputs), context)
    return step


def stored(inputs: dict[str, Any], context: Context) -> dict[str, Any]:
    """Inputs as a label holds them; the key is asked for only when there is a secret."""
    return dict(compare.hashed(inputs, lambda value: context.crypter().hash(value)))


def _decide_replacement(step: Step, old: Existing, declared: Declared, handler: Handler, context: Context) -> None:
    """Whether the old one goes first; EngineError where it may not go."""
    fixed = handler.delete_first(step.inputs)
    if fixed and declared.delete_before_replace is False:
        raise NotDone("delete_before_replace=False with a name of its own")
    step.delete_first = fixed or declared.delete_before_replace is True
    differs = f"[diff: {', '.join(sorted({change.key for change in step.changes}))}]"
    if declared.protect and context.protects(old):
        raise EngineError(
            f'unable to replace resource "{old.urn}" {differs}\nas it is currently marked for protection. {UNPROTECT}'
        )
    if step.delete_first and (declared.retain or context.retains(old)):
        raise EngineError(
            f"{handler.word} '{old.docker_name}' would have to be replaced {differs}, and is to be retained "
            "(retain_on_delete): take the change back, or remove it yourself and run `up` again"
        )


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


def marked_outputs(inputs: Mapping[str, Any], outputs: Mapping[str, Any], secret: Collection[str]) -> dict[str, Any]:
    """The provider's outputs, with the inputs' own secret marks kept and those named in `secret` marked too."""
    kept = {key: value for key, value in visible(inputs).items() if key not in outputs or has_secret(value)}
    return {
        key: Secret(value) if key in secret and not isinstance(value, Secret) else value
        for key, value in {**outputs, **kept}.items()
    }
