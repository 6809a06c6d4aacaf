"""Hands a stack over to Pulumi: `python -m ops.to_pulumi STACK`. Containers, volumes and networks are not touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bootstrap.wrapper import user
from engine.docker.hosts import Hosts
from engine.errors import EngineError
from engine.workspace import Workspace
from ops.stack import ROOT, OpsError
from ops.to_pulumi.found import found
from ops.to_pulumi.state import resources


def pulumi(stack: str, *words: str) -> str:
    """What `pulumi WORDS` prints. Raises OpsError with what it says."""
    done = subprocess.run(
        ["./pulumiw", *words, "--stack", stack, "--non-interactive"],
        cwd=ROOT,
        env={**os.environ, "REDIS_HA_ENGINE": "pulumi"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OpsError(f"`pulumi {words[0]} {words[1]}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def hand_over(stack: str, folder: Path) -> int:
    """Does it, with files in `folder`, which nobody else may read. The number of resources. Raises OpsError."""
    plan, before, after = (folder / name for name in ("plan.json", "before.json", "after.json"))
    workspace = Workspace(ROOT, stack)
    workspace.start(program=True)
    with workspace.locked():
        there = found(workspace)
        pulumi(stack, "preview", "--save-plan", str(plan), "--show-secrets")
        pulumi(stack, "stack", "export", "--file", str(before))
        empty = json.loads(before.read_text())
        if known := empty["deployment"].get("resources"):
            _refuse_another(stack)
            _give_away(there.context.hosts)
            return sum(state["custom"] for state in known)
        deployment: dict[str, Any] = dict(empty["deployment"])
        made = resources(json.loads(plan.read_text())["resourcePlans"], there.answers, there.outputs)
        after.write_text(json.dumps({**empty, "deployment": {**deployment, "resources": made}}))
        pulumi(stack, "stack", "import", "--file", str(after))
        try:
            pulumi(stack, "preview", "--expect-no-changes", "--diff")
        except OpsError as error:
            pulumi(stack, "stack", "import", "--file", str(before))
            raise OpsError(f"Pulumi would change something, and has been told to forget the stack:\n{error}") from None
        _give_away(there.context.hosts)
    return sum(state["custom"] for state in made)


def _give_away(hosts: Hosts) -> None:
    """Notes that the stack is Pulumi's from now on."""
    hosts.write_notes(hosts.notes.next(given=True))


def _refuse_another(stack: str) -> None:
    """What Pulumi has already may be what a try that was cut off has given it. Raises OpsError where it is not."""
    try:
        pulumi(stack, "preview", "--expect-no-changes", "--diff")
    except OpsError as error:
        raise OpsError(f"Pulumi has a stack {stack} already, which is not empty, nor this one:\n{error}") from None


def main(stack: str) -> int:
    """Says what it has done, or why not."""
    user.passphrase()
    for polite in (signal.SIGTERM, signal.SIGHUP):  # so that the files with secrets go
        if signal.getsignal(polite) != signal.SIG_IGN:  # which is what `nohup` is for
            signal.signal(polite, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory() as folder:
            count = hand_over(stack, Path(folder))
    except (OpsError, EngineError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped; run again, it goes on from here\n")
        return 130
    print(f"Pulumi has stack {stack} now, with {count} resources, and would change nothing.")
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1]))
