"""What status looks like on a terminal, and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ops.status.facts import Backup, Facts, Node
from ops.status.messages import Finding, Health
from ops.status.verdict import duration, health, lag_of, line

COLOUR = {Health.HEALTHY: "green", Health.DEGRADED: "yellow", Health.DOWN: "bold red", Health.UNKNOWN: "bold red"}
NONE = "-"


def console() -> Console:
    """Standard output, wide enough for the table where it is not a terminal."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(width=160, highlight=False)


def picture(facts: Facts, found: list[Finding]) -> RenderableType:
    """The table of nodes, what is wrong, and the verdict."""
    parts: list[RenderableType] = []
    if facts.nodes:
        parts.append(_table(facts))
    if facts.certificates:
        first = min(facts.certificates, key=lambda one: one.days)
        parts.append(Text(f"certificates: {first.days:.0f} days left ({first.of})"))
    parts.extend(Text(f"- {finding.text}", style=COLOUR[finding.level]) for finding in found[1:])
    parts.append(Text(line(facts, found), style=COLOUR[health(found)]))
    return Group(*parts)


def document(facts: Facts, found: list[Finding]) -> dict[str, Any]:
    """The same for machines. `health` is the exit code's word; `findings` have the names of ops/status/messages.py."""
    return {
        "stack": facts.stack,
        "health": health(found).name.lower(),
        "verdict": line(facts, found),
        "findings": [
            {"name": one.message.name.lower(), "level": one.level.name.lower(), "text": one.text} for one in found
        ],
        "nodes": [{**asdict(node), "role": node.role, "lag": lag_of(node, facts)} for node in facts.nodes],
        "certificates": [asdict(one) for one in facts.certificates],
    }


def _table(facts: Facts) -> Table:
    made = Table(box=None, pad_edge=False, header_style="dim")
    hosts = any(node.host for node in facts.nodes)
    for name in ("node", *(["host"] if hosts else []), "address", "role", "link", "lag", "offset", "memory", "version"):
        made.add_column(name, no_wrap=True, justify="right" if name in ("lag", "offset", "memory") else "left")
    made.add_column("what it says", overflow="fold")
    for node in facts.nodes:
        host = [node.host or NONE] if hosts else []
        made.add_row(node.name, *host, node.where or NONE, *_cells(node, facts), _words(node))
    return made


def _cells(node: Node, facts: Facts) -> Iterator[str]:
    data = node.data
    yield _role(node)
    if node.watch:
        watch = node.watch
        yield from (f"epoch {watch.epoch}", NONE, NONE, NONE, NONE)
        return
    if data is None:
        yield from [NONE] * 5
        return
    replica, lag = data.role == "replica", lag_of(node, facts)
    yield NONE if not replica else "up" if data.link else "down"
    yield f"{lag} s" if replica and lag is not None else NONE
    yield str(data.offset)
    yield f"{_size(data.memory)} of {_size(data.max_memory)}" if data.max_memory else _size(data.memory)
    yield data.version


def _role(node: Node) -> str:
    if node.container is not None and node.container.status != "running" and not node.container.machine:
        return node.container.status
    if node.kind == "sentinel":
        return "TILT" if node.watch and node.watch.tilt else "Sentinel"
    return node.role or (node.kind if node.kind in ("endpoint", "backup") else "?")


def _words(node: Node) -> str:
    if node.silence and not node.said:
        return node.silence
    if node.kind == "endpoint":
        return (node.container.health if node.container else None) or NONE
    if node.backup:
        return last_backup(node.backup)
    return node.said.why if node.said else NONE


def last_backup(backup: Backup) -> str:
    """Of what age it is, and of how many keys."""
    if backup.age is None:
        return "no backup yet"
    return f"last backup {duration(backup.age)} ago: {backup.id}, {backup.keys} keys"


def _size(size: int) -> str:
    for unit, words in ((2**30, "GB"), (2**20, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {words}"
    return f"{size / 1024:.0f} kB"
