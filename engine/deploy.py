"""`up`, `preview`, `refresh` and `destroy`."""

import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import show
from engine.errors import EXIT_CANCELLED, EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_NO_CHANGES, EngineError, Reported
from engine.policies import judge
from engine.run.carry_out import Run
from engine.run.context import Context
from engine.run.delete import Deletes, after_run, delete_all, whole_stack
from engine.run.keep import after_destroy, close_notes, noted_outputs
from engine.run.program import run_program
from engine.run.providers import recall
from engine.run.steps import Diagnostic, Recorder, Step
from engine.show import Screen, Ticker
from engine.workspace import Workspace


def preview(workspace: Workspace, screen: Screen, options: Namespace) -> int:
    """`preview`: what an `up` would do."""
    workspace.start(program=True)
    workspace.config  # noqa: B018 (what is wrong with it is said first, and by itself)
    steps, broken = _preview(workspace, screen, options)
    _expect(options, steps, "preview")
    return EXIT_FAILURE if broken else 0


def up(workspace: Workspace, screen: Screen, options: Namespace) -> int:
    """`up`: preview, question, update."""
    _require_consent(options)
    workspace.start(program=True)
    workspace.config  # noqa: B018 (errors about it come first)
    with workspace.locked():
        if not options.skip_preview or options.excludes:
            steps, _ = _preview(workspace, screen, options)
            _expect(options, steps, "update")
            _confirm(options, "update")
            screen.line()
        screen.heading(f"Updating ({workspace.stack}):")
        return _update(workspace, screen, options)


def refresh(workspace: Workspace, screen: Screen, options: Namespace) -> int:
    """`refresh`: says how Docker differs from what was applied. There is no state to bring up to date."""
    screen.heading(f"Refreshing ({workspace.stack}):")
    context = workspace.everything(Recorder(), options.excludes)
    steps = []
    for item in context.inventory:
        if context.excludes.names(item.urn):
            continue
        found = context.hosts.handler_of(item).drift(item, item.applied.inputs)
        step = Step("update" if found else "same", item.urn, item.applied.parent, item)
        for drift in found:
            step.changes.extend(drift.changes)
            step.notes.append(drift.note)
        steps.append(step)
    options.excludes.refuse_unmatched()
    show.tree(screen, steps)
    show.resources(screen, steps, planned=True)
    _expect(options, steps, "refresh")
    return 0


def destroy(workspace: Workspace, screen: Screen, options: Namespace) -> int:
    """`destroy`: everything the stack holds, mostly without needing the program."""
    _require_consent(options)
    with workspace.locked():
        ticker = Ticker(screen)
        context = workspace.everything(ticker, options.excludes)
        show.diagnostics(screen, ticker.diagnostics, workspace.stack_urn)
        deletes = whole_stack(context)
        options.excludes.refuse_unmatched()
        _expect(options, deletes.steps, "destroy")
        if not deletes.steps and not deletes.old:
            screen.line(f"The stack '{workspace.stack}' holds nothing to delete.")
            return 0
        if not options.skip_preview:
            screen.heading(f"Previewing destroy ({workspace.stack}):")
            parents_first = [step for step in reversed(deletes.steps) if not step.custom]
            show.tree(screen, parents_first + [step for step in deletes.steps if step.custom])
            show.diagnostics(screen, deletes.losses(), workspace.stack_urn)
            show.resources(screen, deletes.steps, planned=True)
            _confirm(options, "destroy")
            screen.line()
        screen.heading(f"Destroying ({workspace.stack}):")
        with _changing(workspace, screen, deletes.steps):
            delete_all(deletes, context)
            after_destroy(context, {step.urn for step in deletes.steps})
            screen.line()
            for item in deletes.kept:
                screen.line(f"{item.docker_name} is kept (retain_on_delete)")
        return 0


def _require_consent(options: Namespace) -> None:
    """EngineError where nobody has said yes and nobody can be asked."""
    if not options.yes and (options.non_interactive or not sys.stdin.isatty()):
        raise EngineError("--yes or --skip-preview must be passed in: nobody can be asked", EXIT_CONFIGURATION)


def _confirm(options: Namespace, what: str) -> None:
    """Asks; EngineError when the answer is not yes."""
    if not options.yes and input(f"Do you want to perform this {what}? [yes/no] ").strip().lower() not in ("yes", "y"):
        raise EngineError(f"confirmation declined, not proceeding with the {what}", EXIT_CANCELLED)


