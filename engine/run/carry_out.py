"""One run of a program against Docker: each declaration is decided about, then done or only shown."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from engine.docker.hosts import IMAGE
from engine.docker.labels import LABEL_APPLIED, LABEL_STACK, LABEL_URN, Applied, visible
from engine.docker.resource import Existing, Handler, Made, Making
from engine.errors import EngineError, Interrupted, Reported, Unreachable
from engine.run import hooks, keep
from engine.run.context import Context
from engine.run.decide import decide, dependents, marked_outputs
from engine.run.declared import Declared
from engine.run.providers import provider_step
from engine.run.steps import Diagnostic, Step
from engine.values.urns import urn_name
from engine.values.wire import has_unknown, reveal


class Run:
    """The state of a run. Declarations come from several threads at once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.hooks: dict[str, Any] = {}
        """Those of the program, by name."""
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
        self._missing: set[str] = set()
        """Left out of this run (`--exclude`), and not there."""
        self._lock = threading.RLock()

    def register(self, declared: Declared) -> Made:
        """Brings one resource to what the program declares (or, in a preview, works out how)."""
        with self.rejecting(declared.urn):
            with self._lock:
                if self.failure is not None:
                    raise Reported("an earlier step failed")
                self.context.interrupts.check()
                if self.registered.setdefault(declared.urn, declared) is not declared:
                    raise EngineError(f"Duplicate resource URN '{declared.urn}'; try giving it a unique name")
                above = [*self.parents.get(declared.parent, []), declared.parent] if declared.parent else []
                self.parents[declared.urn] = above
                declared.inherit(self.registered.get(declared.parent))
            return self._register_custom(declared) if declared.custom else self._register_component(declared)

    def _register_component(self, declared: Declared) -> Made:
        there = declared.urn in {*self.context.inventory.ancestors, *self.context.hosts.notes.components}
        self._shown(Step("same" if there else "create", declared.urn, declared.parent, custom=False, state="done"))
        return Made("", {})

    def _shown(self, step: Step) -> None:
        self.steps.append(step)
        self.context.listener.shows(step)

    def _register_custom(self, declared: Declared) -> Made:
        if declared.is_provider:
            return self._register_provider(declared)
        context = self.context
        if context.excludes.names(declared.urn):
            return self._leave_out(declared)
        if missing := self._missing.intersection(declared.depends_on):
            names = ", ".join(sorted(urn_name(urn) for urn in missing))
            raise EngineError(f"depends on {names}, which is left out of this run and not there")
        handler = context.hosts.handler(declared.provider, declared.type)
        with self._lock:
            existing = self._existing(declared)
            if self._gone.intersection(declared.aliases):
                self._gone.add(declared.urn)
            gone = declared.urn in self._gone
        step = decide(declared, handler, existing, gone, context)
        self.steps.append(step)
        if not context.dry_run and has_unknown(step.inputs):
            raise EngineError("depends on what is left out of this run and is not known without")
        if declared.provider in context.hosts.unseen:
            step.notes.append("not looked at")
        elif step.op in ("create", "replace"):
            handler.preflight(reveal(step.inputs), existing, context.stack_id)
        if existing and step.delete_first:
            dependents(existing, context, self.registered)  # refuses, before anything is done
        if context.dry_run:
            return self._preview(declared, handler, step)
        return self._carry_out(declared, handler, step)

    def _existing(self, declared: Declared) -> Existing | None:
        """What there is of the resource; EngineError when it is at another daemon than its provider's."""
        inventory = self.context.inventory
        existing = inventory.by_urn.get(declared.urn)
        former = next((alias for alias in declared.aliases if alias in inventory.by_urn), None)
        if existing is None and former is not None:
            existing = inventory.adopt(former, declared.urn)
        if existing and not self.context.hosts.holds(declared.provider, existing):
            raise EngineError(f"'{existing.docker_name}' is at another Docker than its provider's: remove it there")
        if existing:
            self.claimed.add(existing.urn)
        return existing

    def _leave_out(self, declared: Declared) -> Made:
        """The resource as it is, or, where its daemon is not asked or does not answer, what it is declared as."""
        context = self.context
        if context.excludes.names(declared.provider) or context.hosts.failed.get(declared.provider):
            answer = dict(declared.inputs)
            if declared.type == IMAGE:
                answer["repoDigest"] = context.hosts.pulled_digest(declared.urn, str(answer.get("imageName")))
            return Made("", answer)
        with self._lock:
            existing = self._existing(declared)
            if existing is None:
                self._missing.add(declared.urn)
                return Made("", dict(declared.inputs))
        handler = context.hosts.handler_of(existing)
        inputs = handler.check(declared.name, dict(declared.inputs), existing)
        self.steps.append(Step("same", declared.urn, declared.parent, existing, state="done"))
        made = handler.preview(existing, reveal(inputs), False)
        return Made(made.id, marked_outputs(inputs, made.outputs, declared.secret_outputs))

    def _register_provider(self, declared: Declared) -> Made:
        step = provider_step(declared, self.context)
        if not self.context.dry_run:
            with self._lock:
                keep.note_provider(self.context, declared.urn, reveal(declared.inputs), self.parents[declared.urn])
        ancestors = self.context.inventory.ancestors
        for other in self.steps:  # it has shown what is there: components that had seemed new may not be
            if other.op == "create" and not other.custom and other.urn in ancestors:
                other.op = "same"
        self._shown(step)
        return Made(declared.name, dict(declared.inputs))

    def _preview(self, declared: Declared, handler: Handler, step: Step) -> Made:
        if step.existing and step.delete_first:
            with self._lock:
                self._gone.update(item.urn for item in dependents(step.existing, self.context, self.registered))
        before = None if step.op == "replace" else step.existing
        made = handler.preview(before, reveal(step.inputs), step.op != "same")
        step.state = "done"
        self.context.listener.shows(step)
        return _answer(declared, step, made)

    def _carry_out(self, declared: Declared, handler: Handler, step: Step) -> Made:
        if step.existing and step.op in ("same", "update"):
            with self._lock:
                keep.note_keeping(self.context, step.existing, declared)
        if step.op == "same":
            return self._preview(declared, handler, step)
        with self.context.listener.under_way(step):
            return self._do(declared, handler, step)

    def _do(self, declared: Declared, handler: Handler, step: Step) -> Made:
        interrupts, inputs, existing = self.context.interrupts, reveal(step.inputs), step.existing
        say = partial(self.context.listener.shows, step)
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
                self.context.inventory.labelled.pop(declared.urn, None)
        answer = _answer(declared, step, made)
        kind = "after_create" if step.op != "update" else step.owed or "after_update"
        if step.op != "update" or getattr(declared, kind):
            interrupts.check()
            self._run_hooks(kind, declared, visible(step.inputs), answer)
        return answer

    def _run_hooks(self, kind: str, declared: Declared, inputs: dict[str, Any], made: Made) -> None:
        """One after the other; EngineError when one fails."""
        for name in getattr(declared, kind):
            if name not in self.hooks:
                raise EngineError(f'hook "{name}" was not registered')
            error = hooks.call(self.hooks[name], declared, inputs, made)
            if error and self.failure is not None:  # the program is being taken down because of another step: no news
                raise Reported("an earlier step failed")
            if error:
                raise EngineError(f'after hook "{name}" failed: {error}')

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

    @contextmanager
    def rejecting(self, urn: str = "") -> Iterator[None]:
        """What fails in it is noted and shown, and nothing more is started."""
        try:
            yield
        except (Reported, Interrupted):
            raise
        except EngineError as error:
            with self._lock:
                known = isinstance(self.failure, Unreachable) and isinstance(error, Unreachable)
                self.failure = self.failure or error
            if not known:
                self.context.listener.said(Diagnostic("error", str(error), urn))
            raise Reported(str(error)) from error


def _answer(declared: Declared, step: Step, made: Made) -> Made:
    """What the program learns of a resource."""
    return Made(made.id, marked_outputs(step.inputs, made.outputs, declared.secret_outputs))
