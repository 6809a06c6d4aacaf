"""A client that writes without rest and remembers every acknowledged write."""

import threading
import time
from collections.abc import Callable
from typing import Self

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection

from tests.entrypoint.processes import HOST, INTERNAL, MASTER_NAME, PASSWORD, Cluster, eventually

Connect = Callable[[], redis.Redis]


class FollowingConnection(SentinelManagedConnection):
    """Asks the Sentinels again when a command is retried: redis-py 8.1's own retries the address that it had."""

    def send_packed_command(self, command: object, check_health: bool = True) -> None:
        if not self._sock:
            self.connect()  # type: ignore[no-untyped-call]
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


def by_sentinel(cluster: Cluster, retries: int = 1) -> Connect:
    """A redis-py Sentinel client, made once, that retries `retries` times."""
    asked = Sentinel(
        [(HOST, node.port) for node in cluster.sentinels],
        sentinel_kwargs={"username": "handover", "password": INTERNAL, "socket_timeout": 0.5},
    )
    client = asked.master_for(
        MASTER_NAME,
        password=PASSWORD,
        decode_responses=True,
        connection_class=FollowingConnection,
        socket_timeout=5,
        retry=Retry(ConstantBackoff(0.01), retries),
    )
    return lambda: client


def by_role(cluster: Cluster) -> Connect:
    """Whichever node says of itself that it is master, asked again after each error."""

    def find() -> redis.Redis:
        for node in cluster.data:
            client = node.client()
            try:
                if client.execute_command("ROLE")[0] == "master":
                    return client
            except redis.RedisError:
                continue
        raise redis.ConnectionError("no master")

    return find


class Writer:
    """Writes numbered keys in a thread of its own, between `with` and its end."""

    def __init__(self, connect: Connect, prefix: str = "w") -> None:
        self.acknowledged: list[int] = []
        self.errors: list[str] = []
        self.gap = 0.0
        self._connect, self._prefix = connect, prefix
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)

    def goes_on(self, writes: int, seconds: float = 10) -> None:
        """Waits until so many more writes have been acknowledged."""
        wanted = len(self.acknowledged) + writes
        eventually(lambda: len(self.acknowledged) >= wanted, seconds, f"{writes} more writes; {self.errors[-3:]}")

    def missing(self, master: redis.Redis) -> list[int]:
        """Acknowledged writes that `master` does not hold."""
        keys = [f"{self._prefix}:{number}" for number in self.acknowledged]
        held: list[str | bytes | None] = []
        for start in range(0, len(keys), 1000):
            held += master.mget(keys[start : start + 1000])
        return [number for number, value in zip(self.acknowledged, held, strict=True) if value != str(number)]

    def _write(self) -> None:
        client: redis.Redis | None = None
        number, last = 0, time.monotonic()
        while not self._ended.is_set():
            number += 1
            try:
                client = client or self._connect()
                client.set(f"{self._prefix}:{number}", number)
            except redis.RedisError as error:
                self.errors.append(f"{type(error).__name__}: {error}")
                client = None
                time.sleep(0.002)
                continue
            now = time.monotonic()
            self.gap, last = max(self.gap, now - last), now
            self.acknowledged.append(number)
            time.sleep(0.0005)
