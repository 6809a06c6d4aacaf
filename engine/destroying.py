"""`destroy`: deletes what the stack holds, without needing the program."""

from __future__ import annotations

import time

from engine import diffview, display
from engine.context import Context
from engine.display import Screen, Ticker
from engine.errors import EXIT_CANCELLED, EngineError
from engine.lock import locked
from engine.removal import delete_all, plan_deletes
from engine.resources import Existing
from engine.running import Options, confirmed, make_context, prune, report, require_consent, unexpected_changes
from engine.session import Session
from engine.steps import Step


def destroy(session: Session, screen: Screen, options: Options) -> int:
    """`destroy`: everything the stack holds, without needing the program."""
    require_consent(options)
    session.start()
    with locked(session.state_dir, session.stack):
        inventory = session.inventory()
        ticker = Ticker(screen)
        context = make_context(session, inventory, ticker, dry_run=False)
        steps, kept = plan_deletes(inventory, inventory.ancestors, context)
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
        for twin in context.inventory.surplus:
            context.handlers[twin.type].delete(twin, twin.applied.inputs)
    except EngineError as error:
        session.interrupts.check()
        screen.line()
        report(screen, steps, began)
        raise EngineError(str(error), error.exit_code) from error
    prune(session)
    screen.line()
    for item in kept:
        screen.line(f"{item.docker_name} is kept (retain_on_delete)")
    display.resources(screen, steps, planned=False)
    display.duration(screen, time.monotonic() - began)
    return 0


def _parents_first(steps: list[Step]) -> list[Step]:
    return [step for step in reversed(steps) if not step.custom] + [step for step in steps if step.custom]
