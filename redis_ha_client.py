"""Redis clients that a failover does not hold up: copy this file, or import it. It needs redis-py alone.

    import redis_ha_client

    master = redis_ha_client.master([("10.213.7.130", 16381), ...], "mymaster", password)
    master.set("greeting", "hello")

and `await redis_ha_client.async_master(...).set(...)` in asyncio. What it does beyond `Sentinel.master_for`:

- Time limits on connecting and on reading, for the nodes and for the Sentinels: a host that is silent (powered off,
  hung, cut off) otherwise holds a client for as long as TCP likes.
- No retries of the Sentinels' own connections: redis-py's default is several with a growing pause, so that one dead
  Sentinel costs every question to it many seconds. The next Sentinel of the list is the retry.
- Many quick retries of the command itself, each of which asks the Sentinels again. redis-py 8.1 by itself reconnects to
  the OLD master when it retries (redis-py#3874), for as long as the retries last. It also retries on NOREPLICAS, with
  which a node refuses writes that it could not keep (redis-py takes that for a mistake).

A command whose answer is lost is sent again, as with any retry: INCR may count twice, SET and SADD are safe. Blocking
commands (BLPOP, XREAD) need a `socket_timeout` above their own, such as `master(..., socket_timeout=10)`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.asyncio.sentinel import SentinelManagedConnection as AsyncManagedConnection
from redis.asyncio.sentinel import SentinelManagedSSLConnection as AsyncManagedSSLConnection
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection

CONNECT_TIMEOUT = 0.2  # seconds; a LAN answers in a millisecond
READ_TIMEOUT = 0.5  # seconds; longer than the write pause of a planned hand-over
PAUSE = 0.025  # seconds between two attempts
PATIENCE = 15.0  # seconds of refused connections until a command fails; each that times out comes on top


def sentinel(
    sentinels: Sequence[tuple[str, int]],
    password: str | None = None,
    *,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    sentinel_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Sentinel:
    """The Sentinels; their `master_for(NAME)` and `slave_for(NAME)` give clients that a failover does not hold up.

    `sentinels` are (host, port) pairs; `ca` is the PEM text of the CA where the cluster speaks TLS, `cert` and
    `key` are files with the client's own certificate where it asks for one. `options` are those of redis.Redis, for the
    nodes' connections; `sentinel_kwargs` the same for the Sentinels'.
    """
    connection = AskAgainTls if ca else AskAgain
    of_sentinels, of_nodes = _settings(password, _tls(ca, cert, key), Retry)
    of_sentinels |= sentinel_kwargs or {}
    return Sentinel(
        list(sentinels), sentinel_kwargs=of_sentinels, **{**of_nodes, "connection_class": connection, **options}
    )


def master(sentinels: Sequence[tuple[str, int]], master_name: str, password: str | None = None, **options: Any) -> Any:
    """A client (redis.Redis) of whichever node is master; `options` are those of `sentinel`.

    Its commands raise redis.exceptions.ConnectionError or TimeoutError when there was no master to be had for PATIENCE
    seconds and more.
    """
    return sentinel(sentinels, password, **options).master_for(master_name)


def replica(sentinels: Sequence[tuple[str, int]], master_name: str, password: str | None = None, **options: Any) -> Any:
    """A client that reads from the replicas in turn, and from the master where there is none; else as `master`."""
    return sentinel(sentinels, password, **options).slave_for(master_name)


def async_sentinel(
    sentinels: Sequence[tuple[str, int]],
    password: str | None = None,
    *,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    sentinel_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> AsyncSentinel:
    """As `sentinel`, for asyncio."""
    connection = AsyncAskAgainTls if ca else AsyncAskAgain
    of_sentinels, of_nodes = _settings(password, _tls(ca, cert, key), AsyncRetry)
    of_sentinels |= sentinel_kwargs or {}
    return AsyncSentinel(
        list(sentinels), sentinel_kwargs=of_sentinels, **{**of_nodes, "connection_class": connection, **options}
    )


def async_master(
    sentinels: Sequence[tuple[str, int]], master_name: str, password: str | None = None, **options: Any
) -> Any:
    """As `master`, for asyncio (redis.asyncio.Redis)."""
    return async_sentinel(sentinels, password, **options).master_for(master_name)


def async_replica(
    sentinels: Sequence[tuple[str, int]], master_name: str, password: str | None = None, **options: Any
) -> Any:
    """As `replica`, for asyncio (redis.asyncio.Redis)."""
    return async_sentinel(sentinels, password, **options).slave_for(master_name)


def _tls(ca: str | None, cert: str | None, key: str | None) -> dict[str, Any]:
    return {"ssl": True, "ssl_ca_data": ca, "ssl_certfile": cert, "ssl_keyfile": key} if ca else {}


def _settings(
    password: str | None, tls: dict[str, Any], retry: type[Retry] | type[AsyncRetry]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What redis-py is told of the Sentinels' connections, and of the nodes'."""
    common: dict[str, Any] = {"password": password, "socket_connect_timeout": CONNECT_TIMEOUT, **tls}
    of_sentinels = {"socket_timeout": CONNECT_TIMEOUT, "retry": retry(NoBackoff(), 0)}
    of_nodes = {"socket_timeout": READ_TIMEOUT, "retry": retry(ConstantBackoff(PAUSE), int(PATIENCE / PAUSE))}
    return common | of_sentinels, common | of_nodes


def _turn_away(error: ResponseError) -> RedisConnectionError | None:
    """The error to raise instead, where a master accepts no writes (yet, or any more)."""
    return RedisConnectionError(str(error)) if str(error).startswith("NOREPLICAS") else None


class AskAgain(SentinelManagedConnection):
    """A connection that finds out who is master whenever it has to connect, also inside a retry."""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send a command, to the node that the Sentinels name if there is no connection."""
        if not self._sock:
            self._connect_retry()  # type: ignore[no-untyped-call]
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Read an answer; a master that accepts no writes is one to turn away from."""
        try:
            return super().read_response(*args, **kwargs)
        except ResponseError as error:
            if instead := _turn_away(error):
                self.disconnect()  # type: ignore[no-untyped-call]
                raise instead from error
            raise


class AskAgainTls(AskAgain, SentinelManagedSSLConnection):
    """The same with TLS."""


class AsyncAskAgain(AsyncManagedConnection):
    """As AskAgain, for asyncio."""

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """As AskAgain.send_packed_command."""
        if not self.is_connected:
            await self._connect_retry()  # type: ignore[no-untyped-call]
        await super().send_packed_command(command, check_health)

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """As AskAgain.read_response."""
        try:
            return await super().read_response(*args, **kwargs)
        except ResponseError as error:
            if instead := _turn_away(error):
                await self.disconnect()
                raise instead from error
            raise


class AsyncAskAgainTls(AsyncAskAgain, AsyncManagedSSLConnection):
    """The same with TLS."""
