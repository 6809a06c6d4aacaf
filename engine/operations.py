"""The commands that look at or change what is deployed: preview, up, refresh, destroy, and the stack's outputs."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine import diffview, display, jsonview
from engine.deployment import Context, Deployment
from engine.display import Recorder, Screen, Ticker
from engine.errors import EngineError, Reported
from engine.inventory import Inventory
from engine.lock import locked
from engine.program import run_program
from engine.removal import delete_all, plan_deletes
from engine.resources import Existing
from engine.session import Session
from engine.steps import Diagnostic, Listener, Step
from engine.values import has_unknown, reveal

NO_CHANGES = "no changes were expected but changes were proposed"
NO_CHANGES_DONE = "no changes were expected but changes occurred"


@dataclass
class Options:
    """The flags of the deploying commands."""

    yes: bool = False
    skip_preview: bool = False
    diff: bool = False
    json: bool = False
    expect_no_changes: bool = False
    suppress_outputs: bool = False
    interactive: bool = True


@dataclass
class Run:
    """The outcome of one run of the program."""

    deployment: Deployment
    steps: list[Step]
    deletes: list[Step]
    kept: list[Existing]
    seconds: float = 0.0

    @property
    def all_steps(self) -> list[Step]:
        return self.steps + self.deletes

    @property
    def changes(self) -> bool:
        return any(step.op != "same" for step in self.all_steps)


def preview(session: Session, screen: Screen, options: Options) -> int:
    """`preview`: what an `up` would do."""
    recorder = Recorder()
    session.start()
    session.config  # noqa: B018 (what is wrong with it is said first, and by itself
    screen.quiet = options.json
    screen.line(screen.heading(f"Previewing update ({session.stack}):"))
    run = _preview_run(session, screen, recorder, options)
    if options.json:
        print(jsonview.digest(session.config.blinded(), run.all_steps, recorder.diagnostics, run.seconds))
    if options.expect_no_changes and run.changes:
        raise EngineError(NO_CHANGES)
    return 0


def _preview_run(session: Session, screen: Screen, recorder: Recorder, options: Options) -> Run:
    began = time.monotonic()
    context = _context(session, session.inventory(), recorder, dry_run=True)
    deployment = Deployment(context)
    try:
        run = _run(session, deployment)
    except EngineError as error:
        screen.line()
        display.tree(screen, deployment.steps, "Plan")
        screen.line()
        _show_failure(session, screen, recorder, error)
        raise Reported(str(error), error.exit_code) from error
    run.seconds = time.monotonic() - began
    if options.diff:
        diffview.show(screen, run.all_steps)
    else:
        screen.line()
        display.tree(screen, run.all_steps, "Plan")
        screen.line()
    display.diagnostics(screen, recorder.diagnostics, session.stack_urn)
    if not options.suppress_outputs:
        _preview_outputs(screen, context.inventory, deployment)
    display.resources(screen, run.all_steps, planned=True)
    return run


def _preview_outputs(screen: Screen, inventory: Inventory, deployment: Deployment) -> None:
    if not inventory.by_urn:
        display.outputs(screen, deployment.outputs, "+ ")
        return
    open_ones = {key: value for key, value in deployment.outputs.items() if has_unknown(value)}
    display.outputs(screen, open_ones, "~ ")


def up(session: Session, screen: Screen, options: Options) -> int:
    """`up`: preview, question, update."""
    _require_consent(options)
    session.start()
    session.config  # noqa: B018 (errors about it come first)
    with locked(session.state_dir, session.stack):
        if not options.skip_preview:
            screen.line(screen.heading(f"Previewing update ({session.stack}):"))
            run = _preview_run(session, screen, Recorder(), options)
            if options.expect_no_changes and run.changes:
                raise EngineError(NO_CHANGES)
            if not options.yes and not _confirmed("update", screen, run):
                raise EngineError("confirmation declined, not proceeding with the update")
            screen.line()
        screen.line(screen.heading(f"Updating ({session.stack}):"))
        return _update(session, screen, options)


def _update(session: Session, screen: Screen, options: Options) -> int:
    began = time.monotonic()
    session.crypter(store=True) if not session.file.salt and _passphrase_given() else None
    ticker = Ticker(screen)
    context = _context(session, session.inventory(), ticker, dry_run=False)
    deployment = Deployment(context)
    session.interrupts.install(lambda: _report(screen, deployment.steps, began))
    deletes: list[Step] = []
    try:
        run = _run(session, deployment)
        deletes = run.deletes
        _tidy(session, deployment, run, ticker)
    except EngineError as error:
        session.interrupts.check()
        screen.line()
        _show_failure(session, screen, ticker, error)
        _report(screen, deployment.steps + deletes, began)
        raise Reported(str(error), error.exit_code) from error
    screen.line()
    errors = [item for item in ticker.diagnostics if item.severity != "info"]
    display.diagnostics(screen, errors, session.stack_urn)
    if not options.suppress_outputs:
        display.outputs(screen, deployment.outputs)
    display.resources(screen, run.all_steps, planned=False)
    display.duration(screen, time.monotonic() - began)
    if options.expect_no_changes and run.changes:
        raise EngineError(NO_CHANGES_DONE)
    return 0


def _tidy(session: Session, deployment: Deployment, run: Run, listener: Listener) -> None:
    """After the program: what it no longer declares goes, and so do old builds and old twins."""
    context = deployment.context
    for existing, inputs in deployment.take_replaced():
        context.handlers[existing.type].delete(existing, inputs)
    for twin in context.inventory.surplus:
        context.handlers[twin.type].delete(twin, twin.applied.inputs)
    delete_all(run.deletes, context.inventory.by_urn, context)
    for item in run.kept:
        if run.deletes:
            listener.said(Diagnostic("info", f"{item.docker_name} is kept (retain_on_delete)", item.urn))
    _prune(session)


def _prune(session: Session) -> None:
    for handler in session.handlers.values():
        prune = getattr(handler, "prune", None)
        if prune:
            try:
                prune(f"pulumi.embedded.stack={session.stack_id}", set())
            except EngineError:
                continue  # tidying only; whatever is left goes with a later run


def refresh(session: Session, screen: Screen, options: Options) -> int:
    """`refresh`: says how Docker differs from what was applied. There is no state to bring up to date."""
    session.start()
    screen.line(screen.heading(f"Refreshing ({session.stack}):"))
    steps = []
    for item in session.inventory():
        found = session.handlers[item.type].drift(item, item.applied.inputs)
        parents = item.applied.parents
        step = Step("update" if found else "same", item.urn, parents[-1] if parents else "", item.id)
        for drift in found:
            step.changes.extend(drift.changes)
            step.notes.append(drift.note)
        steps.append(step)
    screen.line()
    display.tree(screen, steps, "Status")
    screen.line()
    display.resources(screen, steps, planned=True)
    if options.expect_no_changes and any(step.op != "same" for step in steps):
        raise EngineError(NO_CHANGES)
    return 0


def destroy(session: Session, screen: Screen, options: Options) -> int:
    """`destroy`: everything the stack holds, without needing the program."""
    _require_consent(options)
    session.start()
    with locked(session.state_dir, session.stack):
        inventory = session.inventory()
        ticker = Ticker(screen)
        context = _context(session, inventory, ticker, dry_run=False)
        how = _declared(session, inventory)
        for urn, (retain, _) in how.items():
            session.journal.set_retain(urn, retain, inventory.by_urn[urn].applied.retain)
        steps, kept = plan_deletes(inventory, inventory.ancestors, context)
        if options.expect_no_changes and steps:
            raise EngineError(NO_CHANGES)
        if not steps:
            screen.line(f"The stack '{session.stack}' holds nothing to delete.")
            return 0
        if not options.skip_preview:
            screen.line(screen.heading(f"Previewing destroy ({session.stack}):"))
            screen.line()
            diffview.show(screen, steps) if options.diff else display.tree(screen, _parents_first(steps), "Plan")
            screen.line()
            display.resources(screen, steps, planned=True)
            if not options.yes and not _confirmed("destroy", screen, None):
                raise EngineError("confirmation declined, not proceeding with the destroy")
            screen.line()
        return _destroy(session, screen, context, steps, kept, {urn: inputs for urn, (_, inputs) in how.items()})


def _destroy(
    session: Session,
    screen: Screen,
    context: Context,
    steps: list[Step],
    kept: list[Existing],
    how: Mapping[str, Mapping[str, Any]],
) -> int:
    began = time.monotonic()
    screen.line(screen.heading(f"Destroying ({session.stack}):"))
    session.interrupts.install(lambda: _report(screen, steps, began))
    try:
        delete_all(steps, context.inventory.by_urn, context, how)
        for twin in context.inventory.surplus:
            context.handlers[twin.type].delete(twin, twin.applied.inputs)
    except EngineError as error:
        session.interrupts.check()
        screen.line()
        _report(screen, steps, began)
        raise EngineError(str(error)) from error
    _prune(session)
    screen.line()
    for item in kept:
        screen.line(f"{item.docker_name} is kept (retain_on_delete)")
    display.resources(screen, steps, planned=False)
    display.duration(screen, time.monotonic() - began)
    return 0


def _declared(session: Session, inventory: Inventory) -> dict[str, tuple[bool, dict[str, Any]]]:
    """What the program, where it can be asked, declares now of retention and inputs of what there is."""
    if not inventory.by_urn:
        return {}
    deployment = Deployment(_context(session, inventory, Recorder(), dry_run=True))
    try:
        run_program(session.project, session.config, deployment)
    except EngineError:
        return {}
    return {
        urn: (registration.retain, reveal(registration.inputs))
        for urn, registration in deployment.registered.items()
        if registration.custom and urn in inventory.by_urn and not has_unknown(registration.inputs)
    }


def stack_outputs(session: Session) -> dict[str, Any]:
    """The stack's outputs as the program gives them for what Docker holds; empty when nothing is deployed."""
    session.start()
    inventory = session.inventory()
    if not inventory.by_urn:
        return {}
    recorder = Recorder()
    deployment = Deployment(_context(session, inventory, recorder, dry_run=True))
    try:
        run_program(session.project, session.config, deployment)
    except EngineError as error:
        errors = [item.message for item in recorder.diagnostics if item.severity == "error"]
        raise EngineError(errors[0] if errors else str(error)) from error
    return {key: value for key, value in deployment.outputs.items() if not has_unknown(value)}


