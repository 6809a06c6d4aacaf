"""An import between processes of this machine: a source, a master and a replica, without Docker and Sentinels.

So what happens in the midst of it can be brought about at a certain moment, and is over in seconds.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from drills.target.stack import PROJECT_DIR
from drills.target.waiting import until
from redis_ha.plan.acl import backup_password, data_node_acl, internal_password, restore_password
from redis_ha.settings.loader import parse_settings
from tests.redis_binary import folder

PROGRAM = "import sys; from backup.main import main; sys.exit(main(sys.argv[1:]))"
PASSWORD = "pw"
SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A redis-server on this machine's loopback."""

    port: int
    process: "subprocess.Popen[bytes]"

    def client(self, database: int = 0, **more: Any) -> Any:
        return Redis("127.0.0.1", self.port, db=database, decode_responses=True, protocol=2, **more)

    def held(self) -> dict[int, int]:
        """How many there are in each database that holds any."""
        with self.client() as client:
            return {int(name[2:]): one["keys"] for name, one in client.info("keyspace").items()}

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)


@dataclass
class Running:
    """The program of the backup's container, as it imports."""

    process: "subprocess.Popen[str]"
    said: list[str] = field(default_factory=list)

    def wait_for(self, words: str) -> None:
        """Until it has said that."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if words in line:
                return
        raise AssertionError("".join(self.said))

    def end(self) -> tuple[int, str]:
        rest, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, "".join(self.said) + rest


class Lab:
    """`source` is outside; `master` and `replica` are the stack's nodes, with the users that they have there."""

    def __init__(self, root: Path, *options: str) -> None:
        """`options` are the source's."""
        self.root = root
        self._servers: list[Server] = []
        self._imports: list[subprocess.Popen[str]] = []
        self.source = self.start("source", *options)
        self.master, self.replica = self.start("master"), self.start("replica")
        settings, own = parse_settings({"password": PASSWORD}, "unit"), internal_password(PASSWORD, None)
        for server in (self.master, self.replica):
            with server.client() as client:
                for line in data_node_acl(settings, own).splitlines():
                    _, name, *rules = line.split()
                    if name in ("backup", "restore"):
                        client.execute_command("ACL", "SETUSER", name, *rules)
        with self.replica.client() as client:
            client.replicaof("127.0.0.1", self.master.port)
        self._in_step()
        self._tell()

    def start(self, name: str, *options: str) -> Server:
        place = self.root / name
        place.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        words = ["--port", str(port), "--dir", str(place), "--save", "", "--repl-diskless-sync-delay", "0"]
        words += ["--enable-debug-command", "yes", *options]
        with (place / "log").open("wb") as log:
            process = subprocess.Popen([folder() / "redis-server", *words], stdout=log, stderr=log)
        found = Server(port, process)
        self._servers.append(found)
        until(lambda: _answers(found), f"{name} to answer", 20)
        return found

    def importing(self, *words: str, user: str = "", of: Server | None = None) -> Running:
        port = (of or self.source).port
        source = {"host": "127.0.0.1", "port": port, "user": user, "password": PASSWORD if user else ""}
        source |= {"tls": False, "ca": "", "cert": "", "key": "", "check_hostname": True}
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "import", *words],
            cwd=PROJECT_DIR,
            env={
                **os.environ,
                "PATH": f"{folder()}{os.pathsep}{os.environ['PATH']}",
                "REDIS_HA_BACKUP_FILES": str(self.root / "files"),
                "REDIS_HA_BACKUP_DATA": str(self.root / "data"),
                "REDIS_HA_IMPORT_SOURCE": json.dumps(source),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._imports.append(process)
        return Running(process)

    def imported(self, *words: str, **more: Any) -> str:
        code, said = self.importing(*words, **more).end()
        assert code == 0, said
        return said

    def refused(self, why: str, *words: str, **more: Any) -> None:
        code, said = self.importing(*words, **more).end()
        assert code == 1, said
        assert why in said, said

    def servers_of_the_import(self) -> list[int]:
        """Those that it has started, by their process ids."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(self.root / "data"):
                    found.append(int(process.name))
        return found

    def end(self) -> None:
        for process in self._imports:
            process.kill()
            process.communicate()
        for pid in self.servers_of_the_import():
            os.kill(pid, signal.SIGKILL)
        for server in self._servers:
            server.process.kill()
            server.process.wait()

    def _in_step(self) -> None:
        with self.replica.client() as client:
            until(lambda: client.info("replication")["master_link_status"] == "up", "the replica to follow", 20)

    def _tell(self) -> None:
        files, data = self.root / "files", self.root / "data"
        files.mkdir()
        data.mkdir()
        nodes = [[name, "127.0.0.1", one.port] for name, one in (("a", self.master), ("b", self.replica))]
        logins = {"backup": backup_password(PASSWORD, None), "restore": restore_password(PASSWORD, None)}
        told = {"stack": "lab", "nodes": nodes, "repository": str(data / "repository"), "databases": 16}
        told |= {"every": 86400, "keep": {}, "environment": {}, "logins": logins}
        (files / "backup.json").write_text(json.dumps(told))
        (files / "restic-password").write_text("what-encrypts\n")


@contextmanager
def lab(root: Path, *options: str) -> Iterator[Lab]:
    made: Lab | None = None
    try:
        made = Lab(root, *options)
        yield made
    finally:
        if made:
            made.end()


def fill(server: Server, keys: int, database: int = 0) -> None:
    with server.client(database) as client:
        client.execute_command("DEBUG", "POPULATE", keys, "key", 10)


def waits(server: Server) -> float:
    """Seconds that a write waits there."""
    began = time.monotonic()
    with server.client(socket_timeout=SECONDS) as client:
        client.set("how long", 1)
    return time.monotonic() - began


def _answers(server: Server) -> bool:
    try:
        with server.client() as client:
            return bool(client.ping())
    except RedisError:
        return False
