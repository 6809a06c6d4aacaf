"""`up`, `preview`, `refresh` and `destroy`."""

from __future__ import annotations

import time

from engine import show, show_diff
from engine.errors import EXIT_FAILURE, EngineError, Reported
from engine.options import Options
from engine.policies import judge
from engine.run.carry_out import Run
from engine.run.context import Context
from engine.run.delete import Deletes, after_run, delete_all, whole_stack
from engine.run.keep import after_destroy, close_notes, noted_outputs
from engine.run.learn import read_everything
from engine.run.program import run_program
from engine.run.providers import recall
from engine.run.recorder import Recorder
from engine.run.steps import Diagnostic, Step
from engine.show import Screen, Ticker
from engine.workspace import Workspace


def preview(workspace: Workspace, screen: Screen, options: Options) -> int:
    """`preview`: what an `up` would do."""
    workspace.start(program=True)
    workspace.config  # noqa: B018 (what is wrong with it is said first, and by itself)
    screen.heading(f"Previewing update ({workspace.stack}):")
    steps, broken = _preview(workspace, screen, options)
    options.excludes.refuse_unmatched()
    options.expect(steps, "preview")
    return EXIT_FAILURE if broken else 0


def up(workspace: Workspace, screen: Screen, options: Options) -> int:
    """`up`: preview, question, update."""
    options.require_consent()
    workspace.start(program=True)
    workspace.config  # noqa: B018 (errors about it come first)
    with workspace.locked():
        if not options.skip_preview or options.excludes:
            screen.heading(f"Previewing update ({workspace.stack}):")
            steps, _ = _preview(workspace, screen, options)
            options.excludes.refuse_unmatched()
            options.expect(steps, "update")
            options.confirm("update")
            screen.line()
        screen.heading(f"Updating ({workspace.stack}):")
        return _update(workspace, screen, options)


def refresh(workspace: Workspace, screen: Screen, options: Options) -> int:
    """`refresh`: says how Docker differs from what was applied. There is no state to bring up to date."""
    workspace.start()
    screen.heading(f"Refreshing ({workspace.stack}):")
    context = _everything(workspace, Recorder(), options)
    steps = []
    for item in context.inventory:
        if context.excludes.names(item.urn):
            continue
        found = context.hosts.handler_of(item).drift(item, item.applied.inputs)
        step = Step("update" if found else "same", item.urn, item.applied.parents[-1] if item.applied.parents else "")
        for drift in found:
            step.changes.extend(drift.changes)
            step.notes.append(drift.note)
        steps.append(step)
    options.excludes.refuse_unmatched()
    screen.line()
    show.tree(screen, steps)
    screen.line()
    show.resources(screen, steps, planned=True)
    options.expect(steps, "refresh")
    return 0


def destroy(workspace: Workspace, screen: Screen, options: Options) -> int:
    """`destroy`: everything the stack holds, mostly without needing the program."""
    options.require_consent()
    workspace.start()
    with workspace.locked():
        ticker = Ticker(screen)
        context = _everything(workspace, ticker, options)
        show.diagnostics(screen, ticker.diagnostics, workspace.stack_urn)
        deletes = whole_stack(context)
        options.excludes.refuse_unmatched()
        options.expect(deletes.steps, "destroy")
        if not deletes.steps and not deletes.old:
            screen.line(f"The stack '{workspace.stack}' holds nothing to delete.")
            return 0
        if not options.skip_preview:
            screen.heading(f"Previewing destroy ({workspace.stack}):")
            screen.line()
            parents_first = [step for step in reversed(deletes.steps) if not step.custom]
            show.tree(screen, parents_first + [step for step in deletes.steps if step.custom])
            screen.line()
            show.diagnostics(screen, deletes.losses(), workspace.stack_urn)
            show.resources(screen, deletes.steps, planned=True)
            options.confirm("destroy")
            screen.line()
        screen.heading(f"Destroying ({workspace.stack}):")
        return _destroy(workspace, screen, context, deletes)


def _preview(workspace: Workspace, screen: Screen, options: Options) -> tuple[list[Step], bool]:
    """Runs the program without changing anything, and shows what an update would do; whether it breaks a policy."""
    recorder = Recorder()
    context = workspace.context(recorder, True, options.excludes)
    run = Run(context)
    steps = run.steps + _planned(workspace, screen, run, recorder).steps
    before = noted_outputs(context)
    broken = False
    for pack in options.policy_packs:
        found = judge(pack, run.registered.values(), context.project, context.stack)
        recorder.diagnostics += found.diagnostics
        broken |= found.broken
    if options.diff:
        show_diff.show(screen, steps)
        show_diff.outputs(screen, run.outputs, before)
    else:
        screen.line()
        show.tree(screen, steps)
    screen.line()
    show.diagnostics(screen, recorder.diagnostics, workspace.stack_urn)
    if not options.diff:
        changed = {key: value for key, value in run.outputs.items() if key not in before or before[key] != value}
        show.outputs(screen, changed, before)
    show.resources(screen, steps, planned=True)
    return steps, broken


