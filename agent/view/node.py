"""A data node as its INFO shows it."""

import re
from dataclasses import dataclass, field

from agent.view.mark import NO_MARK, Mark
from agent.wire.answers import Address, Command, Refusal, Result

QUESTION: tuple[Command, ...] = (("INFO",), ("CONFIG", "GET", "proc-title-template"))
"""What `read` takes the results of."""
_LINE = re.compile(r"^([^:\r\n]+):([^\r\n]*)", re.MULTILINE)


@dataclass(frozen=True)
class Replica:
    """A replica as its master sees it; `offset` is what it has acknowledged, in bytes of the replication stream."""

    address: Address
    online: bool
    offset: int


@dataclass(frozen=True)
class Node:
    """One data node at one moment."""

    address: Address
    role: str
    """`master` or `slave`, Redis' words."""
    run_id: str = ""
    follows: Address | None = None
    link_up: bool = False
    link_down_for: float = 0.0
    """Seconds since its link to the master broke; -1 where there has not been any since it started."""
    offset: int = 0
    """Bytes of the replication stream that it has."""
    priority: int = 100
    loading: bool = False
    copying: bool = False
    keys: int = 0
    rewriting: bool = False
    """Its append-only file is being rewritten, or is about to be: after a copy the one on disk is still the old one."""
    storing: bool = True
    """False while it cannot write its append-only file or snapshot."""
    version: tuple[int, ...] = (0,)
    uptime: int = 0
    replicas: tuple[Replica, ...] = ()
    mark: Mark = NO_MARK

    @property
    def is_master(self) -> bool:
        return self.role == "master"


@dataclass
class _Fields:
    """The lines of an INFO by name."""

    values: dict[str, str] = field(default_factory=dict)

    def number(self, name: str, default: int = 0) -> int:
        try:
            return int(self.values.get(name, default))
        except ValueError:
            return default


def read(address: Address, results: list[Result]) -> Node | Refusal | None:
    """The node that has answered QUESTION; its refusal; or None where it has not answered."""
    info = results[0]
    if isinstance(info, Refusal):
        return info
    if not isinstance(info, str):
        return None
    return from_info(address, info, _mark(results[1]) if len(results) > 1 else NO_MARK)


def from_info(address: Address, info: str, mark: Mark = NO_MARK) -> Node:
    """The node whose INFO this is."""
    fields = _Fields(fields_of(info))
    values = fields.values
    host, port = values.get("master_host"), fields.number("master_port")
    return Node(
        address=address,
        role=values.get("role", ""),
        run_id=values.get("run_id", ""),
        follows=Address(host, port) if host else None,
        link_up=values.get("master_link_status") == "up",
        link_down_for=float(fields.number("master_link_down_since_seconds")),
        offset=fields.number("slave_repl_offset" if host else "master_repl_offset"),
        priority=fields.number("slave_priority", 100),
        loading=values.get("loading") == "1",
        copying=values.get("master_sync_in_progress") == "1",
        keys=sum(_keys(value) for name, value in values.items() if name[:2] == "db" and name[2:].isdigit()),
        rewriting="1" in (values.get("aof_rewrite_in_progress"), values.get("aof_rewrite_scheduled")),
        storing=values.get("aof_last_write_status", "ok") == "ok"
        and values.get("rdb_last_bgsave_status", "ok") == "ok",
        version=_version(values.get("redis_version", "0")) + _version(values.get("valkey_version", "")),
        uptime=fields.number("uptime_in_seconds"),
        replicas=tuple(
            _replica(value) for name, value in values.items() if name.startswith("slave") and name[5:].isdigit()
        ),
        mark=mark,
    )


def fields_of(info: str) -> dict[str, str]:
    """The lines of an INFO, by name."""
    return dict(_LINE.findall(info))


def _version(text: str) -> tuple[int, ...]:
    """Valkey says its own beside that of the Redis whose format it first had, 7.2: it comes between 7.2 and 7.4."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _keys(value: str) -> int:
    """The number in `keys=3,expires=0,...`."""
    return int(value.split(",", 1)[0].partition("=")[2] or 0)


def _replica(value: str) -> Replica:
    """A line of the master: ip=...,port=...,state=online,offset=...,lag=0."""
    fields = dict(part.split("=", 1) for part in value.split(",") if "=" in part)
    return Replica(
        Address(fields.get("ip", ""), int(fields.get("port", 0))),
        fields.get("state") == "online",
        int(fields.get("offset", 0)),
    )


def _mark(result: Result) -> Mark:
    if isinstance(result, list) and len(result) == 2 and isinstance(result[1], str):
        return Mark.parse(result[1])
    return NO_MARK