def _expect(options: Namespace, steps: list[Step], operation: str) -> None:
    """EngineError where no changes were to be, and there are some."""
    if options.expect_no_changes and any(step.op != "same" for step in steps):
        raise EngineError(f"no changes were expected for {operation} but changes were proposed", EXIT_NO_CHANGES)


def _preview(workspace: Workspace, screen: Screen, options: Namespace) -> tuple[list[Step], bool]:
    """Runs the program without changing anything, and shows what an update would do; whether it breaks a policy."""
    screen.heading(f"Previewing update ({workspace.stack}):")
    recorder = Recorder()
    run = Run(workspace.context(recorder, True, options.excludes))
    _planned(workspace, screen, run, recorder)
    before = noted_outputs(run.context)
    found: list[Diagnostic] = []
    for pack in options.policy_pack:
        found += judge(Path(pack), run.registered.values(), run.context.project, run.context.stack)
    changed = {key: value for key, value in run.outputs.items() if key not in before or before[key] != value}
    if options.diff:
        show.diff(screen, run.steps, changed, before)
        screen.line()
    else:
        show.tree(screen, run.steps)
    show.diagnostics(screen, recorder.diagnostics + found, workspace.stack_urn)
    if not options.diff:
        show.outputs(screen, changed, before)
    show.resources(screen, run.steps, planned=True)
    options.excludes.refuse_unmatched()
    return run.steps, any(one.severity == "error" for one in found)


def _refuse_protected(workspace: Workspace, screen: Screen, context: Context) -> None:
    """Of a stack with something protected: works out first what will be done, so that a refusal comes before it."""
    recall(context)
    if any(context.protects(item) for item in context.inventory):
        recorder = Recorder()
        _planned(workspace, screen, Run(workspace.context(recorder, True)), recorder)


def _planned(workspace: Workspace, screen: Screen, run: Run, recorder: Recorder) -> None:
    """Runs the program without changing anything; what fails is shown."""
    try:
        _run(workspace, run)
    except EngineError as error:
        show.tree(screen, run.steps)
        raise _shown(workspace, screen, recorder, error) from error


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
    for one in context.inventory.strangers:
        message = f"'{one.docker_name}' bears the labels of '{one.applied.name}' and is not touched"
        context.listener.said(Diagnostic("warning", message, one.urn))
    deletes = after_run(run)
    run.steps += deletes.steps
    return deletes


def _update(workspace: Workspace, screen: Screen, options: Namespace) -> int:
    ticker = Ticker(screen)
    run = Run(workspace.context(ticker, False, options.excludes))
    if options.skip_preview and not options.excludes:
        _refuse_protected(workspace, screen, run.context)
    with _changing(workspace, screen, run.steps, ticker):
        deletes = _run(workspace, run)
        before = noted_outputs(run.context)
        delete_all(deletes, run.context)
        close_notes(run.context, run.registered, run.outputs, run.steps)
        screen.line()
        for item in deletes.kept if deletes.steps else ():
            screen.line(f"{item.docker_name} is kept (retain_on_delete)")
        show.diagnostics(screen, [item for item in ticker.diagnostics if item.severity != "info"], workspace.stack_urn)
        show.outputs(screen, run.outputs, before)
    _expect(options, run.steps, "update")
    return 0


@contextmanager
def _changing(workspace: Workspace, screen: Screen, steps: list[Step], ticker: Ticker | None = None) -> Iterator[None]:
    """Something is changed: however that ends, it is said what was done. With a `ticker`, also what it was told."""
    began = time.monotonic()

    def leave() -> None:
        show.report(screen, steps, began)
        workspace.unlock()

    workspace.interrupts.install(leave)
    try:
        yield
    except EngineError as error:
        workspace.interrupts.check()
        screen.line()
        failure = _shown(workspace, screen, ticker, error) if ticker else error
        show.report(screen, steps, began)
        raise failure from None
    show.report(screen, steps, began)


def _shown(workspace: Workspace, screen: Screen, recorder: Recorder, error: EngineError) -> Reported:
    """Shows the `Diagnostics:` of a run that failed."""
    found = [item for item in recorder.diagnostics if not (isinstance(recorder, Ticker) and item.severity == "info")]
    if not any(item.severity == "error" for item in found):
        found.append(Diagnostic("error", str(error)))
    show.diagnostics(screen, found, workspace.stack_urn)
    return Reported(str(error), error.exit_code)
