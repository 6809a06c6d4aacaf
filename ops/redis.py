"""Questions to a node or Sentinel, in the words of redis-py."""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from redis_ha.outputs import Address, Outputs


def direct(at: Address, outputs: Outputs, within: float, **overrides: Any) -> Any:
    """A client of one node or Sentinel that answers or fails within `within` seconds for each step."""
    settings: dict[str, Any] = {
        "password": outputs.password,
        "socket_timeout": within,
        "socket_connect_timeout": within,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        **overrides,
    }
    if outputs.tls:
        tls = outputs.tls
        settings |= {"ssl": True, "ssl_ca_data": tls.ca, "ssl_certfile": tls.cert, "ssl_keyfile": tls.key}
    return Redis(at[0], at[1], **settings)


def record(answer: Any) -> dict[str, str]:
    """A record of Sentinel's, whichever way the protocol version spells it: a map, or keys and values in turn."""
    pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
    return {str(key): str(value) for key, value in pairs}
