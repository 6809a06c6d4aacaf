"""What runs where of a stack with several hosts: `python bootstrap/status_of_hosts.py STACK`.

First a picture of the placement, node by host, with the role that each node has now; then what each says of itself.
"""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from bootstrap.hosts import answers, environment, hosts_of  # noqa: E402 - a script's own folder is all that is on its path

NO_ANSWER = "no answer"
Lines = list[tuple[str, str, str]]


def lines_of(stack: str, host: dict[str, Any]) -> Lines | None:
    """Node, state and health of each container at `host`; None when its Docker does not answer."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(host, Path(folder))
        if not answers(env):
            return None
        script = Path(__file__).with_name("status")
        done = subprocess.run([str(script), stack], env=env, capture_output=True, text=True, check=False)
    words = (line.split(maxsplit=2) for line in done.stdout.splitlines())
    return [(line[0], line[1], line[2] if len(line) > 2 else "") for line in words]


def cell(state: str, health: str) -> str:
    """What the picture shows of a node."""
    if state != "running":
        return state
    word = health.split(maxsplit=1)[0].strip(",") if health else "?"
    return {"watching": "up", "healthy": "up", "NOT": "not joined"}.get(word, word)


def picture(hosts: list[dict[str, Any]], found: list[Lines | None]) -> str:
    """A row for each node, a column for each host."""
    pairs = list(zip(hosts, found, strict=True))
    notes = [NO_ANSWER if lines is None else "drained" * bool(host.get("drain")) for host, lines in pairs]
    columns = [{node: cell(state, health) for node, state, health in lines or []} for _, lines in pairs]
    nodes = sorted({node for cells in columns for node in cells}, key=_in_order)
    rows = [["", *(str(host["name"]) for host in hosts)]]
    rows += [["", *notes]] * any(notes)
    rows += [[node, *(cells.get(node, "·") for cells in columns)] for node in nodes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _in_order(node: str) -> tuple[str, int]:
    kind, _, index = node.rpartition("-")
    return (kind, int(index)) if index.isdigit() else (node, 0)


def main(stack: str) -> int:
    """Print it; 1 where nothing runs at all."""
    hosts = hosts_of(stack, None)
    with ThreadPoolExecutor(len(hosts) or 1) as pool:
        found = list(pool.map(lambda host: lines_of(stack, host), hosts))
    if not any(found):
        sys.stderr.write(f"error: stack {stack} has no containers on its hosts: make up STACK={stack}\n")
        return 1
    print(picture(hosts, found), end="\n\n")
    for host, lines in zip(hosts, found, strict=True):
        for node, state, health in lines or []:
            print(f"{host['name']:<12} {node:<14} {state:<10} {health}".rstrip())
        if lines is None:
            print(f"{host['name']:<12} {NO_ANSWER} at {host['docker']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
