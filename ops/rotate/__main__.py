"""`make rotate WHAT=password|system|certs`: the steps of docs/security.md, each rolled out before the next.

It may be stopped at any moment, by any signal: how far it has come stands beside the secrets, and run again it goes on
from there. python -m ops.rotate WHAT [--stack STACK] [--finish] [--stdin]
"""

import argparse
import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pulumi

from bootstrap.wrapper.stack_file import state_folder
from engine.errors import EngineError
from ops.rotate.places import Place, place_of
from ops.rotate.steps import SETTING, WHAT, Rotation, Step, check, rotation
from ops.stack import ROOT, OpsError, outputs
from ops.status.look import Lookout
from ops.status.messages import Message
from ops.status.verdict import findings
from redis_ha.settings.fields import not_a_password
from redis_ha.settings.generated import GeneratedError
from redis_ha.tls.dev_certificates import NotOursError, renewed

SETTLES = 60.0
"""Seconds after a roll-out in which all must be well again."""
NOT_IN_THE_WAY = {
    Message.EXPIRES,
    Message.BACKUP_OLD,
    Message.BACKUP_FAILED,
    Message.NO_BACKUPS,
    Message.NEARLY_FULL,
}
"""What status says of a stack whose nodes can be rolled all the same."""


class Run:
    """One call: the rotation of `what` in a stack, from where it stands to its end, or to where clients come in."""

    def __init__(self, stack: str, what: str, finish: bool, new: str | None) -> None:
        self.stack, self.what, self.finish, self._given = stack, what, finish, new is not None
        self.place: Place = place_of(stack, SETTING[what])
        self.asked: Rotation = rotation(what, self.place, new, lambda: _certificates(stack))

    def go(self) -> None:
        """Raises OpsError; what is done by then stays done."""
        steps = self.asked.steps
        mark = self.place.mark(self.what)
        if mark is None:
            self._begin()
            done = 0
        elif self._given:
            raise OpsError("a rotation is under way, with a password of its own: run it again without --stdin")
        else:
            done = 1 + next((i for i, step in enumerate(steps) if step.mark == mark), len(steps))
            if done > len(steps):
                raise OpsError(f"the rotation stands at {mark!r}, which is no step of it")
            self._say(done, "goes on: " + steps[done - 1].says)
            self._roll()
        for number, step in enumerate(steps[done:], done + 1):
            if step.waits_for_clients and not self.finish:
                self._hand_to_clients()
                return
            self._say(number, step.says)
            self._take(step)
        self.place.change({}, self.what, None)
        sys.stdout.write(f"rotated: {self.what} of stack {self.stack}\n")

    def _begin(self) -> None:
        if self.finish:
            raise OpsError(f"no rotation of {self.what} is under way, so there is none to finish")
        check(self.asked, self.place.values(), place_of(self.stack, "systemPassword").values().get("systemPassword"))
        outputs(self.stack)  # a passphrase that is not the stack's shows here, before anything is changed
        if self.what != "certs":  # where one has expired, a new one is what mends it
            self._wait_until_well(0.0)

    def _take(self, step: Step) -> None:
        self.place.change(step.change(self.place.values()), self.what, step.mark)
        self._roll()

    def _roll(self) -> None:
        command = ["./pulumiw", "up", "--yes", "--skip-preview", "--stack", self.stack]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL) as running:
            code = _ended(running)
        if code:
            raise OpsError(f"stopped: the roll-out ended with {code}. {self._again()}")
        self._wait_until_well(SETTLES)

    def _wait_until_well(self, within: float) -> None:
        lookout, deadline = Lookout(self.stack), time.monotonic() + within
        while wrong := [one for one in findings(lookout.look()) if one.message not in NOT_IN_THE_WAY]:
            if time.monotonic() > deadline:
                raise OpsError(f"stopped: {wrong[0].text}. {self._again()}")
            time.sleep(1.0)

    def _again(self) -> str:
        return f"Mend that and run it again: make rotate WHAT={self.what} STACK={self.stack}"

    def _hand_to_clients(self) -> None:
        sys.stdout.write(
            "both passwords are accepted. Give the clients the new one:\n"
            f"  ./pulumiw stack output password --show-secrets --stack {self.stack}\n"
            f"When all have it, take the old one away: make rotate WHAT={self.what} FINISH=1 STACK={self.stack}\n"
        )

    def _say(self, number: int, text: str) -> None:
        sys.stdout.write(f"step {number} of {len(self.asked.steps)}: {text}\n")
        sys.stdout.flush()


def _ended(running: "subprocess.Popen[bytes]") -> int:
    """Its exit code. Ctrl-C reaches it too, and it ends in its own way."""
    while True:
        try:
            return running.wait()
        except KeyboardInterrupt:
            continue


def _certificates(stack: str) -> dict[str, Any]:
    try:
        return renewed(stack)[0]
    except NotOursError:
        raise OpsError(
            "the certificates are of a CA of your own: have it issue a new one, and set it:\n"
            f"  ./pulumiw config set --secret --path tls.cert --stack {stack} < cert.pem\n"
            f"  ./pulumiw config set --secret --path tls.key --stack {stack} < key.pem\n"
            f"  make up STACK={stack}"
        ) from None
    except pulumi.RunError as error:
        raise OpsError(str(error)) from None


@contextmanager
def _alone(stack: str) -> Iterator[None]:
    """One rotation of a stack at a time. Raises OpsError."""
    folder = state_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"rotate-{stack.replace('/', '-')}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OpsError(f"another rotation of stack {stack} is at work") from None
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.rotate", description=__doc__)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--finish", action="store_true", help="all clients have the new password")
    parser.add_argument("--stdin", action="store_true", help="the new password is read from there instead of made")
    arguments = parser.parse_args(argv)
    if arguments.stdin and arguments.what == "certs":
        parser.error("--stdin: certificates are made here, or set as docs/security.md says")
    new = sys.stdin.readline().strip() if arguments.stdin else None
    if new is not None and (why := not_a_password(new)):
        parser.error(f"--stdin: {why}")
    try:
        with _alone(arguments.stack):
            Run(arguments.stack, arguments.what, arguments.finish, new).go()
    except (OpsError, GeneratedError, EngineError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped; run again, it goes on from here\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
