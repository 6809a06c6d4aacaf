"""Everything that Docker holds of a stack, for commands that do not run its program."""

from __future__ import annotations

from dataclasses import replace

from engine.context import Answer, Context
from engine.deployment import Deployment
from engine.display import Recorder
from engine.errors import EngineError
from engine.program import run_program
from engine.provider_steps import left_out
from engine.registration import Registration
from engine.running import make_context
from engine.selection import Selection
from engine.session import Session
from engine.steps import Listener


class _OnlyProviders(Deployment):
    """A run that learns where the stack's daemons are, and leaves all else alone."""

    def _register_custom(self, registration: Registration) -> Answer:
        if registration.is_provider:
            return super()._register_custom(registration)
        return Answer(registration.urn, "", dict(registration.inputs))


def everything(
    session: Session, selection: Selection | None = None, listener: Listener | None = None, tolerant: bool = False
) -> Context:
    """A context whose inventory is complete.

    Where the daemons are is known from the last update on this machine; where that was on another one, the program
    says it. EngineError when a daemon does not answer that is not left out.
    """
    context = make_context(session, listener or Recorder(), False, selection, tolerant)
    daemons = context.daemons
    if not daemons.providers and not context.inventory.by_urn:
        _ask_program(session, context)
    daemons.refuse_unreachable()
    for urn in daemons.providers:
        error = daemons.failure(urn)
        if error is not None and not tolerant and not left_out(context, urn):
            advice = f"To go on without what is there: --exclude '**{_suffix(urn)}'"
            raise EngineError(f"{error}\n    {advice}", error.exit_code)
    return context


def _ask_program(session: Session, context: Context) -> None:
    recorder = Recorder()
    asking = replace(context, dry_run=True, listener=recorder)
    try:
        run_program(session.project, session.config, _OnlyProviders(asking))
    except EngineError as error:
        context.daemons.refuse_unreachable()
        # Where the last update was made here, there were none: a program that fails is nobody's concern.
        if not context.daemons.providers and not context.journal.is_there:
            errors = [item.message for item in recorder.diagnostics if item.severity == "error"]
            raise EngineError(errors[0] if errors else str(error), error.exit_code) from error


def _suffix(provider: str) -> str:
    """What the URNs of all that is at a provider's daemon end in, where they are named by it: `.b` of `docker.b`."""
    name = provider.rsplit("::", 1)[-1]
    return name[name.index(".") :] if "." in name else f"::{name}"
