"""redis-py clients for a stack, by the recipe of `redis_ha_client`."""

from typing import Any

from redis import Redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import ReadOnlyError
from redis.retry import Retry
from redis.sentinel import Sentinel

from clients import redis_ha_client
from redis_ha.outputs import Address, Outputs, Tls


def over_tls(tls: Tls | None) -> dict[str, Any]:
    """What redis-py is to be told of a cluster that speaks TLS; nothing where it does not."""
    if tls is None:
        return {}
    return {"ssl": True, "ssl_ca_data": tls.ca, "ssl_certfile": tls.cert, "ssl_keyfile": tls.key}


def sentinel(outputs: Outputs, sentinels: tuple[Address, ...] | None = None, **overrides: Any) -> Sentinel:
    """A Sentinel client. `sentinels` restricts it to some of the Sentinels (for partitions)."""
    options = {"decode_responses": True, **overrides}
    if outputs.tls:
        options |= {"ca": outputs.tls.ca, "cert": outputs.tls.cert, "key": outputs.tls.key}
    return redis_ha_client.sentinel(sentinels or outputs.sentinels, outputs.password, **options)


def master(outputs: Outputs, sentinels: tuple[Address, ...] | None = None, **overrides: Any) -> Any:
    """A client of whichever node is master."""
    return sentinel(outputs, sentinels, **overrides).master_for(outputs.master_name)


def through_endpoint(outputs: Outputs, address: Address, **overrides: Any) -> Any:
    """A client of the endpoint's write or read address, by a recipe that knows nothing of Sentinel.

    ReadOnlyError: for some hundredths of a second after a hand-over the endpoint still sends to the old master.
    """
    tries = int(redis_ha_client.PATIENCE / redis_ha_client.PAUSE)
    recipe: dict[str, Any] = {
        "socket_timeout": redis_ha_client.READ_TIMEOUT,
        "socket_connect_timeout": redis_ha_client.CONNECT_TIMEOUT,
        "retry": Retry(ConstantBackoff(redis_ha_client.PAUSE), tries),
        "retry_on_error": [ReadOnlyError],
    }
    return _client(address, outputs.password, outputs.tls, {**recipe, **overrides})


def direct(
    address: Address, password: str | None, timeout: float | None = 5.0, tls: Tls | None = None, **overrides: Any
) -> Any:
    """A client of one node or Sentinel that answers or fails within `timeout` seconds; it tries once."""
    once = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": Retry(NoBackoff(), 0)}
    return _client(address, password, tls, {**once, **overrides})


def _client(address: Address, password: str | None, tls: Tls | None, settings: dict[str, Any]) -> Any:
    options = {"password": password, "decode_responses": True, **over_tls(tls), **settings}
    return redis_ha_client.one_context(Redis(*address, **options))
