"""`make backup`, `make backups` and `make restore`: each is a command in the stack's container of kind `backup`.

python -m ops.backup now|list|restore [--stack STACK] [--from ID|latest|FILE.rdb] [--any-stack] [--check] ...
"""

import argparse
import contextlib
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ops import point_in_time
from ops.sending import sent
from ops.stack import OpsError, daemons, identity
from redis_ha.docker.daemon import Daemon, DaemonError

PROGRAM = "redis-ha-backup"
RUN = "REDIS_HA_RUN"
"""In its environment: what tells this command there from those of others."""
ANSWER_SECONDS = 20
"""For the question where it runs."""
SECONDS = 3600
"""Without a word from the container."""
INTERRUPTED = 130
LEFT_ALONE = "left alone: the command may go on in its container\n"
ONE_STOP_S = 1.0
"""Within which two signals are one: make passes its own on, beside that of the group."""
OPTIONS = ("any-stack", "check", "empty-first")
FOLDER = "/data"  # in the container
SNAPSHOT = re.compile(r"latest|[0-9a-f]{4,64}")


def find(stack: str) -> tuple[Daemon, str]:
    """Where the stack's backup runs, and its container's name. Raises OpsError."""
    silent = []
    for daemon in daemons(stack, ANSWER_SECONDS):
        try:
            for one in daemon.containers(identity(stack)):
                if one.kind == "backup" and one.status == "running":
                    return Daemon(daemon.host, SECONDS), one.name
        except DaemonError as error:
            silent.append(str(error))
    why = "; ".join(silent) or "is the setting `backup` on, and the stack up? See docs/operate.md"
    raise OpsError(f"no container of stack {stack} takes backups: {why}")


def run_at(
    at: tuple[Daemon, str], *words: str, file: Path | None = None, environment: Mapping[str, str] | None = None
) -> int:
    """The exit code of a command there, where `find` has found; what it says is shown as it comes. Raises OpsError."""
    daemon, container = at
    try:
        if file is not None:
            _send(daemon, container, file, words[1])
        run = secrets.token_hex(8)
        with _stopping(at, words[0], run) as stopped:
            for said in daemon.follow(container, PROGRAM, *words, environment={**(environment or {}), RUN: run}):
                if isinstance(said, int):
                    return INTERRUPTED if said and stopped() else said
                sys.stdout.write(said)
                sys.stdout.flush()
    except DaemonError as error:
        raise OpsError(str(error)) from None
    raise OpsError("the container has not said how it has ended")


@contextmanager
def _stopping(at: tuple[Daemon, str], name: str, run: str) -> Iterator[Callable[[], bool]]:
    """What would end this process ends the command there, which would go on otherwise; whether that has been asked for.

    The command has the last word: in its last step it goes on to its end. Asked for a second time, this process ends by
    itself: the command may not be heard any more.
    """
    asked = threading.Event()
    asked_at = 0.0

    def stop() -> None:
        with contextlib.suppress(DaemonError):
            Daemon(at[0].host, ANSWER_SECONDS).run(at[1], PROGRAM, "stop", name, run)

    def signalled(*_: object) -> None:
        nonlocal asked_at
        now = time.monotonic()
        if asked.is_set() and now - asked_at > ONE_STOP_S:
            raise KeyboardInterrupt
        if asked.is_set():
            return
        asked_at = now
        asked.set()
        threading.Thread(target=stop).start()

    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # What is ignored stays so: that is what `nohup` is for.
    before = {one: signal.signal(one, signalled) for one in ends if signal.getsignal(one) != signal.SIG_IGN}
    try:
        yield asked.is_set
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def restore_at(stack: str, text: str, node: str, options: Sequence[str]) -> int:
    """Of the append-only file of a node that leads back to that time. Raises OpsError."""
    at = point_in_time.parse(text)
    backup = find(stack)
    windows = point_in_time.windows(stack)
    for window in windows:
        sys.stdout.write(f"{window}\n")
    fitting = point_in_time.fitting(windows, at, node)
    if not fitting:
        of = f" of {node}" * bool(node)
        raise OpsError(f"no append-only file{of} leads back to {point_in_time.shown(at)} and has all of that second")
    log = _incoming("aof")
    sys.stdout.write(f"taking that of {fitting[0].node}\n")
    sys.stdout.flush()
    try:
        with sent(*backup, FOLDER) as parcel:
            point_in_time.pack(fitting[0], parcel, log)
    except DaemonError as error:
        raise OpsError(str(error)) from None
    return run_at(backup, "restore-at", str(at), f"{FOLDER}/{log}", *options)


def _incoming(kind: str) -> str:
    """A name of its own: another one may still wait for its turn there."""
    return f"incoming-{secrets.token_hex(4)}.{kind}"


def _send(daemon: Daemon, container: str, file: Path, place: str) -> None:
    if not file.is_file():
        raise OpsError(f"there is no file {file}")
    with file.open("rb") as stream, sent(daemon, container, FOLDER) as parcel:
        parcel.file(Path(place).name, file.stat().st_size, stream)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.backup")
    parser.add_argument("command", choices=["now", "list", "restore"])
    parser.add_argument("--stack", default="dev")
    parser.add_argument(
        "--from", dest="source", default="", help="a snapshot's id, latest, a file *.rdb; with AT a node"
    )
    parser.add_argument("--at", default="", help="the last second that is restored, such as 2026-11-27T18:00:00Z")
    for option in OPTIONS:
        parser.add_argument(f"--{option}", action="store_true")
    arguments = parser.parse_args(argv)
    options = [name for name in OPTIONS if getattr(arguments, name.replace("-", "_"))]
    if arguments.command == "restore" and not arguments.source and not arguments.at:
        parser.error("FROM= is missing: a snapshot's id (make backups lists them), latest, or a file *.rdb")
    file = Path(arguments.source) if arguments.source.endswith(".rdb") else None
    if arguments.command == "restore" and not arguments.at and not file and not SNAPSHOT.fullmatch(arguments.source):
        parser.error(f"FROM={arguments.source}: allowed: a snapshot's id (make backups lists them), latest, or *.rdb")
    words = [arguments.command]
    if arguments.command == "restore":
        words += [f"{FOLDER}/{_incoming('rdb')}" if file else arguments.source, *options]
    try:
        if arguments.command == "restore" and arguments.at:
            return restore_at(arguments.stack, arguments.at, arguments.source, options)
        return run_at(find(arguments.stack), *words, file=file)
    except (OpsError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(LEFT_ALONE)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
