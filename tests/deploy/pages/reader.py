"""Somebody who reads the pages, and types what they say."""

import os
import pty
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from drills.target.stack import Stack
from tests.pages import OURS, ROOT, lines

SAID = {line for page in OURS for line in lines(page.read_text())}
# What the pages call the stack.
STACK = re.compile(r"(--stack |STACK=)(?:dev|prod|STACK)\b")
SECONDS = 300


@dataclass(frozen=True)
class Reader:
    """Types a page's line in the project's folder, for `stack`, which a command is about that names none.

    `own` is what of a line is each reader's own, and what it is here; `more` is what a line leaves to its reader, at
    its end; `stdin` is typed, and `environment` is set before.
    """

    stack: Stack

    def __call__(
        self,
        line: str,
        own: Mapping[str, str] | None = None,
        more: str = "",
        stdin: str = "",
        code: int = 0,
        **environment: str,
    ) -> str:
        """What it says on both streams; it ends with that code."""
        began = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", self._typed(line, own or {}, more)],
            cwd=ROOT,
            env=self._environment(environment),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        print(f"{time.monotonic() - began:5.1f} s  {line}")
        assert done.returncode == code, f"`{line}` ended with {done.returncode}:\n{done.stdout[-4000:]}"
        return done.stdout

    def watched(self, line: str, seen: str, times: int) -> None:
        """At a terminal, until `seen` has been shown so often; then Ctrl-C, which ends it."""
        terminal, theirs = pty.openpty()
        running = subprocess.Popen(
            ["bash", "-c", self._typed(line, {}, "")],
            cwd=ROOT,
            env=self._environment({"TERM": "xterm"}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        late = threading.Timer(SECONDS, running.kill)
        late.start()
        shown = ""
        try:
            while shown.count(seen) < times and (piece := _read(terminal)):
                shown += piece
            assert shown.count(seen) >= times, shown
            os.killpg(running.pid, signal.SIGINT)
            while piece := _read(terminal):
                shown += piece
            running.wait(SECONDS)
            assert "Traceback" not in shown
        finally:
            late.cancel()
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            os.close(terminal)

    def _typed(self, line: str, own: Mapping[str, str], more: str) -> str:
        assert line in SAID, f"no page says `{line}`"
        typed = STACK.sub(rf"\1{self.stack.name}", line)
        for words, mine in own.items():
            assert words in typed, f"`{words}` is not in `{line}`"
            typed = typed.replace(words, mine)
        return f"{typed} {more}"

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        # Not what `make test` was given, where it runs this.
        given = {"MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL", "ARGS"}
        return {
            **{name: value for name, value in os.environ.items() if name not in given},
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            "STACK": self.stack.name,
            "PULUMI_STACK": self.stack.name,
            **self.stack.environment,
            **more,
        }


def _read(terminal: int) -> str:
    """What is shown next; empty at the end."""
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:  # the other end is closed
        return ""
