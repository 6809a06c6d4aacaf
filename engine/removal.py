"""Deleting: dependents before what they depend on, independent ones at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from engine.context import Context
from engine.errors import EngineError
from engine.resources import Existing
from engine.steps import Diagnostic, Step

WORKERS = 8


def plan_deletes(
    items: Iterable[Existing], components: Iterable[str], context: Context
) -> tuple[list[Step], list[Existing]]:
    """The delete steps, and what stays because it is declared `retain_on_delete`."""
    steps, kept = [], []
    for item in items:
        if context.journal.retain(item.urn, item.applied.retain):
            kept.append(item)
            continue
        parents = item.applied.parents
        steps.append(
            Step(
                "delete",
                item.urn,
                parents[-1] if parents else "",
                item.id,
                old_inputs=item.applied.inputs,
                dependencies=item.applied.dependencies,
            )
        )
    above = {item.urn: item.applied.parents for item in context.inventory}
    gone = {parent for step in steps for parent in above.get(step.urn, [])}
    chains = {
        urn: next(list(parents) for parents in above.values() if urn in parents) for urn in components if urn in gone
    }
    for urn, chain in sorted(chains.items(), key=lambda item: -item[1].index(item[0])):  # the innermost first
        place = chain.index(urn)
        steps.append(Step("delete", urn, chain[place - 1] if place else "", custom=False))
    return steps, kept


def delete_all(
    steps: list[Step],
    items: Mapping[str, Existing],
    context: Context,
) -> None:
    """Carries out delete steps.

    EngineError after everything that could be deleted has been, when something could not.
    """
    waiting = {step.urn: step for step in steps if step.custom}
    running: dict[Future[None], Step] = {}
    failed: list[str] = []
    blocked: set[str] = set()
    with ThreadPoolExecutor(WORKERS) as pool:
        while (waiting or running) and not (context.interrupts.asked and not running):
            for urn, step in list(waiting.items()):
                left = blocked | set(waiting) | {other.urn for other in running.values()}
                holders = _holders(urn, items, left)
                if holders & blocked:
                    blocked.add(urn)
                    del waiting[urn]
                elif not holders and not context.interrupts.asked:
                    del waiting[urn]
                    running[pool.submit(_delete, step, items[urn], context)] = step
            if not running:
                continue
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                step = running.pop(future)
                error = future.exception()
                if isinstance(error, EngineError):
                    failed.append(str(error))
                    blocked.add(step.urn)
                    context.listener.said(Diagnostic("error", str(error), step.urn))
                elif error is not None:
                    raise error
    context.interrupts.check()
    if failed:
        raise EngineError(failed[0])
    for step in steps:
        if not step.custom:
            step.state = "done"
            context.listener.finished(step)


def _holders(urn: str, items: Mapping[str, Existing], left: set[str]) -> set[str]:
    """Those not deleted (yet) that depend on `urn`."""
    return {
        other
        for other in left
        if other != urn and (urn in items[other].applied.dependencies or urn in items[other].applied.parents)
    }


def _delete(step: Step, item: Existing, context: Context) -> None:
    began = time.monotonic()
    with context.interrupts:
        step.state = "running"
        context.listener.started(step)
        try:
            context.daemons.handler_of(item).delete(item, item.applied.inputs)
            step.state = "done"
            context.journal.forget(item.urn)
        except EngineError:
            step.state = "failed"
            raise
        finally:
            step.seconds = time.monotonic() - began
            context.listener.finished(step)
