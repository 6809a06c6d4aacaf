"""`preview`, the stack's outputs and `refresh`: what would change, without changing anything."""

from __future__ import annotations

import time
from typing import Any

from engine import diffview, display, jsonview
from engine.deployment import Deployment
from engine.discovery import everything
from engine.display import Recorder, Screen
from engine.errors import EngineError, Reported
from engine.inventory import Inventory
from engine.program import run_program
from engine.running import Options, Run, make_context, run_once, show_failure, unexpected_changes
from engine.session import Session
from engine.steps import Step
from engine.values import has_unknown


def preview(session: Session, screen: Screen, options: Options) -> int:
    """`preview`: what an `up` would do."""
    recorder = Recorder()
    session.start(program=True)
    session.config  # noqa: B018 (what is wrong with it is said first, and by itself
    screen.quiet = options.json
    screen.line(screen.heading(f"Previewing update ({session.stack}):"))
    run = preview_run(session, screen, recorder, options)
    if options.json:
        print(jsonview.digest(session.config.blinded(), run.all_steps, recorder.diagnostics, run.seconds))
    if options.expect_no_changes and run.changes:
        raise unexpected_changes("preview")
    return 0


def preview_run(session: Session, screen: Screen, recorder: Recorder, options: Options) -> Run:
    """Runs the program without changing anything, and shows what an update would do."""
    began = time.monotonic()
    context = make_context(session, recorder, True, options.selection)
    deployment = Deployment(context)
    try:
        run = run_once(session, deployment)
    except EngineError as error:
        screen.line()
        display.tree(screen, deployment.steps, "Plan")
        screen.line()
        show_failure(session, screen, recorder, error)
        raise Reported(str(error), error.exit_code) from error
    run.seconds = time.monotonic() - began
    outputs = {} if options.suppress_outputs else _changed_outputs(context.inventory, deployment)
    if options.diff:
        diffview.show(screen, run.all_steps)
        diffview.outputs(screen, outputs)
        screen.line()
    else:
        screen.line()
        display.tree(screen, run.all_steps, "Plan")
        screen.line()
    display.diagnostics(screen, recorder.diagnostics, session.stack_urn)
    if not options.diff:
        display.outputs(screen, outputs, "~ " if context.inventory.by_urn else "+ ")
    display.resources(screen, run.all_steps, planned=True)
    return run


def _changed_outputs(inventory: Inventory, deployment: Deployment) -> dict[str, Any]:
    """All of a new stack's outputs, else those that the update will make known: what they were is not kept anywhere."""
    if not inventory.by_urn:
        return deployment.outputs
    return {key: value for key, value in deployment.outputs.items() if has_unknown(value)}


def refresh(session: Session, screen: Screen, options: Options) -> int:
    """`refresh`: says how Docker differs from what was applied. There is no state to bring up to date."""
    session.start()
    screen.line(screen.heading(f"Refreshing ({session.stack}):"))
    steps = []
    context = everything(session, options.selection)
    for item in options.selection.deletable(list(context.inventory), list(context.inventory)):
        found = context.daemons.handler_of(item).drift(item, item.applied.inputs)
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
        raise unexpected_changes("refresh")
    return 0


def stack_outputs(session: Session) -> dict[str, Any]:
    """The stack's outputs as the program gives them for what Docker holds; empty when nothing is deployed."""
    session.start(program=True)
    if not everything(session, tolerant=True).inventory.by_urn:
        return {}
    recorder = Recorder()
    deployment = Deployment(make_context(session, recorder, True, tolerant=True))
    try:
        run_program(session.project, session.config, deployment)
    except EngineError as error:
        errors = [item.message for item in recorder.diagnostics if item.severity == "error"]
        raise EngineError(errors[0] if errors else str(error)) from error
    return {key: value for key, value in deployment.outputs.items() if not has_unknown(value)}