def _refuse_protected(workspace: Workspace, screen: Screen, context: Context) -> None:
    """Of a stack with something protected: works out first what will be done, so that a refusal comes before it."""
    recall(context)
    if any(context.protects(item) for item in context.inventory):
        recorder = Recorder()
        _planned(workspace, screen, Run(workspace.context(recorder, True)), recorder)


def _planned(workspace: Workspace, screen: Screen, run: Run, recorder: Recorder) -> Deletes:
    """Runs the program without changing anything; what fails is shown."""
    try:
        return _run(workspace, run)
    except EngineError as error:
        screen.line()
        show.tree(screen, run.steps)
        screen.line()
        _show_failure(workspace, screen, recorder, error)
        raise Reported(str(error), error.exit_code) from error


def _run(workspace: Workspace, run: Run) -> Deletes:
    """Runs the program, and works out what it no longer declares."""
    context = run.context
    recall(context)
    try:
        run_program(workspace.project, workspace.config, run)
    except EngineError:
        context.hosts.refuse_unreachable()
        raise
    for message in context.hosts.warnings:
        context.listener.said(Diagnostic("warning", message))
    for item in context.inventory.strangers:
        message = f"'{item.docker_name}' bears the labels of '{item.applied.name}' and is not touched"
        context.listener.said(Diagnostic("warning", message, item.urn))
    return after_run(run)


def _update(workspace: Workspace, screen: Screen, options: Options) -> int:
    began = time.monotonic()
    ticker = Ticker(screen)
    run = Run(workspace.context(ticker, False, options.excludes))
    if options.skip_preview and not options.excludes:
        _refuse_protected(workspace, screen, run.context)
    steps = run.steps

    def leave() -> None:
        show.report(screen, steps, began)
        workspace.unlock()

    workspace.interrupts.install(leave)
    try:
        deletes = _run(workspace, run)
        steps = run.steps + deletes.steps
        before = noted_outputs(run.context)
        delete_all(deletes, run.context)
        close_notes(run.context, run.registered, run.outputs, steps)
    except EngineError as error:
        workspace.interrupts.check()
        screen.line()
        _show_failure(workspace, screen, ticker, error)
        show.report(screen, steps, began)
        raise Reported(str(error), error.exit_code) from error
    screen.line()
    for item in deletes.kept if deletes.steps else ():
        screen.line(f"{item.docker_name} is kept (retain_on_delete)")
    errors = [item for item in ticker.diagnostics if item.severity != "info"]
    show.diagnostics(screen, errors, workspace.stack_urn)
    show.outputs(screen, run.outputs, before)
    show.resources(screen, steps, planned=False)
    show.duration(screen, time.monotonic() - began)
    options.expect(steps, "update")
    return 0


def _everything(workspace: Workspace, listener: Recorder, options: Options) -> Context:
    context = workspace.context(listener, False, options.excludes)
    read_everything(context, workspace.project, lambda: workspace.config)
    return context


def _destroy(workspace: Workspace, screen: Screen, context: Context, deletes: Deletes) -> int:
    began = time.monotonic()

    def leave() -> None:
        show.report(screen, deletes.steps, began)
        workspace.unlock()

    workspace.interrupts.install(leave)
    try:
        delete_all(deletes, context)
        after_destroy(context, {step.urn for step in deletes.steps})
    except EngineError as error:
        workspace.interrupts.check()
        screen.line()
        show.report(screen, deletes.steps, began)
        raise EngineError(str(error), error.exit_code) from error
    screen.line()
    for item in deletes.kept:
        screen.line(f"{item.docker_name} is kept (retain_on_delete)")
    show.resources(screen, deletes.steps, planned=False)
    show.duration(screen, time.monotonic() - began)
    return 0


def _show_failure(workspace: Workspace, screen: Screen, recorder: Recorder, error: EngineError) -> None:
    """The `Diagnostics:` of a run that failed."""
    found = [item for item in recorder.diagnostics if not (isinstance(recorder, Ticker) and item.severity == "info")]
    if not any(item.severity == "error" for item in found):
        found.append(Diagnostic("error", str(error)))
    show.diagnostics(screen, found, workspace.stack_urn)
