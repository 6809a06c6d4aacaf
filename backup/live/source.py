"""Where an import comes from: a running Redis or Valkey, as its operator has named it."""

import json
import os
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from backup import scratch
from backup.given import BackupError
from backup.rdb import version
from backup.redis import PATIENCE_S, Client, databases

ENVIRONMENT = "REDIS_HA_IMPORT_SOURCE"
KEY_BYTES = 64
"""What a key needs beside its value, which INFO leaves out of the data's size."""


@dataclass(frozen=True)
class Source:
    """`context` is of TLS; None where it speaks plainly."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    context: ssl.SSLContext | None

    @property
    def name(self) -> str:
        """As it is shown: without what logs in."""
        return f"{self.host}:{self.port}"

    def connect(self, door: int | None = None) -> Client:
        """Logged in; through a relay at the port `door` where there is one. Raises BackupError."""
        try:
            connection = socket.create_connection(("127.0.0.1", door) if door else (self.host, self.port), PATIENCE_S)
            if self.context and not door:
                connection = self.context.wrap_socket(connection, server_hostname=self.host)
        except OSError as error:
            raise BackupError(
                f"the source {self.name} cannot be reached from the container of the backup: {error}"
            ) from None
        client = Client(connection, f"the source {self.name}")
        if self.user or self.password:
            client.ask("AUTH", *([self.user] if self.user else []), self.password)
        return client


def read(folder: Path) -> Source:
    """What `make import` has handed over in the environment; files of TLS go to `folder`. Raises BackupError."""
    try:
        told = json.loads(os.environ.pop(ENVIRONMENT))
    except (KeyError, ValueError):
        raise BackupError("an import is started by `make import FROM=redis://...`") from None
    context = None
    if told["tls"]:
        try:
            context = ssl.create_default_context(cadata=told["ca"] or None)
            context.check_hostname = told["check_hostname"]
            if told["cert"]:
                files = {name: folder / f"source.{name}" for name in ("cert", "key")}
                for name, file in files.items():
                    file.write_text(told[name])
                context.load_cert_chain(files["cert"], files["key"])
                for file in files.values():
                    file.unlink()
        except (OSError, ValueError) as error:
            raise BackupError(f"the source's certificates cannot be used: {error}") from None
    return Source(told["host"], int(told["port"]), told["user"], told["password"], context)


@dataclass(frozen=True)
class Facts:
    """What the source says of itself."""

    server: str
    """Redis or Valkey."""
    version: str
    run: str
    """Differs for each start of each server."""
    role: str
    clustered: bool
    databases: frozenset[int]
    keys: int
    memory: int
    """Bytes that its data needs in a server, about."""

    @property
    def major(self) -> int:
        """Of the version."""
        return int(self.version.partition(".")[0])

    def __str__(self) -> str:
        return f"{self.server} {self.version}, {self.keys} keys, {self.memory / 1e6:.1f} MB"


def look(client: Client) -> Facts:
    """Raises BackupError."""
    info = client.info()
    found = databases(info)
    keys = sum(one.keys for one in found.values())
    valkey = info.get("valkey_version")
    return Facts(
        server="Valkey" if valkey else "Redis",
        version=valkey or info["redis_version"],
        run=info["run_id"],
        role=info["role"],
        clustered=info.get("cluster_enabled") == "1",
        databases=frozenset(found),
        keys=keys,
        memory=int(info.get("used_memory_dataset", info["used_memory"])) + keys * KEY_BYTES,
    )


def unreadable(server: str, wrote: str, own: str, own_version: str) -> str:
    """Why `own` cannot read what the other server writes; empty where it can.

    Valkey is Redis 7.2 continued, and writes its format until 9.0.
    """
    theirs, here = version(wrote), version(own_version)
    if server == own:
        return "newer than the stack's" if theirs > here else ""
    if own == "Valkey":
        return "Valkey reads what Redis 7.2 and older write" if theirs >= (7, 4) else ""
    if theirs >= (9, 0):
        return "Redis reads what Valkey 8 and older write"
    return "Redis reads what Valkey writes from 7.2 on" if here < (7, 2) else ""


def refuse_unfit(facts: Facts, databases: int) -> None:
    """Raises BackupError for a source that cannot be taken over, whatever the stack holds."""
    if facts.clustered:
        raise BackupError("the source is a node of a Redis Cluster, which has a part of the keys only")
    if facts.role != "master":
        raise BackupError("the source is a replica: give its master, where the writes can be paused")
    own, own_version = scratch.own_name(), scratch.own_version()
    if why := unreadable(facts.server, facts.version, own, own_version):
        raise BackupError(f"the source is {facts.server} {facts.version}, the stack {own} {own_version}: {why}")
    if not facts.keys:
        raise BackupError("the source holds no key")
    if above := sorted(number for number in facts.databases if number >= databases):
        raise BackupError(f"the source uses database {above[0]}, the stack has {databases}: redisConfig.databases")
