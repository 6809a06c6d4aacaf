"""Power and cables of whole hosts, in the hands of whoever runs them.

A drill has no power switch. The stack's config names the commands, each for a host that takes the place of `{host}`:

config:
redis-ha-drill:hosts:
  powerOff: ipmitool -H {host}-bmc chassis power off
  powerOn: ipmitool -H {host}-bmc chassis power on
  cutOff: switch port-down {host}
  heal: switch port-up {host}
  powerOnBlank: reinstall {host}
"""

import shlex
import subprocess
from collections.abc import Mapping
from typing import Literal, Protocol, get_args

from drills.target.errors import DrillError
from drills.target.stack import NAMESPACE, Stack

Action = Literal["powerOff", "powerOn", "powerOnBlank", "cutOff", "heal"]
COMMAND_SECONDS = 600.0


class HostControl(Protocol):
    """What can be done to a host."""

    def do(self, action: Action, host: str) -> None:
        """Returns when it is done, or raises DrillError.

        After `powerOn` the host's Docker answers, after `powerOnBlank` too, with nothing of the stack left there.
        """

    def lacks(self, *actions: Action) -> str | None:
        """Why one of these cannot be had; None when all can."""


class Commands:
    """HostControl by the commands in a stack's config."""

    def __init__(self, commands: Mapping[Action, str]) -> None:
        self._commands = dict(commands)

    @classmethod
    def of(cls, stack: Stack) -> "Commands":
        """Those of a stack's config. Raises DrillError for a value that is none."""
        allowed = f"commands (texts) by {', '.join(get_args(Action))}"
        return cls(stack.drill_setting("hosts", dict[Action, str], allowed) or {})

    def do(self, action: Action, host: str) -> None:
        # Split first, so that a name is one word whatever is in it.
        command = [word.replace("{host}", host) for word in shlex.split(self._commands[action])]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DrillError(f"{action} of {host}: {error}") from None
        if done.returncode != 0:
            raise DrillError(f"{action} of {host} ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")

    def lacks(self, *actions: Action) -> str | None:
        missing = [f"{NAMESPACE}:hosts {a}" for a in actions if a not in self._commands]
        return f"no command is set for it: {', '.join(missing)}" if missing else None
