"""Runs the project's Pulumi program, unchanged and in this process."""

import asyncio
import io
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from engine.errors import EngineError
from engine.files.config import Config
from engine.files.project import Project
from engine.run.carry_out import Run
from engine.run.steps import Diagnostic

PARALLEL = 16
"""Registrations under way at once."""


class LineWriter(io.TextIOBase):
    """A text stream that hands on whole lines."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._take(line)
        return len(text)

    def finish(self) -> None:
        if self._rest:
            self._take(self._rest)
            self._rest = ""


def run_program(project: Project, config: Config, run: Run) -> None:
    """Runs the program to its end; EngineError when it or a step failed (shown to the listener already)."""
    if not project.main.is_file():
        raise EngineError(f"unable to find main python program `{project.main.name}` in `{project.main.parent}`")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its log lines are no news to anyone
    os.environ["REDIS_HA_ENGINE"] = "embedded"  # nobody need stand for a Docker that its preview does not reach
    import pulumi
    from pulumi.runtime import settings as sdk_settings
    from pulumi.runtime.config import set_all_config

    from engine.run.monitor import EmbeddedMonitor

    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # as Pulumi does: a failed run leaves futures unobserved
    _forget_modules(project.root)
    context = run.context
    set_all_config(config.values, sorted(config.secret_keys))
    sdk_settings.ROOT.set(None)
    monitor = EmbeddedMonitor(run)
    settings = sdk_settings.Settings(
        project=context.project,
        stack=context.stack,
        monitor=monitor,
        engine=monitor,
        parallel=PARALLEL,
        dry_run=context.dry_run,
        organization="organization",
        root_directory=str(project.root),
    )
    sdk_settings.configure(settings)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(PARALLEL)
    loop.set_default_executor(executor)
    say = context.listener.said
    output = LineWriter(lambda line: say(Diagnostic("info", line)))
    error: BaseException | None = None
    with _surroundings(project.main), redirect_stdout(output), redirect_stderr(output):
        try:

            async def main() -> None:
                runpy.run_path(str(project.main), run_name="__main__")
                await _settled()

            loop.run_until_complete(pulumi.runtime.run_in_stack(main))
        except (Exception, SystemExit) as caught:  # noqa: BLE001 (anything a program may raise)
            error = caught
        finally:
            executor.shutdown(wait=True)
            loop.close()
            output.finish()
    if run.failure is not None:
        raise run.failure
    if error is not None and not (isinstance(error, SystemExit) and not error.code):
        message = _explain(error, project.main)
        say(Diagnostic("error", message))
        raise EngineError("the program failed")


async def _settled() -> None:
    """Waits for all that the program has begun, or for the first that fails; the SDK then tells what has become of it.

    The SDK waits too, but looks at all of what is left, some hundreds, whenever one of them ends.
    """
    from pulumi.runtime.settings import SETTINGS

    while left := [one for one in SETTINGS.outputs if not one.done()]:
        ended, _ = await asyncio.wait(left, return_when=asyncio.FIRST_EXCEPTION)
        if any(one.cancelled() or one.exception() for one in ended):
            return


def _explain(error: BaseException, main: Path) -> str:
    import pulumi

    if isinstance(error, EngineError | pulumi.RunError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"Program exited with non-zero exit code: {error.code}"
    frames = traceback.extract_tb(error.__traceback__)
    skip = next((index for index, frame in enumerate(frames) if Path(frame.filename).resolve() == main.resolve()), 0)
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=-(len(frames) - skip)))
    return f"Program failed with an unhandled exception:\n{text}"


def _forget_modules(root: Path) -> None:
    """Drops the program's own modules, so that each run starts afresh as in a process of its own.

    What is found without it, by a folder of the path's own, is a package that the program uses, and stays.
    """
    home = str(root.resolve()) + os.sep
    folders = {str(Path(entry).absolute()) + os.sep for entry in sys.path} - {home}
    kept = (
        *(folder for folder in folders if folder.startswith(home)),
        str(Path(__file__).resolve().parents[1]) + os.sep,
    )
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        path = os.path.abspath(file) if file and name != "__main__" else ""  # noqa: PTH100 - a thousand of them
        if path.startswith(home) and not path.startswith(kept):
            del sys.modules[name]


@contextmanager
def _surroundings(main: Path) -> Iterator[None]:
    """The program's working directory, import path and arguments, and back."""
    before = Path.cwd(), list(sys.path), list(sys.argv)
    os.chdir(main.parent)
    sys.path.insert(0, str(main.parent))
    sys.argv = [str(main)]
    try:
        yield
    finally:
        os.chdir(before[0])
        sys.path[:], sys.argv = before[1], before[2]
