"""When which hooks of the program run, and what their failures mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import diff
from engine.callbacks import Callbacks, HookCall
from engine.context import Context
from engine.errors import EngineError, StepFailed
from engine.plan import Plan
from engine.registration import Registration
from engine.resources import Made
from engine.steps import Diagnostic
from engine.values import Secret


class Hooks:
    """Runs a resource's hooks as Pulumi's engine does."""

    def __init__(self, context: Context, callbacks: Callbacks, over: Callable[[], bool]) -> None:
        self._context = context
        self._callbacks = callbacks
        self._over = over

    def owed(self, registration: Registration, op: str) -> list[str]:
        """The kinds of hooks to run after an operation; first those that an earlier run did not get to."""
        if op != "update":
            return ["after_create"]
        unfinished = self._context.journal.unfinished(registration.urn)
        return ["after_create", "after_update"] if unfinished == "after_create" else ["after_update"]

    def preview(self, registration: Registration, plan: Plan) -> None:
        """Runs the hooks that ask to be run in previews too."""
        if plan.op == "same":
            return
        word = "update" if plan.op == "update" else "create"
        for kind in (f"before_{word}", f"after_{word}"):
            for name in registration.hooks.get(kind, []):
                if self._callbacks.hook(name).on_dry_run:
                    self._run(registration, plan, kind, name, None)

    def run(self, registration: Registration, plan: Plan, kinds: list[str], made: Made | None) -> None:
        """Runs hooks one after the other; EngineError when one fails that does not ignore errors."""
        for kind in kinds:
            for name in registration.hooks.get(kind, []):
                self._run(registration, plan, kind, name, made)

    def _run(self, registration: Registration, plan: Plan, kind: str, name: str, made: Made | None) -> None:
        self._context.interrupts.check()
        hook = self._callbacks.hook(name)
        old = diff.shown(plan.existing.applied.inputs) if plan.existing and plan.op == "update" else None
        call = HookCall(
            registration.urn,
            made.id if made else "",
            registration.name,
            registration.type,
            new_inputs=plan.visible_inputs,
            old_inputs=old,
            new_outputs=marked_outputs(plan, made) if made else None,
            old_outputs=old,
        )
        error = self._callbacks.run(hook, call)
        if not error:
            return
        if self._over():  # the program is being taken down because of another step: no news
            raise StepFailed("an earlier step failed")
        if hook.ignore_errors:
            message = f'{kind} hook "{name}" failed: {error}'
            self._context.listener.said(Diagnostic("warning", message, registration.urn))
            return
        raise EngineError(f'{kind.split("_", maxsplit=1)[0]} hook "{name}" failed: {error}')


def marked_outputs(plan: Plan, made: Made) -> dict[str, Any]:
    """The provider's outputs, with the inputs' own secret marks kept."""
    inputs = plan.visible_inputs
    kept = {key: value for key, value in inputs.items() if key not in made.outputs or _has_secret(value)}
    return {**made.outputs, **kept}


def _has_secret(value: Any) -> bool:
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(_has_secret(item) for item in value.values())
    return isinstance(value, list) and any(_has_secret(item) for item in value)
