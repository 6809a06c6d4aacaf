"""One run of a program against Docker: each declaration is decided about, then done or only shown."""

import threading
import time
from functools import partial
from typing import Any

from engine.docker.labels import LABEL_APPLIED, LABEL_STACK, LABEL_URN, Applied, visible
from engine.docker.resource import Existing, Handler, Made, Making
from engine.errors import EngineError, Interrupted, StepFailed, Unreachable
from engine.run import keep
from engine.run.context import Context
from engine.run.decide import decide, dependents, marked_outputs
from engine.run.declared import Declared
from engine.run.hooks import Hooks
from engine.run.left_out import LeftOut, existing_for, handler_for
from engine.run.providers import provider_step
from engine.run.steps import Diagnostic, Step
from engine.values.wire import has_unknown, reveal


class Run:
    """The state of a run. Declarations come from several threads at once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.hooks = Hooks(lambda: self.failure is not None)
        self.steps: list[Step] = []
        self.outputs: dict[str, Any] = {}
        self.failure: EngineError | None = None
        self.registered: dict[str, Declared] = {}
        self.claimed: set[str] = set()
        """URNs of what Docker holds that a declaration stands for."""
        self.parents: dict[str, list[str]] = {}
        self.replaced: list[Existing] = []
        """The old ones of replacements that stand beside them; to be deleted at the end."""
        self._gone: set[str] = set()
        """Deleted ahead of their own declaration, because something they are built on had to go first."""
        self._lock = threading.RLock()
        self._left_out = LeftOut(context)

    def register(self, declared: Declared) -> Made:
        """Brings one resource to what the program declares (or, in a preview, works out how)."""
        with self._lock:
            self._refuse_when_over()
            if declared.urn in self.registered:
                raise self._fail(declared.urn, f"Duplicate resource URN '{declared.urn}'; try giving it a unique name")
            self.registered[declared.urn] = declared
            above = [*self.parents.get(declared.parent, []), declared.parent] if declared.parent else []
            self.parents[declared.urn] = above
            declared.inherit(self.registered.get(declared.parent))
        try:
            return self._register_custom(declared) if declared.custom else self._register_component(declared)
        except (StepFailed, Interrupted):
            raise
        except EngineError as error:
            raise self._fail(declared.urn, str(error), error) from error

    def _register_component(self, declared: Declared) -> Made:
        there = declared.urn in {*self.context.inventory.ancestors, *self.context.hosts.notes.components}
        step = Step("same" if there else "create", declared.urn, declared.parent, custom=False, state="done")
        self.steps.append(step)
        self.context.listener.finished(step)
        return Made("", {})

    def _register_custom(self, declared: Declared) -> Made:
        if declared.is_provider:
            return self._register_provider(declared)
        if self._left_out.applies(declared):
            answer, unchanged = self._left_out.answer(declared)
            if unchanged is not None:
                with self._lock:
                    self.claimed.add(declared.urn)
                self.steps.append(unchanged)
            return answer
        handler = handler_for(declared, self.context)
        with self._lock:
            existing = existing_for(declared, self.context)
            if self._gone.intersection(declared.aliases):
                self._gone.add(declared.urn)
            gone = declared.urn in self._gone
            if existing:
                self.claimed.add(existing.urn)
        step = decide(declared, handler, existing, gone, self.context)
        self.steps.append(step)
        if not self.context.dry_run and has_unknown(step.inputs):
            raise EngineError("depends on what is left out of this run and is not known without")
        if self.context.hosts.unseen(declared.provider):
            step.notes.append("not looked at")
        elif step.op in ("create", "replace"):
            handler.preflight(reveal(step.inputs), existing, self.context.stack_id)
        if existing and step.delete_first:
            dependents(existing, self.context, self.registered)  # refuses, before anything is done
        if self.context.dry_run:
            return self._preview(declared, handler, step)
        return self._carry_out(declared, handler, step)

    def _register_provider(self, declared: Declared) -> Made:
        step = provider_step(declared, self.context)
        if not self.context.dry_run:
            with self._lock:
                keep.note_provider(self.context, declared.urn, reveal(declared.inputs), self.parents[declared.urn])
        ancestors = self.context.inventory.ancestors
        for other in self.steps:  # it has shown what is there: components that had seemed new may not be
            if other.op == "create" and not other.custom and other.urn in ancestors:
                other.op = "same"
        self.steps.append(step)
        self.context.listener.finished(step)
        return Made(declared.name, dict(declared.inputs))

    def _preview(self, declared: Declared, handler: Handler, step: Step) -> Made:
        if step.existing and step.delete_first:
            with self._lock:
                self._gone.update(item.urn for item in dependents(step.existing, self.context, self.registered))
        before = None if step.op == "replace" else step.existing
        made = handler.preview(before, reveal(step.inputs), step.op != "same")
        step.state = "done"
        self.context.listener.finished(step)
        return _answer(declared, step, made)

    def _carry_out(self, declared: Declared, handler: Handler, step: Step) -> Made:
        if step.existing and step.op in ("same", "update"):
            with self._lock:
                keep.note_keeping(self.context, step.existing, declared)
        if step.op == "same":
            return self._preview(declared, handler, step)
        began = time.monotonic()
        step.state = "running"
        self.context.listener.started(step)
        try:
            answer = self._do(declared, handler, step)
            step.state = "done"
        except EngineError:
            step.state = "failed"
            raise
        finally:
            step.seconds = time.monotonic() - began
            self.context.listener.finished(step)
        return answer

    def _do(self, declared: Declared, handler: Handler, step: Step) -> Made:
        interrupts, inputs, existing = self.context.interrupts, reveal(step.inputs), step.existing
        say = partial(self.context.listener.progressed, step)
        making = Making(
            self._marks(declared, step), say, interrupts.check, partial(self._make_room, declared, handler, step)
        )
        with interrupts:
            with self._lock:
                keep.open_notes(self.context)
            if step.op == "update" and existing and step.changes:
                made = handler.update(existing, inputs, making)
            elif step.op == "update":
                made = handler.preview(existing, inputs, False)
            else:
                self._drop_half_made(declared.urn, handler)
                made = handler.create(inputs, making)
        if handler.word == "network":
            for other in self.context.hosts.opened():
                other.forget_networks()
        handler.settle(made, inputs)
        answer = _answer(declared, step, made)
        made_anew = step.op != "update" or step.owed
        hooks = declared.after_create if made_anew else declared.after_update
        if made_anew or hooks:
            interrupts.check()
            self.hooks.run(hooks, declared, visible(step.inputs), answer)
        return answer

    def _drop_half_made(self, urn: str, handler: Handler) -> None:
        for item in [item for item in self.context.inventory.half_made if item.urn == urn]:
            handler.delete(item, item.applied.inputs)
            self.context.inventory.half_made.remove(item)

    def _make_room(self, declared: Declared, handler: Handler, step: Step) -> None:
        """Removes the old one of a replacement, and before it what is built on it: that is made anew in its turn."""
        existing = step.existing
        if existing is None or declared.urn in self._gone:
            return
        if not step.delete_first:
            if not (declared.retain or self.context.retains(existing)):
                self.replaced.append(existing)
            return
        for dependent in dependents(existing, self.context, self.registered):
            with self._lock:
                if dependent.urn in self._gone:
                    continue
                self._gone.add(dependent.urn)
            self.context.hosts.handler_of(dependent).delete(dependent, dependent.applied.inputs)
        # How to remove is taken from what is declared now.
        steering = {key for key, prop in handler.props.items() if prop.effect == "engine"}
        now = {key: value for key, value in step.inputs.items() if key in steering}
        handler.delete(existing, {**existing.applied.inputs, **now})

    def _marks(self, declared: Declared, step: Step) -> dict[str, str]:
        if step.op in ("create", "replace"):
            self.context.inventory.labelled.pop(declared.urn, None)
        labelled = self.context.inventory.as_labelled
        applied = Applied(
            step.stored,
            labelled(declared.dependencies),
            {key: labelled(urns) for key, urns in declared.property_dependencies.items() if urns},
            self.parents[declared.urn],
            bool(declared.retain),
            bool(declared.protect),
        )
        return {LABEL_STACK: self.context.stack_id, LABEL_URN: declared.urn, LABEL_APPLIED: applied.to_label()}

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
        if not known:
            self.context.listener.said(Diagnostic("error", message, urn))
        return StepFailed(message)


def _answer(declared: Declared, step: Step, made: Made) -> Made:
    """What the program learns of a resource."""
    return Made(made.id, marked_outputs(step.inputs, made.outputs, declared.secret_outputs))
