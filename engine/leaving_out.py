"""What a run leaves out: it stays as it is, and the program is told what it gives."""

from __future__ import annotations

import threading

from engine.context import Answer, Context
from engine.errors import EngineError
from engine.provider_steps import left_out
from engine.pushed import pushed_elsewhere
from engine.registration import Registration
from engine.resources import Existing, Handler, urn_name
from engine.steps import Step
from engine.values import reveal


def handler_for(registration: Registration, context: Context) -> Handler:
    """What does this type at the resource's daemon; EngineError when that is not reached, or nothing does."""
    handlers = context.daemons.handlers(registration.provider)
    if registration.type not in handlers:
        raise EngineError(
            f"resource type '{registration.type}' is not implemented by the embedded engine "
            f"(it does {', '.join(sorted(handlers))})"
        )
    return handlers[registration.type]


def existing_for(registration: Registration, context: Context) -> Existing | None:
    """What there is of the resource; EngineError when it is at another daemon than its provider's."""
    existing = context.inventory.get([registration.urn, *registration.aliases])
    if existing and not context.daemons.holds(registration.provider, existing):
        raise EngineError(f"'{existing.docker_name}' is at another Docker than its provider's: remove it there")
    return existing


class LeavingOut:
    """Tells what belongs to a run, and answers for the rest."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._missing: set[str] = set()
        self._lock = threading.Lock()

    def applies(self, registration: Registration) -> bool:
        """Whether the run leaves this out; EngineError when not, and it depends on what is left out and not there."""
        context = self._context
        unreached = context.tolerant and context.daemons.failure(registration.provider) is not None
        with self._lock:
            if unreached or not context.selection.picks(registration.urn, registration.depends_on):
                return True
            missing = self._missing.intersection(registration.depends_on)
        if missing:
            names = ", ".join(sorted(urn_name(urn) for urn in missing))
            raise EngineError(f"depends on {names}, which is left out of this run and not there")
        return False

    def answer(self, registration: Registration) -> tuple[Answer, Step | None]:
        """The resource as it is, or, where its daemon is not asked or does not answer, what it is declared as."""
        daemons, urn = self._context.daemons, registration.urn
        if left_out(self._context, registration.provider) or daemons.failure(registration.provider):
            return Answer(urn, "", {**registration.inputs, **pushed_elsewhere(registration, daemons)}), None
        existing = existing_for(registration, self._context)
        if existing is None:
            with self._lock:
                self._missing.add(urn)
            return Answer(urn, "", dict(registration.inputs)), None
        handler = handler_for(registration, self._context)
        inputs = handler.check(registration.name, dict(registration.inputs), existing, self._context.dry_run)
        made = handler.preview(existing, reveal(inputs), False)
        step = Step("same", urn, registration.parent, existing.id, state="done")
        return Answer(urn, made.id, made.outputs), step
