"""A stack as its operator has it: its outputs, and the Docker of each of its hosts."""

import subprocess
from pathlib import Path

from pydantic import ValidationError

from bootstrap.hosts import hosts_of
from bootstrap.wrapper import stack_file
from redis_ha.docker.daemon import Daemon
from redis_ha.outputs import Outputs, OutputsError
from redis_ha.plan.identity import Identity
from redis_ha.settings.hosts import Host

ROOT = Path(__file__).resolve().parent.parent


class OpsError(Exception):
    """Something an operator can act on: shown as one line, never as a stack trace."""


def identity(stack: str) -> Identity:
    """The cluster of this project's own program: other programs may have a stack of that name on the same Docker."""
    return Identity(stack_file.PROJECT, stack.rpartition("/")[2])


def file_of(stack: str) -> Path:
    """The stack's file; it need not be there."""
    return ROOT / f"Pulumi.{stack.rpartition('/')[2]}.yaml"


def outputs_text(stack: str) -> str:
    """The stack's outputs as JSON, secrets in plain text. Raises OpsError with what Pulumi, or the engine, says."""
    done = subprocess.run(
        ["./pulumiw", "stack", "output", "--json", "--show-secrets", "--stack", stack],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")] or done.stderr.splitlines()
        raise OpsError(" ".join(lines).removeprefix("error: ") or f"./pulumiw ended with {done.returncode}")
    return done.stdout


def outputs(stack: str) -> Outputs:
    """The same, typed. Raises OpsError."""
    try:
        return Outputs.from_json(stack, outputs_text(stack))
    except OutputsError as error:
        raise OpsError(str(error)) from None


def daemons(stack: str, within: int) -> list[Daemon]:
    """The Docker of each host of the stack, or that of the environment; `within`: seconds for each question.

    Raises OpsError when the hosts' certificates cannot be decrypted.
    """
    if "hosts" not in stack_file.settings(stack_file.load(file_of(stack))):
        return [Daemon(None, within)]
    try:
        hosts = [Host.model_validate(host) for host in hosts_of(stack, None)]
    except SystemExit:
        raise OpsError(f"the setting hosts of stack {stack} cannot be read") from None
    except ValidationError as error:  # whose own text has a piece of what was given in it
        wrong = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise OpsError(f"the setting hosts of stack {stack}: {'; '.join(wrong)}") from None
    return [Daemon(host, within) for host in hosts] or [Daemon(None, within)]
