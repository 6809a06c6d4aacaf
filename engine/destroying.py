"""`destroy`: deletes what the stack holds, without needing the program."""

from __future__ import annotations

import time

from engine import diffview, display
from engine.context import Context
from engine.discovery import everything
from engine.display import Screen, Ticker
from engine.errors import EXIT_CANCELLED, EngineError
from engine.lock import locked
from engine.provider_steps import forget_emptied, undeclared
from engine.removal import delete_all, plan_deletes
from engine.resources import Existing
from engine.running import Options, confirmed, prune, report, require_consent, unexpected_changes
from engine.session import Session
from engine.steps import Step


def destroy(session: Session, screen: Screen, options: Options) -> int:
    """`destroy`: everything the stack holds, without needing the program."""
    require_consent(options)
    session.start()
    with locked(session.state_dir, session.stack):
        ticker = Ticker(screen)
        context = everything(session, options.selection, ticker)
        steps, kept = planned(context)
        if options.expect_no_changes and steps:
            raise unexpected_changes("destroy")
        if not steps:
            screen.line(f"The stack '{session.stack}' holds nothing to delete.")
            return 0
        if not options.skip_preview:
            screen.line(screen.heading(f"Previewing destroy ({session.stack}):"))
            screen.line()
            diffview.show(screen, _parents_first(steps)) if options.diff else display.tree(
                screen, _parents_first(steps), "Plan"
            )
            screen.line()
            display.resources(screen, steps, planned=True)
            if not options.yes and not confirmed("destroy", lambda: diffview.show(screen, _parents_first(steps))):
                raise EngineError("confirmation declined, not proceeding with the destroy", EXIT_CANCELLED)
            screen.line()
        return _destroy(session, screen, context, steps, kept)


def planned(context: Context) -> tuple[list[Step], list[Existing]]:
    """The steps of the destroy: what the selection leaves stays, with its components and providers."""
    items = list(context.inventory)
    chosen = context.selection.deletable(items, items)
    left = [item for item in items if item not in chosen]
    kept_above = {parent for item in left for parent in item.applied.parents}
    steps, kept = plan_deletes(chosen, context.inventory.ancestors - kept_above, context)
    needed = {item.provider: None for item in (*left, *kept)}
    return steps + [step for step in undeclared({}, context) if step.urn not in needed], kept


def _destroy(
    session: Session,
    screen: Screen,
    context: Context,
    steps: list[Step],
    kept: list[Existing],
) -> int:
    began = time.monotonic()
    screen.line(screen.heading(f"Destroying ({session.stack}):"))
    session.interrupts.install(lambda: report(screen, steps, began))
    try:
        delete_all(steps, context.inventory.by_urn, context)
        forget_emptied(steps, context)
        for twin in context.inventory.surplus:
            if context.selection.picks(twin.urn):
                context.daemons.handler_of(twin).delete(twin, twin.applied.inputs)
    except EngineError as error:
        session.interrupts.check()
        screen.line()
        report(screen, steps, began)
        raise EngineError(str(error), error.exit_code) from error
    prune(context)
    screen.line()
    for item in kept:
        screen.line(f"{item.docker_name} is kept (retain_on_delete)")
    display.resources(screen, steps, planned=False)
    display.duration(screen, time.monotonic() - began)
    return 0


def _parents_first(steps: list[Step]) -> list[Step]:
    return [step for step in reversed(steps) if not step.custom] + [step for step in steps if step.custom]
