"""One run of a program against Docker: each registration is diffed with what Docker holds, then done or only shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

from engine.callbacks import Callbacks
from engine.context import Answer, Context, StepProgress
from engine.errors import EngineError, Interrupted, StepFailed, Unreachable
from engine.hooks import Hooks, marked_outputs
from engine.leaving_out import LeavingOut, existing_for, handler_for
from engine.plan import Plan, make_plan
from engine.provider_steps import provider_step
from engine.registration import Registration
from engine.resources import LABEL_APPLIED, LABEL_STACK, LABEL_URN, Applied, Existing, Handler, Made
from engine.steps import Diagnostic, Step
from engine.values import Secret, has_unknown, reveal


class Deployment:
    """The state of a run. Registrations come from several threads at once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.callbacks = Callbacks()
        self._hooks = Hooks(context, self.callbacks, lambda: self.failure is not None)
        self.steps: list[Step] = []
        self.outputs: dict[str, Any] = {}
        self.failure: EngineError | None = None
        self.registered: dict[str, Registration] = {}
        self.claimed: set[str] = set()
        """URNs of what Docker holds that a registration stands for."""
        self._called: dict[str, str] = {}
        """The URN on the label of what a registration stands for: with an alias, it may be another one."""
        self._parents: dict[str, list[str]] = {}
        self._gone: dict[str, Existing] = {}
        """Deleted ahead of their own registration, because something they depend on had to go first."""
        self._replaced: list[tuple[Existing, dict[str, Any]]] = []
        self._lock = threading.RLock()
        self._leaving_out = LeavingOut(context)

    # -- registrations ------------------------------------------------------------------------------------------

    def register(self, registration: Registration) -> Answer:
        """Brings one resource to what the program declares (or, in a preview, works out how)."""
        with self._lock:
            self._refuse_when_over()
            if registration.urn in self.registered:
                raise self._fail(
                    registration.urn, f"Duplicate resource URN '{registration.urn}'; try giving it a unique name"
                )
            self.registered[registration.urn] = registration
            above = [*self._parents.get(registration.parent, []), registration.parent] if registration.parent else []
            self._parents[registration.urn] = above
        try:
            if not registration.custom:
                return self._register_component(registration)
            return self._register_custom(registration)
        except StepFailed:
            raise
        except Interrupted:
            raise
        except EngineError as error:
            raise self._fail(registration.urn, str(error), error) from error

    def _register_component(self, registration: Registration) -> Answer:
        step = Step(
            "same" if registration.urn in self.context.inventory.ancestors else "create",
            registration.urn,
            registration.parent,
            custom=False,
            state="done",
        )
        self._add(step)
        self.context.listener.finished(step)
        return Answer(registration.urn)

    def _register_custom(self, registration: Registration) -> Answer:
        if registration.is_provider:
            step = provider_step(registration, self._parents[registration.urn], self.context)
            self._correct_components()
            self._add(step)
            self.context.listener.finished(step)
            return Answer(registration.urn, registration.name, dict(registration.inputs))
        if self._leaving_out.applies(registration):
            answer, unchanged = self._leaving_out.answer(registration)
            if unchanged is not None:
                with self._lock:
                    self.claimed.update([registration.urn, *registration.aliases])
                self._add(unchanged)
            return answer
        handler = handler_for(registration, self.context)
        existing = existing_for(registration, self.context)
        with self._lock:
            gone = any(urn in self._gone for urn in (registration.urn, *registration.aliases))
            if existing:
                self.claimed.add(existing.urn)
                self._called[registration.urn] = existing.urn
        plan = make_plan(registration, handler, existing, gone, self.context)
        step = Step(
            plan.op,
            registration.urn,
            registration.parent,
            existing.id if existing else "",
            plan.changes,
            plan.notes,
            existing.applied.inputs if existing else None,
            plan.stored,
            retain=registration.retain,
            dependencies=registration.dependencies,
        )
        self._add(step)
        if not self.context.dry_run and has_unknown(plan.inputs):
            raise EngineError("depends on what is left out of this run and is not known without")
        if plan.op in ("create", "replace"):
            handler.preflight(plan.inputs, self.context.stack_id)
        if self.context.dry_run:
            return self._preview(registration, handler, plan, step)
        return self._carry_out(registration, handler, plan, step)

    def _correct_components(self) -> None:
        """A provider has shown what is there: components that had seemed new may not be."""
        ancestors = self.context.inventory.ancestors
        for step in self.steps:
            if step.op == "create" and not step.custom and step.urn in ancestors:
                step.op = "same"

    # -- previews -----------------------------------------------------------------------------------------------

    def _preview(self, registration: Registration, handler: Handler, plan: Plan, step: Step) -> Answer:
        if plan.op == "replace" and handler.delete_first(plan.inputs) and plan.existing:
            with self._lock:
                for dependent in self._dependents(plan.existing):
                    self._gone[dependent.urn] = dependent
        self._hooks.preview(registration, plan)
        made = handler.preview(plan.existing, reveal(plan.inputs), plan.op not in ("same",))
        step.state = "done"
        self.context.listener.finished(step)
        return self._answer(registration, plan, made)

    # -- updates ------------------------------------------------------------------------------------------------

    def _carry_out(self, registration: Registration, handler: Handler, plan: Plan, step: Step) -> Answer:
        began = time.monotonic()
        if plan.existing:
            self.context.journal.set_retain(registration.urn, registration.retain, plan.existing.applied.retain)
        if plan.op == "same":
            step.state = "done"
            self.context.listener.finished(step)
            return self._answer(registration, plan, handler.preview(plan.existing, reveal(plan.inputs), False))
        step.state = "running"
        self.context.listener.started(step)
        try:
            made = self._do(registration, handler, plan, step)
        except EngineError:
            step.seconds = time.monotonic() - began
            step.state = "failed"
            self.context.listener.finished(step)
            raise
        step.seconds = time.monotonic() - began
        step.id = made.id
        step.state = "done"
        self.context.listener.finished(step)
        return self._answer(registration, plan, made)

    def _do(self, registration: Registration, handler: Handler, plan: Plan, step: Step) -> Made:
        progress = StepProgress(self.context, step)
        kind = "update" if plan.op == "update" else "create"
        inputs = reveal(plan.inputs)
        self._hooks.run(registration, plan, [f"before_{kind}"], None)
        labels = self._labels(registration, plan)
        owed = self._hooks.owed(registration, plan.op)
        with self.context.interrupts:
            if plan.op == "replace" and plan.existing and plan.urn_still_there:
                if handler.delete_first(plan.inputs):
                    self._delete_with_dependents(plan.existing, handler, inputs)
                else:
                    with self._lock:
                        self._replaced.append((plan.existing, plan.existing.applied.inputs))
            if inputs.get("wait") or any(registration.hooks.get(item) for item in owed):
                self.context.journal.begin(registration.urn, owed[0])
            if plan.op == "update" and plan.existing:
                made = (
                    handler.update(plan.existing, inputs, labels, progress)
                    if plan.changes
                    else Made(plan.existing.id, {})
                )
                made = made if made.outputs else handler.preview(plan.existing, inputs, False)
            else:
                made = handler.create(inputs, labels, progress)
        if plan.op in ("create", "replace"):
            with self._lock:
                self._called.pop(registration.urn, None)
        self._networks_changed(registration.type)
        handler.settle(made, inputs, progress)
        self._hooks.run(registration, plan, owed, made)
        self.context.journal.end(registration.urn)
        return made

    def _labels(self, registration: Registration, plan: Plan) -> dict[str, str]:
        applied = Applied(
            plan.stored,
            self.context.crypter().key_id if plan.has_secrets else "",
            sorted(self._as_labelled(registration.dependencies)),
            {key: sorted(self._as_labelled(urns)) for key, urns in registration.property_dependencies.items() if urns},
            self._parents[registration.urn],
            registration.retain,
        )
        return {
            LABEL_STACK: self.context.stack_id,
            LABEL_URN: registration.urn,
            LABEL_APPLIED: applied.to_label(),
        }

    def _as_labelled(self, urns: Iterable[str]) -> list[str]:
        """Deletes run without the program, and find what depends on what by the labels alone."""
        with self._lock:
            return [self._called.get(urn, urn) for urn in urns]

    def _delete_with_dependents(self, existing: Existing, handler: Handler, inputs: dict[str, Any]) -> None:
        """Makes room for a replacement; what is built on the old one goes first and is made anew when it registers."""
        for dependent in self._dependents(existing):
            with self._lock:
                if dependent.urn in self._gone:
                    continue
                self._gone[dependent.urn] = dependent
            self.context.daemons.handler_of(dependent).delete(dependent, dependent.applied.inputs)
        if not existing.applied.retain or existing.type.endswith(":Container"):
            handler.delete(existing, {**existing.applied.inputs, **_removal(inputs)})

    def _dependents(self, existing: Existing) -> list[Existing]:
        """What Docker holds that would have to be replaced with `existing`, the outermost first."""
        found: list[Existing] = []
        layer = [existing]
        while layer:
            urns = {item.urn for item in layer}
            layer = [
                item
                for item in self.context.inventory
                if item not in found
                and item is not existing
                and any(urns & set(deps) for deps in item.applied.property_dependencies.values())
            ]
            found = [*layer, *found]
        return found

    def _networks_changed(self, kind: str) -> None:
        if kind.endswith(":Network"):
            for handler in self.context.daemons.opened():
                forget = getattr(handler, "forget_networks", None)
                if forget:
                    forget()

    # -- results ------------------------------------------------------------------------------------------------

    def _answer(self, registration: Registration, plan: Plan, made: Made) -> Answer:
        outputs = marked_outputs(plan, made)
        for name in registration.secret_outputs:
            if name in outputs and not isinstance(outputs[name], Secret):
                outputs[name] = Secret(outputs[name])
        return Answer(registration.urn, made.id, outputs)

    def _add(self, step: Step) -> None:
        with self._lock:
            self.steps.append(step)

    def _refuse_when_over(self) -> None:
        if self.failure is not None:
            raise StepFailed("an earlier step failed")
        self.context.interrupts.check()

    def reject(self, message: str) -> StepFailed:
        """A request that cannot be served at all."""
        return self._fail("", message)

    def _fail(self, urn: str, message: str, error: EngineError | None = None) -> StepFailed:
        """Notes and shows the failure; nothing more is started after it."""
        with self._lock:
            known = isinstance(self.failure, Unreachable) and isinstance(error, Unreachable)
            if self.failure is None:
                self.failure = error or EngineError(message)
        if known:
            return StepFailed(message)
        self.context.listener.said(Diagnostic("error", message, urn))
        return StepFailed(message)

    def take_replaced(self) -> list[tuple[Existing, dict[str, Any]]]:
        """The old ones of replacements that stood beside them; to be deleted at the end."""
        return self._replaced


def _removal(inputs: dict[str, Any]) -> dict[str, Any]:
    """How the program now wants the old one removed."""
    return {key: inputs[key] for key in ("destroyGraceSeconds", "removeVolumes") if key in inputs}
