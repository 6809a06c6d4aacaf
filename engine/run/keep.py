"""What a run writes into the stack's notes: opened at its first change, closed at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

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
        notes = context.hosts.notes
        retained, protected = {**notes.retain, item.urn: retain}, {**notes.protect, item.urn: protect}
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
    steps = list(steps)
    notes, crypter = context.hosts.notes, context.crypter
    # What was made anew says it on its label; of what was not declared, and is left, what was noted counts.
    changed = {step.urn for step in steps if step.op in ("create", "replace")}
    deleted = {step.urn for step in steps if step.op == "delete"}
    known = {urn: item for urn, item in context.inventory.by_urn.items() if urn not in changed}
    retain = {urn: value for urn, value in notes.retain.items() if urn in known and urn not in deleted}
    protect = {urn: value for urn, value in notes.protect.items() if urn in known and urn not in deleted}
    for urn in known.keys() & registered.keys():
        item, declared = known[urn], registered[urn]
        _put(retain, urn, bool(declared.retain), item.applied.retain)
        _put(protect, urn, bool(declared.protect), item.applied.protect)
    noted = notes.outputs
    if noted_outputs(context) != outputs:
        noted = crypter().encrypt(json.dumps(to_json(outputs)))
    components = tuple(sorted(urn for urn, declared in registered.items() if not declared.custom))
    after = replace(
        notes,
        since="",
        outputs=noted,
        retain=retain,
        protect=protect,
        providers={urn: one for urn, one in notes.providers.items() if urn not in deleted},
        components=components,
    )
    if after != notes or not notes.number:
        context.hosts.write_notes(after.next())


def _put(noted: dict[str, bool], urn: str, wanted: bool, labelled: bool) -> None:
    """Notes what is wanted, where the label says another thing."""
    noted.pop(urn, None)
    if wanted != labelled:
        noted[urn] = wanted


def after_destroy(context: Context, deleted: set[str]) -> None:
    """Nothing is noted of a stack of which nothing is left; of what is retained or was left out, what it needs."""
    notes = context.hosts.notes
    left = [item for item in context.inventory if item.urn not in deleted]
    if not left:
        context.hosts.remove_notes()
        return
    urns = {item.urn for item in left}
    providers = {urn: noted for urn, noted in notes.providers.items() if urn not in deleted}
    retain = {urn: value for urn, value in notes.retain.items() if urn in urns}
    protect = {urn: value for urn, value in notes.protect.items() if urn in urns}
    kept = {"retain": retain, "protect": protect, "providers": providers}
    context.hosts.write_notes(notes.next(since="", outputs="", components=(), **kept))


def give_away(context: Context) -> None:
    """Notes that the stack is Pulumi's from now on."""
    context.hosts.write_notes(context.hosts.notes.next(given=True))


def noted_outputs(context: Context) -> dict[str, Any]:
    """The outputs of the last deployment, secrets marked; empty when none are noted, or under another key."""
    text = context.hosts.notes.outputs
    key = context.crypter() if text else None
    try:
        found: dict[str, Any] = from_json(json.loads(key.decrypt(text))) if key else {}
    except EngineError:
        return {}
    return found


def known_inputs(context: Context, urn: str) -> Mapping[str, Any] | None:
    """What the last update gave this provider; None where that is not known, or noted under another key."""
    noted = context.hosts.notes.providers.get(urn)
    if noted is None:
        return None
    key = context.crypter()  # without a passphrase, or with a wrong one, it ends here
    try:
        inputs: dict[str, Any] = json.loads(key.decrypt(noted["inputs"]))
    except EngineError:
        return None
    return inputs
