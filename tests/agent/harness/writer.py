"""A client that writes without rest and remembers every acknowledged write."""

import threading
import time
from collections.abc import Callable
from typing import Self

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from clients import redis_ha_client
from tests.agent.harness.cluster import MASTER_NAME, Cluster
from tests.agent.harness.node import HOST, INTERNAL, PASSWORD, eventually

Connect = Callable[[], redis.Redis]


def by_sentinel(cluster: Cluster, retries: int = 1, timeout: float = 5) -> Connect:
    """A client by the recipe, made once, that retries `retries` times, each after `timeout` seconds of silence."""
    client: redis.Redis = redis_ha_client.master(
        [(HOST, node.port) for node in cluster.sentinels],
        MASTER_NAME,
        PASSWORD,
        sentinel_kwargs={"username": "handover", "password": INTERNAL},
        decode_responses=True,
        socket_timeout=timeout,
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
        self.acknowledged: dict[int, float] = {}
        """When each write was acknowledged (time.monotonic())."""
        self.errors: list[str] = []
        self.gap = 0.0
        self._connect, self._prefix = connect, prefix
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Write no more; again, it changes nothing."""
        self._ended.set()
        self._thread.join(10)

    def goes_on(self, writes: int, seconds: float = 10) -> None:
        """Waits until so many more writes have been acknowledged."""
        wanted = len(self.acknowledged) + writes
        eventually(lambda: len(self.acknowledged) >= wanted, seconds, f"{writes} more writes; {self.errors[-3:]}")

    def missing(self, master: redis.Redis) -> list[int]:
        """Acknowledged writes that `master` does not hold."""
        numbers = list(self.acknowledged)
        keys = [f"{self._prefix}:{number}" for number in numbers]
        held: list[str | bytes | None] = []
        for start in range(0, len(keys), 1000):
            held += master.mget(keys[start : start + 1000])
        return [number for number, value in zip(numbers, held, strict=True) if value != str(number)]

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
            self.acknowledged[number] = now
            time.sleep(0.0005)
