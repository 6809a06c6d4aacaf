"""All that a run deletes beside replacements: here, and nowhere else, it is decided what that is.

What the program does not declare any more goes (`after_run`), or everything (`whole_stack`); in both cases not what is
to be retained and not what is left out. Half-made containers and older twins go too. Dependents go before what they
depend on, independent ones at the same time.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from engine.docker.labels import LABEL_STACK
from engine.docker.resource import Existing
from engine.errors import EngineError
from engine.run.carry_out import Run
from engine.run.context import Context
from engine.run.decide import UNPROTECT
from engine.run.keep import open_notes
from engine.run.providers import undeclared
from engine.run.steps import Diagnostic, Step
from engine.values.urns import STACK_TYPE, urn_name, urn_type

WORKERS = 8
CONTAINER = "docker:index/container:Container"
VOLUME = "docker:index/volume:Volume"


@dataclass
class Deletes:
    """What is to go, and what stays because it is declared `retain_on_delete`."""

    steps: list[Step]
    kept: list[Existing]
    old: list[Existing]
    """Not resources: half-made ones, older twins, and what replacements have left."""

    def losses(self) -> list[Diagnostic]:
        """In words: the volumes that go with a component that goes as a whole, or with the stack.

        Of those that go from a component that stays, the program can speak itself; here it does not run any more.
        """
        gone = {step.urn for step in self.steps if not step.custom}
        lost: dict[str, list[str]] = {}
        for step in self.steps:
            if urn_type(step.urn) == VOLUME and (step.parent in gone or urn_type(step.parent) == STACK_TYPE):
                lost.setdefault(step.parent, []).append(step.existing.id if step.existing else step.name)
        return [Diagnostic("warning", _loss(parent, volumes), parent) for parent, volumes in lost.items()]


def _loss(parent: str, volumes: list[str]) -> str:
    what = "the stack" if urn_type(parent) == STACK_TYPE else f"the component '{urn_name(parent)}'"
    some = "a volume" if len(volumes) == 1 else f"{len(volumes)} volumes"
    return f"{what} loses {some}, with all that is in there: {', '.join(sorted(volumes))}"


def after_run(run: Run) -> Deletes:
    """What goes because the program, which has run, did not declare it."""
    context = run.context
    stay = context.excludes.stay(list(context.inventory))
    gone = [item for item in context.inventory if item.urn not in run.claimed and item.urn not in stay]
    left = [item for item in context.inventory if item not in gone]
    found = _decided(gone, left, set(run.registered), context)
    found.steps += undeclared(run.registered, context)
    found.old += run.replaced
    for loss in found.losses():
        context.listener.said(loss)
    return found


def whole_stack(context: Context) -> Deletes:
    """What goes when the stack does."""
    stay = context.excludes.stay(list(context.inventory))
    gone = [item for item in context.inventory if item.urn not in stay]
    found = _decided(gone, [item for item in context.inventory if item.urn in stay], set(), context)
    needed = {item.provider for item in (*context.inventory, *found.kept) if item not in gone or item in found.kept}
    found.steps += [step for step in undeclared((), context) if step.urn not in needed]
    return found


def _decided(gone: list[Existing], left: list[Existing], declared: set[str], context: Context) -> Deletes:
    _refuse_protected(gone, context)
    kept = [item for item in gone if context.retains(item)]
    steps = [Step("delete", item.urn, item.applied.parent, item) for item in gone if item not in kept]
    # Components go with the last that belongs to them, the innermost first.
    chains = {parent: item.applied.parents for item in gone for parent in item.applied.parents}
    needed = {parent for item in (*left, *kept) for parent in item.applied.parents} | declared
    for urn in sorted(set(chains) - needed, key=lambda one: -chains[one].index(one)):
        place = chains[urn].index(urn)
        steps.append(Step("delete", urn, chains[urn][place - 1] if place else "", custom=False))
    twins = [item for item in context.inventory.surplus if not (context.retains(item) or context.protects(item))]
    old = [item for item in (*twins, *context.inventory.half_made) if not context.excludes.names(item.urn)]
    return Deletes(steps, kept, old)


def _refuse_protected(gone: list[Existing], context: Context) -> None:
    """EngineError naming all that are protected."""
    protected = [item.urn for item in gone if context.protects(item)]
    messages = [f'resource "{urn}" cannot be deleted\nbecause it is protected. {UNPROTECT}' for urn in protected]
    if messages:
        raise EngineError("\n".join(messages))


def delete_all(deletes: Deletes, context: Context) -> None:
    """Carries out what was decided.

    EngineError after everything that could be deleted has been, when something could not.
    """
    if deletes.steps or deletes.old:
        open_notes(context)
    # A run that was cut off has left containers that use a volume of now, and an older volume that a container of now
    # uses: containers go first, what they may use goes last.
    users = [item for item in deletes.old if item.type == CONTAINER]
    _remove(users, context)
    _in_order(deletes, context)
    _remove((item for item in deletes.old if item not in users), context)
    for step in deletes.steps:
        if not step.custom:
            step.state = "done"
            context.listener.shows(step)
    prune(context)


def _remove(old: Iterable[Existing], context: Context) -> None:
    for item in old:
        with context.interrupts:
            context.hosts.handler_of(item).delete(item, item.applied.inputs)


def _in_order(deletes: Deletes, context: Context) -> None:
    """Dependents before what they depend on, independent ones at the same time."""
    items = context.inventory.by_urn
    waiting = {step.urn: step for step in deletes.steps if step.custom}
    stay: set[str] = set()
    failed: list[EngineError] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        while waiting and not context.interrupts.asked.is_set():
            holders = {urn: _holders(urn, items, {*stay, *waiting}) for urn in waiting}
            if held := [urn for urn in waiting if holders[urn] & stay]:
                stay.update(held)
                waiting = {urn: step for urn, step in waiting.items() if urn not in stay}
                continue
            free = [urn for urn in waiting if not holders[urn]]
            if not free:
                # They hold one another: labels say what each was made from, and the program has been turned round.
                free = [min(waiting, key=lambda urn: len(holders[urn]))]
            steps = [waiting.pop(urn) for urn in free]
            errors = pool.map(lambda step: _delete(step, items[step.urn], context), steps)
            for step, error in zip(steps, errors, strict=True):
                if error:
                    stay.add(step.urn)
                    failed.append(error)
    context.interrupts.check()
    if failed:
        raise failed[0]


def _holders(urn: str, items: Mapping[str, Existing], left: Iterable[str]) -> set[str]:
    """Those not deleted (yet) that depend on `urn`."""
    return {
        other for other in left if other != urn and urn in {*items[other].applied.needs, *items[other].applied.parents}
    }


def _delete(step: Step, item: Existing, context: Context) -> EngineError | None:
    """What went wrong, after it has been said."""
    try:
        with context.interrupts, context.listener.under_way(step):
            context.hosts.handler_of(item).delete(item, item.applied.inputs)
    except EngineError as error:
        context.listener.said(Diagnostic("error", str(error), step.urn))
        return error
    return None


def prune(context: Context) -> None:
    """Removes earlier builds of the stack's images that nothing uses any more."""
    for handler in context.hosts.opened():
        try:
            handler.prune(f"{LABEL_STACK}={context.stack_id}")
        except EngineError:
            continue  # tidying only; whatever is left goes with a later run