def _run(session: Session, deployment: Deployment) -> Run:
    run_program(session.project, session.config, deployment)
    inventory = deployment.context.inventory
    undeclared = [item for urn, item in inventory.by_urn.items() if urn not in deployment.claimed]
    components = inventory.ancestors - set(deployment.registered)
    deletes, kept = plan_deletes(undeclared, components, deployment.context)
    return Run(deployment, deployment.steps, deletes, kept)


def _context(session: Session, inventory: Inventory, listener: Listener, dry_run: bool) -> Context:
    return Context(
        session.project.name,
        session.stack,
        dry_run,
        session.handlers,
        inventory,
        listener,
        session.interrupts,
        session.journal,
        lambda: session.crypter(store=not dry_run),
    )


def _show_failure(session: Session, screen: Screen, recorder: Recorder, error: EngineError) -> None:
    found = [item for item in recorder.diagnostics if not (isinstance(recorder, Ticker) and item.severity == "info")]
    if not any(item.severity == "error" for item in found):
        found.append(Diagnostic("error", str(error)))
    display.diagnostics(screen, found, session.stack_urn)


def _report(screen: Screen, steps: list[Step], began: float) -> None:
    """What was done, when a run ends early."""
    done = [step for step in steps if step.state == "done" and (step.op != "same" or step.custom)]
    display.resources(screen, done, planned=False)
    open_ones = [step for step in steps if step.state in ("running", "failed")]
    for step in open_ones:
        screen.line(f"    not finished: {step.name}")
    display.duration(screen, time.monotonic() - began)


def _parents_first(steps: list[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: step.custom)


def _require_consent(options: Options) -> None:
    if not options.yes and not (options.interactive and sys.stdin.isatty()):
        raise EngineError("--yes or --skip-preview must be passed in to proceed when running in non-interactive mode")


def _confirmed(what: str, screen: Screen, run: Run | None) -> bool:
    while True:
        answer = input(f"Do you want to perform this {what}? [yes/no{'/details' if run else ''}] ").strip().lower()
        if answer in ("yes", "y"):
            return True
        if answer in ("no", "n", ""):
            return False
        if answer in ("details", "d") and run:
            diffview.show(screen, run.all_steps)


def _passphrase_given() -> bool:
    import os

    return "PULUMI_CONFIG_PASSPHRASE" in os.environ or "PULUMI_CONFIG_PASSPHRASE_FILE" in os.environ
