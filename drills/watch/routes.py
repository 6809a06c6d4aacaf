"""The ways on which a client finds the master."""

import time
from collections.abc import Callable
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.sentinel import Sentinel

from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.errors import DrillError
from redis_ha.outputs import Address, Outputs


class Route:
    """How a client's write reaches the master: by one client of redis-py, unless it says otherwise."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def write(self, key: str, number: int) -> None:
        """Add `number` to the set `key`; returns when the master has acknowledged it. Raises a RedisError."""
        self._client.sadd(key, number)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class ThroughSentinel(Route):
    """Asks the Sentinels, by the recipe of `clients`. With `wait` a write counts once that many replicas have it."""

    def __init__(
        self, outputs: Outputs, sentinels: tuple[Address, ...] | None = None, wait: int = 0, **overrides: Any
    ) -> None:
        super().__init__(clients.master(outputs, sentinels, **overrides))
        self._wait = wait

    def write(self, key: str, number: int) -> None:
        """See Route."""
        if not self._wait:
            super().write(key, number)
            return
        # One pipeline is one connection: WAIT speaks of the writes of its own connection. What an earlier try has left
        # is removed first: to add it again would be no write, and a connection that has not written waits for nobody.
        with self._client.pipeline(transaction=False) as pipeline:
            *_, copies = pipeline.srem(key, number).sadd(key, number).wait(self._wait, 300).execute()
        if int(copies) < self._wait:
            raise RedisConnectionError(f"only {copies} replicas have the write")


class ThroughEndpoint(Route):
    """Connects to the stack's endpoint for writes, as a client does that knows nothing of Sentinel."""

    def __init__(self, outputs: Outputs, **overrides: Any) -> None:
        if outputs.write is None:
            raise DrillError(f"stack {outputs.stack} has no endpoint: set its setting `endpoint`")
        super().__init__(clients.through_endpoint(outputs, outputs.write, **overrides))


class AsItComes(Route):
    """redis-py's Sentinel client without any of the recipe, asked again at once when it gives up."""

    def __init__(self, outputs: Outputs) -> None:
        login: dict[str, Any] = {"password": outputs.password, **clients.over_tls(outputs.tls)}
        sentinel = Sentinel(list(outputs.sentinels), sentinel_kwargs=login, **login)
        super().__init__(sentinel.master_for(outputs.master_name))


class ByRole(Route):
    """Asks the data nodes themselves for their ROLE, as a proxy does, and never a Sentinel.

    Finds a promoted replica before Sentinel announces it. It cannot tell an isolated old master from the new one, so
    the node that has just failed is the last one that it turns to.
    """

    def __init__(self, cluster: Cluster, patience: float = 15.0, pause: float = 0.02) -> None:
        """`patience` is how long one write may take in all, `pause` the time between two attempts, both in seconds."""
        password, tls = cluster.outputs.password, cluster.outputs.tls
        self._clients = [clients.direct(node.address, password, 0.15, tls) for node in cluster.nodes]
        self._current: Any = None
        self._patience = patience
        self._pause = pause

    def write(self, key: str, number: int) -> None:
        """See Route."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                if self._current is None:
                    self._current = self._find()
                self._current.sadd(key, number)
                return
            except (RedisError, OSError):
                self._demote()
                if time.monotonic() > deadline:
                    raise
                time.sleep(self._pause)

    def _find(self) -> Any:
        for client in self._clients:
            try:
                if client.execute_command("ROLE")[0] == "master":
                    return client
            except (RedisError, OSError):
                client.connection_pool.disconnect()
        raise RedisConnectionError("no node says that it is the master")

    def _demote(self) -> None:
        """Ask the node that failed last of all the next time."""
        failed, self._current = self._current, None
        if failed is not None:
            failed.connection_pool.disconnect()
            self._clients.sort(key=lambda client: client is failed)

    def close(self) -> None:
        """See Route."""
        for client in self._clients:
            client.close()


def ways(cluster: Cluster) -> dict[str, Callable[[], Route]]:
    """The ways to the master that this cluster has for its clients."""
    found: dict[str, Callable[[], Route]] = {
        "Sentinel": lambda: ThroughSentinel(cluster.outputs),
        "ROLE": lambda: ByRole(cluster),
    }
    if cluster.outputs.write:
        found["endpoint"] = lambda: ThroughEndpoint(cluster.outputs)
    return found
