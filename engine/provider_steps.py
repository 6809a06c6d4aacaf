"""Explicit providers: `docker.Provider` as a resource. Docker holds nothing of it; it says where others are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from engine.context import Context
from engine.crypto import Crypter
from engine.daemons import DEFAULT, Daemons
from engine.diff import HASHED, Change
from engine.errors import EngineError
from engine.journal import Journal
from engine.registration import PROVIDER_TYPES, Registration
from engine.resources import stored
from engine.selection import Selection
from engine.steps import Diagnostic, Step
from engine.values import Secret, has_unknown, reveal

PROVIDER_TYPE = PROVIDER_TYPES + "docker"
SUPPORTED = frozenset({"host", "caMaterial", "certMaterial", "keyMaterial", "registryAuth"})


def provider_step(registration: Registration, parents: list[str], context: Context) -> Step:
    """Makes a provider known to the run, and what its daemon holds, if it answers.

    EngineError for what is not implemented. A daemon that does not answer is an error only for what needs it.
    """
    _check(registration)
    urn, inputs = registration.urn, reveal(registration.inputs)
    before = known_inputs(context, urn)
    context.daemons.declare(urn, inputs)
    if not left_out(context, urn):
        context.daemons.read([urn])
    if before is None:  # an earlier run may have been on another machine
        there = any(item.provider == urn for item in context.inventory)
        step = Step("same" if there else "create", urn, registration.parent)
    else:
        changes = _changes(before, registration.inputs)
        step = Step("update" if changes else "same", urn, registration.parent, changes=changes)
    step.new_inputs = stored(registration.inputs, context.crypter)
    step.id = registration.name
    step.state = "done"
    if not context.dry_run and before != inputs:
        context.journal.set_provider(urn, {"inputs": context.crypter().encrypt(json.dumps(inputs)), "parents": parents})
    return step


def recall(daemons: Daemons, journal: Journal, crypter: Callable[[], Crypter], selection: Selection) -> None:
    """Makes the providers of the last update known, and reads what all daemons hold but those that are excluded."""
    for urn, noted in journal.providers.items():
        inputs = _decrypted(noted, crypter)
        if inputs is not None:
            daemons.declare(urn, inputs)
    daemons.read([DEFAULT, *(urn for urn in daemons.providers if not _excluded(selection, urn))])


def left_out(context: Context, provider: str) -> bool:
    """Whether an exclude names the provider itself: its daemon is not even asked."""
    return _excluded(context.selection, provider)


def _excluded(selection: Selection, provider: str) -> bool:
    return bool(selection.excludes) and selection.named(provider)


def known_inputs(context: Context, urn: str) -> Mapping[str, Any] | None:
    """What the last update gave this provider, as far as this machine knows."""
    noted = context.journal.providers.get(urn)
    return None if noted is None else _decrypted(noted, context.crypter)


def _decrypted(noted: Mapping[str, Any], crypter: Callable[[], Crypter]) -> dict[str, Any] | None:
    """None for the note of an earlier stack of this name, whose file, and with it its key, is no more."""
    key = crypter()  # without a passphrase, or with a wrong one, it ends here
    try:
        inputs: dict[str, Any] = json.loads(key.decrypt(noted["inputs"]))
    except EngineError:
        return None
    return inputs


def undeclared(registered: Mapping[str, Registration], context: Context) -> list[Step]:
    """Delete steps of the providers that the program does not declare any more, once their daemons hold nothing."""
    steps = []
    for urn, noted in context.journal.providers.items():
        if urn in registered or left_out(context, urn):
            continue
        error = context.daemons.failure(urn)
        if error is not None:
            message = (
                f"no longer declared, and its Docker does not answer; what the stack may have there stays: {error}"
            )
            context.listener.said(Diagnostic("warning", message, urn))
        parents = noted["parents"]
        steps.append(Step("delete", urn, parents[-1] if parents else "", custom=False))
    return steps


def forget_emptied(steps: list[Step], context: Context) -> None:
    """After the deletes: drops the providers among `steps`."""
    for step in steps:
        if step.op == "delete" and step.type == PROVIDER_TYPE:
            context.journal.set_provider(step.urn, None)


def _check(registration: Registration) -> None:
    where = f"{registration.type} '{registration.name}'"
    if registration.type != PROVIDER_TYPE:
        raise EngineError(f"{where}: is not implemented by the embedded engine (it does {PROVIDER_TYPE})")
    for key in registration.inputs:
        if key not in SUPPORTED | {"version"}:
            raise EngineError(f"{where}: property '{key}' is not implemented by the embedded engine")
    if has_unknown(registration.inputs):
        raise EngineError(f"{where}: its properties must be known before anything is made")


def _changes(before: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[Change]:
    """What differs; secrets as stand-ins."""
    plain = reveal(inputs)
    changes = []
    for key in sorted({*before, *plain}):
        if before.get(key) == plain.get(key):
            continue
        secret = key != "host" or isinstance(inputs.get(key), Secret)
        old, new = ({HASHED: ""}, {HASHED: ""}) if secret else (before.get(key), plain.get(key))
        changes.append(Change((key,), "add" if key not in before else "update" if key in plain else "delete", old, new))
    return changes
