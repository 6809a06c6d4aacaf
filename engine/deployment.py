"""One run of a program against Docker: each registration is diffed with what Docker holds, then done or only shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine import diff
from engine.callbacks import Callbacks, HookCall
from engine.crypto import Crypter
from engine.errors import EngineError, Interrupted, StepFailed
from engine.interrupts import Interrupts
from engine.inventory import Inventory
from engine.journal import Journal
from engine.plan import Plan, make_plan
from engine.registration import Registration
from engine.resources import LABEL_APPLIED, LABEL_STACK, LABEL_URN, Applied, Existing, Handler, Made
from engine.steps import Diagnostic, Listener, Step
from engine.values import Secret, reveal


@dataclass
class Context:
    """What a run works with."""

    project: str
    stack: str
    dry_run: bool
    handlers: dict[str, Handler]
    inventory: Inventory
    listener: Listener
    interrupts: Interrupts
    journal: Journal
    crypter: Callable[[], Crypter]

    @property
    def stack_id(self) -> str:
        return f"{self.project}/{self.stack}"


@dataclass
class Answer:
    """What the program learns of a registration."""

    urn: str
    id: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)


class StepProgress:
    """Passes a step's progress on to the listener."""

    def __init__(self, context: Context, step: Step) -> None:
        self._context = context
        self._step = step

    def say(self, text: str) -> None:
        self._context.listener.progressed(self._step, text)

    def check(self) -> None:
        self._context.interrupts.check()


