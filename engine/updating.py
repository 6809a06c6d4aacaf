"""`up`: brings Docker to what the program declares."""

from __future__ import annotations

import time

from engine import diffview, display
from engine.deployment import Deployment
from engine.display import Recorder, Screen, Ticker
from engine.errors import EXIT_CANCELLED, EngineError, Reported
from engine.lock import locked
from engine.previewing import preview_run
from engine.provider_steps import forget_emptied
from engine.removal import delete_all
from engine.running import (
    Options,
    Run,
    confirmed,
    make_context,
    prune,
    report,
    require_consent,
    run_once,
    show_failure,
    unexpected_changes,
)
from engine.session import Session
from engine.steps import Diagnostic, Listener, Step


def up(session: Session, screen: Screen, options: Options) -> int:
    """`up`: preview, question, update."""
    require_consent(options)
    session.start(program=True)
    session.config  # noqa: B018 (errors about it come first)
    with locked(session.state_dir, session.stack):
        if not options.skip_preview:
            screen.line(screen.heading(f"Previewing update ({session.stack}):"))
            run = preview_run(session, screen, Recorder(), options)
            if options.expect_no_changes and run.changes:
                raise unexpected_changes("update")
            if not options.yes and not confirmed("update", lambda: diffview.show(screen, run.all_steps)):
                raise EngineError("confirmation declined, not proceeding with the update", EXIT_CANCELLED)
            screen.line()
        screen.line(screen.heading(f"Updating ({session.stack}):"))
        return _update(session, screen, options)


def _update(session: Session, screen: Screen, options: Options) -> int:
    began = time.monotonic()
    ticker = Ticker(screen)
    context = make_context(session, ticker, False, options.selection)
    deployment = Deployment(context)
    context.journal.open()
    session.interrupts.install(lambda: report(screen, deployment.steps, began))
    deletes: list[Step] = []
    try:
        run = run_once(session, deployment)
        deletes = run.deletes
        _tidy(session, deployment, run, ticker)
    except EngineError as error:
        session.interrupts.check()
        screen.line()
        show_failure(session, screen, ticker, error)
        report(screen, deployment.steps + deletes, began)
        raise Reported(str(error), error.exit_code) from error
    screen.line()
    errors = [item for item in ticker.diagnostics if item.severity != "info"]
    display.diagnostics(screen, errors, session.stack_urn)
    if not options.suppress_outputs:
        display.outputs(screen, deployment.outputs)
    display.resources(screen, run.all_steps, planned=False)
    display.duration(screen, time.monotonic() - began)
    if options.expect_no_changes and run.changes:
        raise unexpected_changes("update")
    return 0


def _tidy(session: Session, deployment: Deployment, run: Run, listener: Listener) -> None:
    """After the program: what it no longer declares goes, and so do old builds and old twins."""
    context = deployment.context
    for existing, inputs in deployment.take_replaced():
        context.daemons.handler_of(existing).delete(existing, inputs)
    for twin in context.inventory.surplus:
        if context.selection.picks(twin.urn):
            context.daemons.handler_of(twin).delete(twin, twin.applied.inputs)
    delete_all(run.deletes, context.inventory.by_urn, context)
    forget_emptied(run.deletes, context)
    for item in run.kept:
        if run.deletes:
            listener.said(Diagnostic("info", f"{item.docker_name} is kept (retain_on_delete)", item.urn))
    prune(context)
