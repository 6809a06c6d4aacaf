"""Explicit providers: `docker.Provider` as a resource. Docker holds nothing of it; it says where others are."""

import json
from collections.abc import Collection

from engine.docker.hosts import DEFAULT, Hosts
from engine.docker.notes import Notes
from engine.docker.props import Prop, check_supported, keys
from engine.errors import EngineError, NotDone
from engine.run.context import Context
from engine.run.decide import stored
from engine.run.declared import PROVIDER_TYPES, Declared
from engine.run.keep import known_inputs
from engine.run.steps import Diagnostic, Op, Step
from engine.values.compare import compare
from engine.values.wire import has_unknown, reveal

PROVIDER_TYPE = PROVIDER_TYPES + "docker"
SUPPORTED = frozenset({"host", "caMaterial", "certMaterial", "keyMaterial", "registryAuth", "version"})
LOGIN = Prop(fields=keys("address", "username", "password"))


def provider_step(declared: Declared, context: Context) -> Step:
    """Makes a provider known to the run, and what its daemon holds, if it answers.

    EngineError for what is not implemented. A daemon that does not answer is an error only for what needs it.
    """
    _check(declared)
    urn, inputs = declared.urn, reveal(declared.inputs)
    context.hosts.declare(urn, inputs)
    if not context.excludes.names(urn):
        context.hosts.read([urn])
        _forget_given(context.hosts)
    before = known_inputs(context, urn)
    changes = [] if before is None else compare(before, inputs)
    there = before is not None or any(item.provider == urn for item in context.inventory)
    op: Op = "update" if changes else "same" if there else "create"
    kept = stored(declared.inputs, context)
    return Step(op, urn, declared.parent, stored=kept, changes=changes, state="done")


def recall(context: Context) -> None:
    """Reads the default daemon, then those of the providers that its notes know, but for those left out.

    EngineError for a stack that Pulumi has taken over.
    """
    hosts = context.hosts
    hosts.read([DEFAULT])
    noted = {urn: known_inputs(context, urn) for urn in hosts.notes.providers}
    for urn, inputs in noted.items():
        if inputs is not None:
            hosts.declare(urn, inputs)
    hosts.read(urn for urn in hosts.providers if not context.excludes.names(urn))
    if hosts.notes.given and any(inputs is None or hosts.failed.get(urn) for urn, inputs in noted.items()):
        raise EngineError(f"{hosts.is_given}. Not all of its hosts can be looked at")
    _forget_given(hosts)


def _forget_given(hosts: Hosts) -> None:
    """None of those that were read holds anything of a stack that was given to Pulumi: it has removed it."""
    if hosts.notes.given:
        hosts.notes = Notes(hosts.notes.number)


def undeclared(registered: Collection[str], context: Context) -> list[Step]:
    """Delete steps of the providers that the program does not declare any more."""
    steps = []
    for urn, noted in context.hosts.notes.providers.items():
        if urn in registered or context.excludes.names(urn):
            continue
        error = context.hosts.failed.get(urn)
        if error is not None:
            message = "no longer declared, and its Docker does not answer; what the stack may have there stays"
            context.listener.said(Diagnostic("warning", f"{message}: {error}", urn))
        parents = noted["parents"]
        steps.append(Step("delete", urn, parents[-1] if parents else "", custom=False))
    return steps


def _check(declared: Declared) -> None:
    where = f"{declared.type} '{declared.name}'"
    if declared.type != PROVIDER_TYPE:
        raise NotDone(where, f" (it does {PROVIDER_TYPE})")
    check_supported(keys(*SUPPORTED), declared.inputs, declared.type, declared.name)
    if has_unknown(declared.inputs):
        raise EngineError(f"{where}: its properties must be known before anything is made")
    logins = {"registryAuth": json.loads(reveal(declared.inputs).get("registryAuth") or "[]")}
    check_supported({"registryAuth": LOGIN}, logins, declared.type, declared.name)