class Deployment:
    """The state of a run. Registrations come from several threads at once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.callbacks = Callbacks()
        self.steps: list[Step] = []
        self.outputs: dict[str, Any] = {}
        self.failure: EngineError | None = None
        self.registered: dict[str, Registration] = {}
        self.claimed: set[str] = set()
        """URNs of what Docker holds that a registration stands for."""
        self._parents: dict[str, list[str]] = {}
        self._gone: dict[str, Existing] = {}
        """Deleted ahead of their own registration, because something they depend on had to go first."""
        self._replaced: list[tuple[Existing, dict[str, Any]]] = []
        self._lock = threading.RLock()
        self._ancestors = context.inventory.ancestors

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
            raise self._fail(registration.urn, str(error)) from error

    def _register_component(self, registration: Registration) -> Answer:
        step = Step(
            "same" if registration.urn in self._ancestors else "create",
            registration.urn,
            registration.parent,
            custom=False,
            state="done",
        )
        self._add(step)
        self.context.listener.finished(step)
        return Answer(registration.urn)

    def _register_custom(self, registration: Registration) -> Answer:
        handler = self.context.handlers.get(registration.type)
        if handler is None:
            raise EngineError(
                f"resource type '{registration.type}' is not implemented by the embedded engine "
                f"(it does {', '.join(sorted(self.context.handlers))})"
            )
        existing = self.context.inventory.get([registration.urn, *registration.aliases])
        with self._lock:
            gone = self._gone.get(registration.urn)
            if existing:
                self.claimed.add(existing.urn)
        plan = make_plan(registration, handler, existing, gone is not None, self.context)
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
        if plan.op in ("create", "replace"):
            handler.preflight(plan.inputs, self.context.stack_id)
        if self.context.dry_run:
            return self._preview(registration, handler, plan, step)
        return self._carry_out(registration, handler, plan, step)

    # -- previews -----------------------------------------------------------------------------------------------

    def _preview(self, registration: Registration, handler: Handler, plan: Plan, step: Step) -> Answer:
        if plan.op == "replace" and handler.delete_first(plan.inputs) and plan.existing:
            with self._lock:
                for dependent in self._dependents(plan.existing):
                    self._gone[dependent.urn] = dependent
        for hook in self._hooks(registration, plan.op, dry_run=True):
            self._run_hook(registration, plan, hook, None)
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
        for hook in self._hooks(registration, plan.op, f"before_{kind}"):
            self._run_hook(registration, plan, hook, None)
        labels = self._labels(registration, plan)
        after = self._hooks(registration, plan.op, f"after_{kind}")
        with self.context.interrupts:
            if plan.op == "replace" and plan.existing and plan.urn_still_there:
                if handler.delete_first(plan.inputs):
                    self._delete_with_dependents(plan.existing, handler, inputs)
                else:
                    with self._lock:
                        self._replaced.append((plan.existing, plan.existing.applied.inputs))
            if after or inputs.get("wait"):
                self.context.journal.begin(registration.urn, f"after_{kind}")
            if plan.op == "update" and plan.existing:
                made = (
                    handler.update(plan.existing, inputs, labels, progress)
                    if plan.changes
                    else Made(plan.existing.id, {})
                )
                made = made if made.outputs else handler.preview(plan.existing, inputs, False)
            else:
                made = handler.create(inputs, labels, progress)
        self._networks_changed(registration.type)
        handler.settle(made, inputs, progress)
        for hook in after:
            self._run_hook(registration, plan, hook, made)
        self.context.journal.end(registration.urn)
        return made

    def _labels(self, registration: Registration, plan: Plan) -> dict[str, str]:
        applied = Applied(
            plan.stored,
            self.context.crypter().key_id if plan.has_secrets else "",
            sorted(registration.dependencies),
            {key: sorted(urns) for key, urns in registration.property_dependencies.items() if urns},
            self._parents[registration.urn],
            registration.retain,
        )
        return {
            LABEL_STACK: self.context.stack_id,
            LABEL_URN: registration.urn,
            LABEL_APPLIED: applied.to_label(),
        }

    def _delete_with_dependents(self, existing: Existing, handler: Handler, inputs: dict[str, Any]) -> None:
        """Makes room for a replacement; what is built on the old one goes first and is made anew when it registers."""
        for dependent in self._dependents(existing):
            with self._lock:
                if dependent.urn in self._gone:
                    continue
                self._gone[dependent.urn] = dependent
            self.context.handlers[dependent.type].delete(dependent, dependent.applied.inputs)
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
            for handler in self.context.handlers.values():
                forget = getattr(handler, "forget_networks", None)
                if forget:
                    forget()

    # -- hooks --------------------------------------------------------------------------------------------------

    def _hooks(
        self, registration: Registration, op: str, kind: str = "", dry_run: bool = False
    ) -> list[tuple[str, str]]:
        """(kind, hook name) to run for an operation; in a preview those of the operation that ask for it."""
        if op == "same":
            return []
        word = "update" if op == "update" else "create"
        kinds = [kind] if kind else [f"before_{word}", f"after_{word}"]
        if (
            op == "update"
            and "after_update" in kinds
            and self.context.journal.unfinished(registration.urn) == "after_create"
        ):
            kinds.append("after_create")
        names = [(item, name) for item in kinds for name in registration.hooks.get(item, [])]
        return [(item, name) for item, name in names if not dry_run or self.callbacks.hook(name).on_dry_run]

    def _run_hook(self, registration: Registration, plan: Plan, named: tuple[str, str], made: Made | None) -> None:
        self.context.interrupts.check()
        kind, name = named
        hook = self.callbacks.hook(name)
        old = plan.existing if plan.op == "update" else None
        call = HookCall(
            registration.urn,
            made.id if made else "",
            registration.name,
            registration.type,
            new_inputs=plan.visible_inputs,
            old_inputs=diff.shown(old.applied.inputs) if old else None,
            new_outputs=self._outputs(plan, made) if made else None,
            old_outputs=diff.shown(old.applied.inputs) if old else None,
        )
        error = self.callbacks.run(hook, call)
        if not error:
            return
        if self.failure is not None:  # the program is being taken down because of another step: no news
            raise StepFailed("an earlier step failed")
        word = "before" if kind.startswith("before") else "after"
        if hook.ignore_errors:
            self.context.listener.said(Diagnostic("warning", f'{kind} hook "{name}" failed: {error}', registration.urn))
            return
        raise EngineError(f'{word} hook "{name}" failed: {error}')

    # -- results ------------------------------------------------------------------------------------------------

    def _outputs(self, plan: Plan, made: Made) -> dict[str, Any]:
        """The provider's outputs, with the inputs' own secret marks kept."""
        marked = {
            key: value
            for key, value in plan.visible_inputs.items()
            if isinstance(value, Secret) or key not in made.outputs
        }
        nested = {key: value for key, value in plan.visible_inputs.items() if key in made.outputs and _marks(value)}
        return {**made.outputs, **marked, **nested}

    def _answer(self, registration: Registration, plan: Plan, made: Made) -> Answer:
        outputs = self._outputs(plan, made)
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

    def _fail(self, urn: str, message: str) -> StepFailed:
        """Notes and shows the failure; nothing more is started after it."""
        with self._lock:
            if self.failure is None:
                self.failure = EngineError(message)
        self.context.listener.said(Diagnostic("error", message, urn))
        return StepFailed(message)

    def take_replaced(self) -> list[tuple[Existing, dict[str, Any]]]:
        """The old ones of replacements that stood beside them; to be deleted at the end."""
        return self._replaced


def _marks(value: Any) -> bool:
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(_marks(item) for item in value.values())
    return isinstance(value, list) and any(_marks(item) for item in value)


def _removal(inputs: dict[str, Any]) -> dict[str, Any]:
    """How the program now wants the old one removed."""
    return {key: inputs[key] for key in ("destroyGraceSeconds", "removeVolumes") if key in inputs}
