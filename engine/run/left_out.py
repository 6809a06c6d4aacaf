"""What a run leaves out (`--exclude`): it stays as it is, and the program is told what it gives."""

import threading
from typing import Any

from engine.docker.hosts import Hosts
from engine.docker.resource import Existing, Handler, Made
from engine.errors import EngineError, NotDone
from engine.run.context import Context
from engine.run.decide import marked_outputs
from engine.run.declared import Declared
from engine.run.steps import Step
from engine.values.urns import urn_name
from engine.values.wire import UNKNOWN, reveal

IMAGE = "docker:index/image:Image"


def handler_for(declared: Declared, context: Context) -> Handler:
    """What does this type at the resource's daemon; EngineError when that is not reached, or nothing does."""
    handlers = context.hosts.handlers(declared.provider)
    if declared.type not in handlers:
        raise NotDone(f"resource type '{declared.type}'", f" (it does {', '.join(sorted(handlers))})")
    return handlers[declared.type]


def existing_for(declared: Declared, context: Context) -> Existing | None:
    """What there is of the resource; EngineError when it is at another daemon than its provider's."""
    existing = context.inventory.by_urn.get(declared.urn)
    former = next((alias for alias in declared.aliases if alias in context.inventory.by_urn), None)
    if existing is None and former is not None:
        existing = context.inventory.adopt(former, declared.urn)
    if existing and not context.hosts.holds(declared.provider, existing):
        raise EngineError(f"'{existing.docker_name}' is at another Docker than its provider's: remove it there")
    return existing


class LeftOut:
    """Tells what belongs to a run, and answers for the rest."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._missing: set[str] = set()
        self._lock = threading.Lock()

    def applies(self, declared: Declared) -> bool:
        """Whether the run leaves this out; EngineError when not, and it depends on what is left out and not there."""
        if self._context.excludes.names(declared.urn):
            return True
        with self._lock:
            missing = self._missing.intersection(declared.depends_on)
        if missing:
            names = ", ".join(sorted(urn_name(urn) for urn in missing))
            raise EngineError(f"depends on {names}, which is left out of this run and not there")
        return False

    def answer(self, declared: Declared) -> tuple[Made, Step | None]:
        """The resource as it is, or, where its daemon is not asked or does not answer, what it is declared as."""
        context, urn = self._context, declared.urn
        if context.excludes.names(declared.provider) or context.hosts.failure(declared.provider):
            return Made("", {**declared.inputs, **_pushed_elsewhere(declared, context.hosts)}), None
        existing = existing_for(declared, context)
        if existing is None:
            with self._lock:
                self._missing.add(urn)
            return Made("", dict(declared.inputs)), None
        handler = handler_for(declared, context)
        inputs = handler.check(declared.name, dict(declared.inputs), existing)
        made = handler.preview(existing, reveal(inputs), False)
        outputs = marked_outputs(inputs, made.outputs, declared.secret_outputs)
        return Made(made.id, outputs), Step("same", urn, declared.parent, existing, state="done")


def _pushed_elsewhere(declared: Declared, hosts: Hosts) -> dict[str, Any]:
    """The digest of a left-out image, by a copy that another daemon has pulled; labels travel with an image."""
    if declared.type != IMAGE:
        return {}
    for handler in hosts.opened():
        try:
            digest = handler.pulled_digest(declared.urn, str(declared.inputs.get("imageName")))
        except EngineError:
            continue
        if digest:
            return {"repoDigest": digest}
    return {"repoDigest": UNKNOWN}
