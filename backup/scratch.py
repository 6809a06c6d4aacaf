"""A server of this container alone that loads a snapshot: what it cannot load is no backup."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backup import rdb, redis
from backup.given import BackupError
from backup.redis import Client, Database, RefusedError, local

MODULES = Path("/usr/local/lib/redis/modules")
DIGEST_S = 600.0
STEP_S = 0.05
DOOR, LOG = "socket", "log"
"""In a scratch server's folder."""


@dataclass(frozen=True)
class Contents:
    """`digest` is of every key and value, whatever their order, and of which keys have an end."""

    keys: int
    expires: int
    digest: str
    memory: int
    """Bytes that they need in a server."""


def own_version() -> str:
    """Of this image's server."""
    return _said().split("v=")[1].split()[0]


def own_name() -> str:
    """Redis or Valkey."""
    return _said().split()[0]


def _said() -> str:
    return subprocess.run(["redis-server", "-v"], capture_output=True, text=True, check=True).stdout


def check_head(path: Path) -> str:
    """The version that has written a snapshot. Raises BackupError for what this image is too old for."""
    notes = rdb.head(path)
    wrote = notes.get("valkey-ver") or notes.get("redis-ver", "")
    if "valkey-ver" not in notes and rdb.version(wrote) > rdb.version(own_version()):
        raise BackupError(f"it was written by Redis {wrote}, which is newer than {own_version()} here")
    return wrote


@contextmanager
def loaded(path: Path, databases: int) -> Iterator[Client]:
    """A server that has loaded the snapshot at `path`, which must lie in a folder of its own.

    It is a replica of nobody: so it drops no key whose end has come. Raises BackupError where it cannot be loaded.
    """
    with _serving(path.parent, databases, "--dbfilename", path.name, "--appendonly", "no") as client:
        yield client


@contextmanager
def replayed(manifest: Path, databases: int) -> Iterator[Client]:
    """The same of an append-only file, whose files lie in a folder of that folder."""
    words = ["--appendonly", "yes", "--appendfilename", manifest.stem, "--appenddirname", manifest.parent.name]
    words += ["--aof-load-truncated", "no", "--auto-aof-rewrite-percentage", "0"]
    with _serving(manifest.parent.parent, databases, *words) as client:
        yield client


@contextmanager
def _serving(folder: Path, databases: int, *data: str) -> Iterator[Client]:
    door, log = folder / DOOR, folder / LOG
    words = ["--port", "0", "--unixsocket", str(door), "--dir", str(folder), "--save", "", *data]
    words += ["--enable-debug-command", "yes", "--replicaof", "127.0.0.1", "1", "--databases", str(databases)]
    for module in sorted(MODULES.glob("*.so")):
        words += ["--loadmodule", str(module)]
    with log.open("wb") as stream:
        process = subprocess.Popen(["redis-server", *words], stdout=stream, stderr=stream)
    try:
        with _ready(process, door, log) as client:
            yield client
    finally:
        process.kill()
        process.wait()
        door.unlink(missing_ok=True)


def contents(client: Client) -> Contents:
    """What a scratch server holds."""
    used = databases(client).values()
    return Contents(
        keys=sum(one.keys for one in used),
        expires=sum(one.expires for one in used),
        digest=client.ask("DEBUG", "DIGEST", within=DIGEST_S).decode(),
        memory=int(client.info("memory")["used_memory_dataset"]),
    )


def count(client: Client) -> int:
    """The keys of all databases."""
    return sum(one.keys for one in databases(client).values())


def libraries(client: Client) -> int:
    """How many libraries of functions there are."""
    return len(client.ask("FUNCTION", "LIST"))


def databases(client: Client) -> dict[int, Database]:
    """Those of a server that hold keys, by number."""
    return redis.databases(client.info("keyspace"))


def _ready(process: "subprocess.Popen[bytes]", door: Path, log: Path) -> Client:
    while process.poll() is None:
        with contextlib.suppress(OSError):
            client = local(door)
            with contextlib.suppress(RefusedError):
                if client.info("persistence").get("loading") == "0":
                    return client
            client.__exit__()
        time.sleep(STEP_S)
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    told = next((line for line in reversed(lines) if "#" in line), "no reason given")
    raise BackupError(f"it cannot be loaded, it is damaged, cut short or of a newer format: {told.partition('# ')[2]}")
