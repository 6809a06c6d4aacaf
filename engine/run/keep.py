"""What a run writes into the stack's notes: opened at its first change, closed at its end."""

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.docker.notes import Notes
from engine.docker.resource import Existing
from engine.errors import EngineError
from engine.run.context import Context
from engine.run.declared import Declared
from engine.run.steps import Step
from engine.values.wire import from_json, to_json


def open_notes(context: Context) -> None:
    """Notes that something is being changed, unless that is noted already."""
    notes = context.hosts.notes
    if not notes.since:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 2))  # Docker's clock may differ a little
        context.hosts.write_notes(notes.next(since=now))


def note_keeping(context: Context, item: Existing, declared: Declared) -> None:
    """Notes at once what labels, once written, cannot follow: a run that is cut off later has said it."""
    retain, protect = bool(declared.retain), bool(declared.protect)
    if (context.retains(item), context.protects(item)) != (retain, protect):
        notes, name = context.hosts.notes, context.noted_as(item.urn)
        retained, protected = {**notes.retain, name: retain}, {**notes.protect, name: protect}
        context.hosts.write_notes(notes.next(retain=retained, protect=protected))


def note_provider(context: Context, urn: str, inputs: Mapping[str, Any], parents: list[str]) -> None:
    """Notes where a provider leads to, before anything is made there."""
    if known_inputs(context, urn) != inputs:
        notes = context.hosts.notes
        noted = {"inputs": context.crypter().encrypt(json.dumps(inputs)), "parents": parents}
        context.hosts.write_notes(notes.next(providers=dict(sorted({**notes.providers, urn: noted}.items()))))


def close_notes(
    context: Context, registered: Mapping[str, Declared], outputs: Mapping[str, Any], steps: Iterable[Step]
) -> None:
    """Notes what a run has declared, after its last change; writes nothing where the same is noted already."""
    notes, steps = context.hosts.notes, list(steps)
    # What was made anew says it on its label; of what was left out, or is there undeclared, what was noted counts.
    changed = {step.urn for step in steps if step.op in ("create", "replace")}
    known = {urn: item for urn, item in context.inventory.by_urn.items() if urn not in changed}
    changed |= {former for urn in changed for former in registered[urn].aliases}
    after = _closed(notes, {step.urn for step in steps if step.op == "delete"}, changed)
    for urn in known.keys() & registered.keys():
        item, declared = known[urn].applied, registered[urn]
        for noted, wanted, labelled in (
            (after.retain, bool(declared.retain), item.retain),
            (after.protect, bool(declared.protect), item.protect),
        ):
            name = context.noted_as(urn)
            noted.pop(urn, None)
            noted.pop(name, None)
            if wanted != labelled:
                noted[name] = wanted
    if noted_outputs(context) != outputs:
        after = replace(after, outputs=context.crypter().encrypt(json.dumps(to_json(outputs))))
    components = tuple(sorted(urn for urn, declared in registered.items() if not declared.custom))
    after = replace(after, components=components)
    if after != notes or not notes.number:
        context.hosts.write_notes(after.next())


def _closed(notes: Notes, deleted: Collection[str], anew: Collection[str] = ()) -> Notes:
    """The notes after a run, without what it has deleted, and without what was said of what it has made `anew`."""
    gone = {*deleted, *anew}
    return replace(
        notes,
        since="",
        retain={urn: value for urn, value in notes.retain.items() if urn not in gone},
        protect={urn: value for urn, value in notes.protect.items() if urn not in gone},
        providers={urn: one for urn, one in notes.providers.items() if urn not in deleted},
    )


def after_destroy(context: Context, deleted: set[str]) -> None:
    """Nothing is noted of a stack of which nothing is left; of what is retained or was left out, what it needs."""
    notes = _closed(context.hosts.notes, deleted)
    if notes.providers or any(item.urn not in deleted for item in context.inventory):
        context.hosts.write_notes(notes.next(outputs="", components=()), without=deleted)
    else:
        context.hosts.remove_notes()


def noted_outputs(context: Context) -> dict[str, Any]:
    """The outputs of the last deployment, secrets marked; empty when none are noted, or under another key."""
    outputs: dict[str, Any] = from_json(_decrypted(context, context.hosts.notes.outputs) or {})
    return outputs


def known_inputs(context: Context, urn: str) -> Mapping[str, Any] | None:
    """What the last update gave this provider; None where that is not known, or noted under another key."""
    inputs: dict[str, Any] | None = _decrypted(context, context.hosts.notes.providers.get(urn, {}).get("inputs", ""))
    return inputs


def _decrypted(context: Context, text: str) -> Any:
    """None where there is nothing, or it is of another key."""
    key = context.crypter() if text else None  # without a passphrase, or with a wrong one, it ends here
    try:
        return json.loads(key.decrypt(text)) if key else None
    except EngineError:
        return None
