"""What the deploying commands share: their flags, one run of the program, and how its end is shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from engine import display
from engine.context import Context
from engine.deployment import Deployment
from engine.display import Recorder, Screen, Ticker
from engine.errors import EXIT_CONFIGURATION, EXIT_NO_CHANGES, EngineError
from engine.program import run_program
from engine.provider_steps import undeclared
from engine.removal import plan_deletes
from engine.resources import LABEL_STACK, Existing
from engine.selection import Selection
from engine.session import Session
from engine.steps import Diagnostic, Listener, Step


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
    selection: Selection = field(default_factory=Selection)


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


def unexpected_changes(operation: str) -> EngineError:
    """The failure of `--expect-no-changes`."""
    return EngineError(f"no changes were expected for {operation} but changes were proposed", EXIT_NO_CHANGES)


def run_once(session: Session, deployment: Deployment) -> Run:
    """Runs the program, and works out what it no longer declares."""
    try:
        run_program(session.project, session.config, deployment)
    except EngineError:
        deployment.context.daemons.refuse_unreachable()
        raise
    deletes, kept = planned_deletes(deployment)
    return Run(deployment, deployment.steps, deletes, kept)


def planned_deletes(deployment: Deployment) -> tuple[list[Step], list[Existing]]:
    """The steps that remove what the program did not declare, and what stays because it is to be retained."""
    context = deployment.context
    inventory = context.inventory
    gone = [item for item in inventory if item.urn not in deployment.claimed]
    chosen = context.selection.deletable(gone, list(inventory))
    left = {parent for item in gone if item not in chosen for parent in item.applied.parents}
    components = inventory.ancestors - set(deployment.registered) - left
    deletes, kept = plan_deletes(chosen, components, context)
    return deletes + undeclared(deployment.registered, context), kept


def make_context(
    session: Session, listener: Listener, dry_run: bool, selection: Selection | None = None, tolerant: bool = False
) -> Context:
    """What a run on this session works with: what the known daemons hold is read anew."""
    chosen = selection or Selection()
    return Context(
        session.project.name,
        session.stack,
        dry_run,
        session.daemons(chosen),
        listener,
        session.interrupts,
        session.journal,
        lambda: session.crypter(store=not dry_run),
        chosen,
        tolerant,
    )


def prune(context: Context) -> None:
    """Removes earlier builds of the stack's images that nothing uses any more."""
    for handler in context.daemons.opened():
        tidy = getattr(handler, "prune", None)
        if tidy:
            try:
                tidy(f"{LABEL_STACK}={context.stack_id}")
            except EngineError:
                continue  # tidying only; whatever is left goes with a later run


def show_failure(session: Session, screen: Screen, recorder: Recorder, error: EngineError) -> None:
    """The `Diagnostics:` of a run that failed."""
    found = [item for item in recorder.diagnostics if not (isinstance(recorder, Ticker) and item.severity == "info")]
    if not any(item.severity == "error" for item in found):
        found.append(Diagnostic("error", str(error)))
    display.diagnostics(screen, found, session.stack_urn)


def report(screen: Screen, steps: list[Step], began: float) -> None:
    """What was done, when a run ends early."""
    done = [step for step in steps if step.state == "done" and (step.op != "same" or step.custom)]
    display.resources(screen, done, planned=False)
    open_ones = [step for step in steps if step.state in ("running", "failed")]
    for step in open_ones:
        screen.line(f"    not finished: {step.name}")
    display.duration(screen, time.monotonic() - began)


def require_consent(options: Options) -> None:
    """EngineError when nobody can be asked and `--yes` was not given."""
    if not options.yes and not (options.interactive and sys.stdin.isatty()):
        raise EngineError(
            "--yes or --skip-preview must be passed in to proceed when running in non-interactive mode",
            EXIT_CONFIGURATION,
        )


def confirmed(what: str, details: Callable[[], None]) -> bool:
    """Asks before anything is changed."""
    while True:
        answer = input(f"Do you want to perform this {what}? [yes/no/details] ").strip().lower()
        if answer in ("yes", "y"):
            return True
        if answer in ("no", "n", ""):
            return False
        if answer in ("details", "d"):
            details()
