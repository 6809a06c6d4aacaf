"""The engine's commands as processes that are forked where the imports are done: quick ones, and ones to be cut off."""

from __future__ import annotations

import functools
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
PATIENCE = 120
"""Seconds that a command may take on a busy machine."""


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    """The exit code; -9 for one that was killed."""
    output: str
    seconds: float
    marks: tuple[float, ...]
    """When it began to ask Docker for a change, in seconds since its start."""


@dataclass(frozen=True)
class Cut:
    """When a command gets which signal: so many `seconds` after it has begun its `after`-th change."""

    number: signal.Signals
    after: int
    seconds: float


def moments(whole: Done, points: int, number: signal.Signals) -> list[Cut]:
    """`points` ever later moments of a command that has run like `whole`.

    They are counted from the latest change before, so that they mean the same on a machine that is busier by then.
    """
    found = []
    for point in range(points):
        moment = whole.seconds * (point + 0.5) / points
        begun = [mark for mark in whole.marks if mark <= moment]
        found.append(Cut(number, len(begun), moment - (begun[-1] if begun else 0.0)))
    return found


class Runs:
    """Runs the engine's commands in a project's directory, one after the other."""

    def __init__(self, directory: Path, server: subprocess.Popen[str], marks: int) -> None:
        self.directory = directory
        self._server = server
        self._marks = marks

    def __call__(self, *arguments: str, cut: Cut | None = None) -> Done:
        orders, answers = self._server.stdin, self._server.stdout
        assert orders and answers
        output = self.directory / "output.txt"
        print(json.dumps(arguments), file=orders, flush=True)
        process = int(answers.readline())
        began = time.monotonic()
        marks: list[float] = []
        while not _ready(answers):
            left = PATIENCE - (time.monotonic() - began)
            if cut and len(marks) >= cut.after:
                left = (marks[cut.after - 1] if cut.after else 0.0) + cut.seconds - (time.monotonic() - began)
            if left <= 0:
                with suppress(ProcessLookupError):
                    os.kill(process, cut.number if cut else signal.SIGKILL)
                cut = None
            select.select([self._marks, answers.fileno()], [], [], max(left, 0.0))
            if _ready(self._marks):
                marks += [time.monotonic() - began] * len(os.read(self._marks, 100))
        code = int(answers.readline())
        seconds = time.monotonic() - began
        while _ready(self._marks):
            os.read(self._marks, 100)
        return Done(code, output.read_text(), seconds, tuple(marks))

    def well(self, *arguments: str) -> Done:
        """A command that must succeed."""
        done = self(*arguments)
        assert done.code == 0, done.output
        return done


def _ready(stream: IO[str] | int) -> bool:
    """Whether there is something to read."""
    return bool(select.select([stream], [], [], 0.0)[0])


@contextmanager
def serving(directory: Path, environment: dict[str, str]) -> Iterator[Runs]:
    """A server that forks the commands; it ends with the block."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [sys.executable, __file__, str(writing)],
        cwd=directory,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[writing],
    )
    try:
        yield Runs(directory, server, reading)
    finally:
        assert server.stdin
        server.stdin.close()
        server.wait(PATIENCE)
        os.close(reading)
        os.close(writing)


def _serve(marks: int) -> None:
    """For each line of arguments: forks the engine, says the process, then its exit code."""
    import docker.api
    import grpc  # noqa: F401 (so that the commands need not)
    import pulumi_docker  # noqa: F401

    from engine import deploy, stack_commands  # noqa: F401
    from engine.cli import main
    from engine.files import secrets
    from engine.workspace import Workspace

    secrets.derive_key = functools.cache(secrets.derive_key)
    Workspace(Path.cwd(), None).crypter()  # its key takes longest
    send = docker.api.APIClient.send

    def marked(self: docker.api.APIClient, request: object, **options: object) -> object:
        if getattr(request, "method", "") != "GET":
            os.write(marks, b".")
        return send(self, request, **options)  # type: ignore[arg-type]

    docker.api.APIClient.send = marked  # type: ignore[method-assign,assignment]
    for line in sys.stdin:
        child = os.fork()
        if not child:
            output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(output, 1)
            os.dup2(output, 2)
            try:
                code = main(json.loads(line))
            except BaseException:  # noqa: BLE001 (whatever it is, this process ends here)
                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            os._exit(code)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    _serve(int(sys.argv[1]))
