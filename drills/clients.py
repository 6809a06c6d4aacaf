"""redis-py clients for a stack, with the recipe that keeps an outage short.

What the recipe is made of, and why (each measured with `python -m drills`):

- Time limits on connecting and on reading, for the nodes and for the Sentinels: a host that is silent (hung, cut off)
  otherwise holds a client for as long as TCP likes.
- No retries of the Sentinels' own connections: redis-py's default is three with a growing pause, so that one dead
  Sentinel costs every question to it many seconds. The next Sentinel of the list is the retry.
- Many quick retries of the command itself, each of which asks the Sentinels again. redis-py 8.1 by itself reconnects to
  the OLD master when it retries (redis-py#3874), for as long as the retries last: `AskAgain` mends that. It also
  retries on NOREPLICAS, with which a node refuses writes that it could not keep (redis-py takes that for a mistake).
"""

from typing import Any

from redis import Redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection

from drills.outputs import Address, Outputs

CONNECT_TIMEOUT = 0.2  # seconds; a LAN answers in a millisecond
READ_TIMEOUT = 0.5  # seconds; longer than the write pause of a planned hand-over
PAUSE = 0.025  # seconds between two attempts
PATIENCE = 15.0  # seconds of refused connections until a command fails; each that times out comes on top


class _AsksAgain(SentinelManagedConnection):
    """A connection that finds out who is master whenever it has to connect, also inside a retry."""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send a command, to the node that the Sentinels name if there is no connection."""
        if not self._sock:
            self._connect_retry()  # type: ignore[no-untyped-call]
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Read an answer; a master that accepts no writes (yet, or any more) is one to turn away from."""
        try:
            return super().read_response(*args, **kwargs)
        except ResponseError as error:
            if not str(error).startswith("NOREPLICAS"):
                raise
            self.disconnect()  # type: ignore[no-untyped-call]
            raise RedisConnectionError(str(error)) from error


class AskAgain(_AsksAgain):
    """Without TLS."""


class AskAgainTls(_AsksAgain, SentinelManagedSSLConnection):
    """With TLS."""


def over_tls(ca: str | None) -> dict[str, Any]:
    """What redis-py is to be told of a cluster with this CA; nothing where there is none."""
    return {"ssl": True, "ssl_ca_data": ca} if ca else {}


def _connection(outputs: Outputs) -> type[SentinelManagedConnection]:
    return AskAgainTls if outputs.ca else AskAgain


def sentinel(outputs: Outputs, sentinels: tuple[Address, ...] | None = None, **overrides: Any) -> Sentinel:
    """A Sentinel client by the recipe. `sentinels` restricts it to some of the Sentinels (for partitions)."""
    of_sentinels: dict[str, Any] = {
        "password": outputs.password,
        "socket_timeout": CONNECT_TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
        **over_tls(outputs.ca),
    }
    of_nodes: dict[str, Any] = {
        "password": outputs.password,
        "socket_timeout": READ_TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "retry": Retry(ConstantBackoff(PAUSE), int(PATIENCE / PAUSE)),
        "decode_responses": True,
        **over_tls(outputs.ca),
        **overrides,
    }
    return Sentinel(list(sentinels or outputs.sentinels), sentinel_kwargs=of_sentinels, **of_nodes)


def master(outputs: Outputs, sentinels: tuple[Address, ...] | None = None, **overrides: Any) -> Any:
    """A client of whichever node is master, by the recipe."""
    return sentinel(outputs, sentinels, **overrides).master_for(
        outputs.master_name, connection_class=_connection(outputs)
    )


def replica(outputs: Outputs, **overrides: Any) -> Any:
    """A client that reads from the replicas, by the recipe."""
    return sentinel(outputs, **overrides).slave_for(outputs.master_name, connection_class=_connection(outputs))


def direct(
    address: Address, password: str | None, timeout: float = 0.5, ca: str | None = None, **overrides: Any
) -> Any:
    """A client of one node or Sentinel that answers or fails within `timeout` seconds: for probes."""
    settings: dict[str, Any] = {
        "password": password,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        **over_tls(ca),
        **overrides,
    }
    return Redis(address[0], address[1], **settings)
