"""What runs of a stack, in which role, and whether anything is wrong.

The exit code says how it is: 0 healthy; 1 degraded: writes go on, and something is not as it should be; 2 down: no
node, or more than one, takes writes; 3: it could not be found out; 64: wrong arguments. (`make status` turns all but 0
into make's own 2: call `.venv/bin/python -m ops.status` where the difference matters.)
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from rich.live import Live

from ops.stack import OpsError
from ops.status.look import Lookout
from ops.status.messages import Finding, Health
from ops.status.show import console, document, picture
from ops.status.verdict import findings, health

USAGE = 64
EVERY = 2.0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="python -m ops.status", description=__doc__)
    parser.add_argument("--stack", default="dev", help="which one (default dev)")
    parser.add_argument("--json", action="store_true", help="for machines; with --watch a document a line")
    parser.add_argument("--watch", action="store_true", help=f"look again every {EVERY:g} s, until Ctrl-C")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Look, show, and return the exit code: with --watch that of the last look."""
    arguments = _arguments(argv)
    try:
        lookout = Lookout(arguments.stack)
    except OpsError as error:
        sys.stderr.write(f"error: {error}\n")
        return Health.UNKNOWN
    if arguments.watch:
        return _watch(lookout, arguments.json)
    facts = lookout.look()
    found = findings(facts)
    if arguments.json:
        print(json.dumps(document(facts, found), indent=2))
    else:
        console().print(picture(facts, found))
    return health(found)


def _watch(lookout: Lookout, as_json: bool) -> int:
    found: list[Finding] = []
    try:
        if as_json:
            while True:
                facts = lookout.look()
                found = findings(facts)
                print(json.dumps(document(facts, found)), flush=True)
                time.sleep(EVERY)
        with Live(console=console(), auto_refresh=False) as live:
            while True:
                facts = lookout.look()
                found = findings(facts)
                live.update(picture(facts, found), refresh=True)
                time.sleep(EVERY)
    except KeyboardInterrupt:
        return health(found)


if __name__ == "__main__":
    sys.exit(main())
