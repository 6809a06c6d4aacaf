"""Everything that Docker holds of a stack, for commands that do not run its program; where need be it is asked."""

from collections.abc import Callable
from dataclasses import replace

from engine.docker.resource import Made
from engine.errors import EngineError
from engine.files.config import Config
from engine.files.project import Project
from engine.run.carry_out import Run
from engine.run.context import Context
from engine.run.declared import Declared
from engine.run.keep import known_inputs
from engine.run.program import run_program
from engine.run.providers import recall
from engine.run.steps import Diagnostic, Recorder


class _Asking(Run):
    """A run that learns where the stack's daemons are and what is to be retained, and leaves all alone."""

    def _register_custom(self, declared: Declared) -> Made:
        if declared.is_provider:
            return super()._register_custom(declared)
        return Made("", dict(declared.inputs))


def read_everything(context: Context, project: Project, config: Callable[[], Config], *, whole: bool = True) -> None:
    """Completes the inventory, and what is known of retention.

    The notes of the last update say it; where there are none, or none that can be read, the program. EngineError when
    a daemon does not answer that is not left out, and when the program cannot be asked though something is there.
    Without `whole` the daemons that answer are enough: their notes are what is asked for.
    """
    hosts = context.hosts
    recall(context)
    if not hosts.notes.number or any(known_inputs(context, urn) is None for urn in hosts.notes.providers):
        _ask_program(context, project, config)
    hosts.refuse_unreachable()
    for urn in hosts.providers:
        error = hosts.failed.get(urn)
        if whole and error is not None and not context.excludes.names(urn):
            advice = f"To go on without what is there: --exclude '**{_suffix(urn)}'"
            raise EngineError(f"{error}\n    {advice}", error.exit_code)


def _ask_program(context: Context, project: Project, config: Callable[[], Config]) -> None:
    silent = Recorder()
    run = _Asking(replace(context, dry_run=True, listener=silent))
    try:
        run_program(project, config(), run)
    except EngineError as error:
        context.hosts.refuse_unreachable()
        errors = [said.message for said in silent.diagnostics if said.severity == "error"]
        what = errors[0] if errors else str(error)
        if context.hosts.providers or context.inventory.by_urn:
            raise EngineError(
                f"{what}\n    The program was asked what it declares, since no run's notes say it.", error.exit_code
            ) from error
        message = f"nothing is at this Docker; whether something is at others, only the program could say: {what}"
        context.listener.said(Diagnostic("warning", message))
    hosts = context.hosts
    declared = {urn: one for one in run.registered.values() for urn in (*one.aliases, one.urn)}
    hosts.notes = replace(
        hosts.notes,
        retain={urn: bool(one.retain) for urn, one in declared.items()},
        protect={urn: bool(one.protect) for urn, one in declared.items()},
    )


def _suffix(provider: str) -> str:
    """What the URNs of all that is at a provider's daemon end in, where they are named by it: `.b` of `docker.b`."""
    name = provider.rsplit("::", 1)[-1]
    return name[name.index(".") :] if "." in name else f"::{name}"
