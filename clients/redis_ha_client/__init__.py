"""redis-py clients that a failover does not hold up: copy this folder, or import it. It needs redis-py 6 to 8 alone.

    import redis_ha_client

    master = redis_ha_client.from_url(sentinel_url)     # the stack's output of that name
    master = redis_ha_client.master([("10.213.7.130", 16381), ...], "mymaster", password)
    master.set("greeting", "hello")

and `await redis_ha_client.async_master(...).set(...)` in asyncio. What it does beyond `Sentinel.master_for`:

- It listens to all Sentinels. When they announce a new master, the connections to the old one are closed at once, so
  that who waits there connects anew: also BLPOP, XREADGROUP BLOCK 0 and SUBSCRIBE, and also where the old master is
  merely silent (hung, cut off). Of Sentinels that disagree, the one that knows of the latest failover is believed.
- Time limits on connecting and on reading, for the nodes and for the Sentinels: a host that is silent (powered off,
  hung, cut off) otherwise holds a client for as long as TCP likes.
- No retries of the Sentinels' own connections: redis-py's default is several with a growing pause, so that one dead
  Sentinel costs every question to it many seconds.
- Many quick retries of the command itself, each of which finds out who is master. redis-py 8.1 by itself reconnects to
  the OLD master when it retries (redis-py#3874), for as long as the retries last. It also retries on NOREPLICAS, with
  which a node refuses writes that it could not keep, and on UNBLOCKED, with which a master that has handed over lets go
  those who wait (redis-py takes both for mistakes).

- With TLS one context for all connections: redis-py makes one for each, which takes 20 to 50 ms of CPU. A client of the
  endpoint gets that by `one_context(Redis(...))`.

A command whose answer is lost is sent again, as with any retry: INCR may count twice, SET and SADD are safe. For
commands that wait and for subscriptions take a client without a limit on reading, `master(..., socket_timeout=None)`.
"""

from .aio import AsyncAskAgain, AsyncAskAgainTls, async_from_url, async_master, async_replica, async_sentinel
from .common import CONNECT_TIMEOUT, PATIENCE, PAUSE, READ_TIMEOUT, Address, Place
from .sync import AskAgain, AskAgainTls, from_url, master, replica, sentinel
from .tls import one_context

__all__ = [
    "CONNECT_TIMEOUT",
    "PATIENCE",
    "PAUSE",
    "READ_TIMEOUT",
    "Address",
    "AskAgain",
    "AskAgainTls",
    "AsyncAskAgain",
    "AsyncAskAgainTls",
    "Place",
    "async_from_url",
    "async_master",
    "async_replica",
    "async_sentinel",
    "from_url",
    "master",
    "one_context",
    "replica",
    "sentinel",
]
