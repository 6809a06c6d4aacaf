"""A server outside of the stack, as somebody runs it who wants to move: plain, beside the stack's nodes."""

import io
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
from redis import Redis
from redis.exceptions import RedisError

from drills.target.cluster import Cluster
from drills.target.stack import PROJECT_DIR
from drills.target.waiting import until
from drills.watch.routes import Route
from tests.deploy.support import NAME as STACK

PASSWORD = "what/opens@the source"  # letters that an URL has to escape
PORT = 7379
NAME = f"redis-ha-{STACK}-import-source"
TLS = "/etc/source-tls"


@dataclass(frozen=True)
class Outside:
    """`name` is also its name in the network of the stack's containers."""

    name: str
    address: str
    tls: Mapping[str, str]

    def client(self, database: int = 0, **more: Any) -> Any:
        """Of its administrator; it waits for as long as writes are paused."""
        if self.tls:
            more = {"ssl": True, "ssl_ca_data": self.tls["ca"], "ssl_check_hostname": False, **more}
        if "certfile" in self.tls:
            more |= {"ssl_certfile": self.tls["certfile"], "ssl_keyfile": self.tls["keyfile"]}
        options: dict[str, Any] = {
            "password": PASSWORD,
            "db": database,
            "decode_responses": True,
            "socket_timeout": None,
        }
        return Redis(self.address, PORT, **{**options, **more})

    def route(self) -> Route:
        """For a Load."""
        return Route(self.client())


@contextmanager
def running(cluster: Cluster, image: str, *words: str, tls: Mapping[str, str] | None = None) -> Iterator[Outside]:
    """A server of that image, with further `words` for it.

    With `tls` (ca, cert, key) it speaks nothing else; with the latter two as `certfile` and `keyfile` too, to nobody
    who has no certificate.
    """
    subprocess.run([PROJECT_DIR / "bootstrap/base-image", image], check=True, capture_output=True)
    api = docker.from_env(timeout=60)
    network = next(iter(cluster.container(cluster.nodes[0]).attrs["NetworkSettings"]["Networks"]))
    command = ["redis-server", "--save", "", "--requirepass", PASSWORD, "--protected-mode", "no"]
    if "valkey" in image:
        command[0] = "valkey-server"
    if tls:
        command += ["--port", "0", "--tls-port", str(PORT), "--tls-auth-clients", "yes" if "certfile" in tls else "no"]
        for option, file in (("ca-cert", "ca"), ("cert", "cert"), ("key", "key")):
            command += [f"--tls-{option}-file", f"{TLS}/{file}"]
    else:
        command += ["--port", str(PORT)]
    made = api.containers.create(
        image,
        [*command, *words],
        name=NAME,
        labels={"redis-ha.stack": f"{STACK}-import-source"},
        network=network,
        user="root",
        entrypoint=[],
    )
    try:
        if tls:
            made.put_archive("/etc", _packed({name: tls[name] for name in ("ca", "cert", "key")}))
        made.start()
        made.reload()
        address = made.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
        found = Outside(NAME, address, tls or {})
        with found.client() as client:
            until(lambda: _answers(client), "the source to answer", 20)
        yield found
    finally:
        made.remove(force=True, v=True)


def _answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


def _packed(files: Mapping[str, str]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as packed:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{TLS.rpartition('/')[2]}/{name}")
            entry.size, entry.mode = len(text.encode()), 0o644
            packed.addfile(entry, io.BytesIO(text.encode()))
    return archive.getvalue()


def furnish(source: Outside) -> None:
    """Something of every kind, in two databases."""
    with source.client() as client, source.client(3) as other:
        client.mset({f"data:{i}": f"value {i}" for i in range(20_000)})
        client.hset("a hash", mapping={f"field {i}": i for i in range(1000)})
        client.zadd("a sorted set", {f"member {i}": i / 3 for i in range(300)})
        client.rpush("a list", *range(500))
        client.sadd("a set", *range(700))
        client.set("binary", "x" * 3_000_000)
        client.set("with an end", "value", ex=3600)
        client.xgroup_create("a stream", "group", mkstream=True)
        client.function_load("#!lua name=lib\nredis.register_function('one', function() return 1 end)")
        other.mset({f"other {i}": i for i in range(100)})


class Churn:
    """As a context manager: every way in which a key changes, again and again, until the source takes no more."""

    def __init__(self, source: Outside) -> None:
        self._source = source
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.rounds = 0
        self.why = ""

    def __enter__(self) -> "Churn":
        self._thread.start()
        until(lambda: self.rounds > 5 or self.why, "changes at the source", 20)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert not self.why

    def _run(self) -> None:
        try:
            with self._source.client() as client, self._source.client(5) as whole, self._source.client(6) as swapped:
                while not self._ended.wait(0.02):
                    self._change(client, self.rounds)
                    if self.rounds % 40 == 7:
                        whole.mset({f"once {i}": self.rounds for i in range(50)})
                    if self.rounds == 20:
                        whole.flushdb()
                    if self.rounds == 30:
                        swapped.set("swapped", 1)
                        client.execute_command("SWAPDB", 6, 7)
                    self.rounds += 1
        except RedisError as error:
            self.why = f"{type(error).__name__}: {error}"

    def _change(self, client: Any, i: int) -> None:
        client.set(f"data:{i % 20_000}", f"changed {i}")
        client.delete(f"data:{(i * 7 + 1) % 20_000}")
        client.set(f"moved:{i}", i)
        client.rename(f"moved:{i}", f"moved:{i} again")
        client.rpush("a list", i)
        client.lpop("a list")
        client.hset("a hash", f"field {i % 1000}", f"changed {i}")
        client.hdel("a hash", f"field {(i + 1) % 1000}")
        client.zincrby("a sorted set", 1, f"member {i % 300}")
        client.srem("a set", i % 700)
        client.expire(f"data:{(i * 3 + 2) % 20_000}", 7200)
        client.set(f"short:{i}", i, px=300)
        client.xadd("a stream", {"number": i})
        got = client.xreadgroup("group", "reader", {"a stream": ">"}, count=5)
        for entry, _ in got[0][1][:3] if got else []:
            client.xack("a stream", "group", entry)
        client.eval("redis.call('incr', KEYS[1]) redis.call('append', KEYS[2], 'x')", 2, "counted", "longer")
