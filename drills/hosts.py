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
from typing import Protocol

from drills.errors import DrillError
from drills.stack import NAMESPACE, Stack

COMMANDS = ("powerOff", "powerOn", "cutOff", "heal", "powerOnBlank")
COMMAND_SECONDS = 600.0


class HostControl(Protocol):
    """What can be done to a host, by its name; each returns when it is done, or raises DrillError."""

    def power_off(self, host: str) -> None:
        """Take its power, without any warning."""

    def power_on(self, host: str) -> None:
        """Give it back; its Docker answers when this returns."""

    def power_on_blank(self, host: str) -> None:
        """The same, with nothing of the stack left on it."""

    def cut_off(self, host: str) -> None:
        """Let nothing from or to it pass the network."""

    def heal(self, host: str) -> None:
        """Undo `cut_off`."""

    def lacks(self, *actions: str) -> str | None:
        """Why one of these (by the names of COMMANDS) cannot be had; None when all can."""


class Commands:
    """HostControl by the commands in a stack's config."""

    def __init__(self, commands: Mapping[str, str]) -> None:
        self._commands = dict(commands)

    @classmethod
    def of(cls, stack: Stack) -> "Commands":
        """Those of a stack's config. Raises DrillError for a value that is none."""
        value = stack.config(f"{NAMESPACE}:hosts") or {}
        if (
            not isinstance(value, dict)
            or not all(isinstance(v, str) for v in value.values())
            or set(value) - {*COMMANDS}
        ):
            raise DrillError(f"{NAMESPACE}:hosts: {value!r}: allowed: commands (texts) by {', '.join(COMMANDS)}")
        return cls(value)

    def power_off(self, host: str) -> None:
        self._run("powerOff", host)

    def power_on(self, host: str) -> None:
        self._run("powerOn", host)

    def power_on_blank(self, host: str) -> None:
        self._run("powerOnBlank", host)

    def cut_off(self, host: str) -> None:
        self._run("cutOff", host)

    def heal(self, host: str) -> None:
        self._run("heal", host)

    def lacks(self, *actions: str) -> str | None:
        missing = [f"{NAMESPACE}:hosts {a}" for a in actions if a not in self._commands]
        return f"no command is set for it: {', '.join(missing)}" if missing else None

    def _run(self, action: str, host: str) -> None:
        # Split first, so that a name is one word whatever is in it.
        command = [word.replace("{host}", host) for word in shlex.split(self._commands[action])]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DrillError(f"{action} of {host}: {error}") from None
        if done.returncode != 0:
            raise DrillError(f"{action} of {host} ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
