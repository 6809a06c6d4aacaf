"""Clients in asyncio. The functions are described in the package; this is how they do it."""

import asyncio
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from .common import (
    CONNECT_TIMEOUT,
    LOOK_EVERY,
    PATIENCE,
    PAUSE,
    SWITCHED,
    Address,
    Answers,
    Place,
    Sentinels,
    answer_of,
    settings,
    tls_options,
    turn_away,
)
from .tls import AsyncOneContext, one_context


def async_sentinel(
    sentinels: Sentinels,
    password: str | None = None,
    *,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    sentinel_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> "AsyncFollowed":
    """See the package."""
    connection = AsyncAskAgainTls if ca else AsyncAskAgain
    many = Retry(ConstantBackoff(PAUSE), int(PATIENCE / PAUSE))
    of_sentinels, of_nodes = settings(password, tls_options(ca, cert, key), Retry(NoBackoff(), 0), many)
    of_sentinels |= sentinel_kwargs or {}
    return AsyncFollowed(
        list(sentinels), sentinel_kwargs=of_sentinels, **{**of_nodes, "connection_class": connection, **options}
    )


def async_master(sentinels: Sentinels, master_name: str, password: str | None = None, **options: Any) -> Any:
    """See the package."""
    return async_sentinel(sentinels, password, **options).master_for(master_name)


def async_replica(sentinels: Sentinels, master_name: str, password: str | None = None, **options: Any) -> Any:
    """See the package."""
    return async_sentinel(sentinels, password, **options).slave_for(master_name)


def async_from_url(url: str, **options: Any) -> Any:
    """See the package."""
    place = Place.of(url)
    if place.tls and "ca" not in options:
        raise ValueError("a URL that begins with rediss needs ca=, the PEM text of the CA")
    return async_master(place.sentinels, place.master_name, place.password, **{**place.arguments(), **options})


class AsyncFollowed(Sentinel):
    """Sentinels that are listened to: one task each, from the first question for a master on."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
        for one in self.sentinels:
            one_context(one)
        self._watches: dict[str, AsyncWatch] = {}

    def watch(self, name: str) -> "AsyncWatch":
        """What is known of this master; to be called in the loop that the client is used in."""
        known = self._watches.get(name)
        if known is None or known.loop is not asyncio.get_running_loop():
            known = self._watches[name] = AsyncWatch(self.sentinels, name)
        return known

    async def discover_master(self, service_name: str) -> Address:
        """The master's address, as last heard; asked for where nothing was heard."""
        if heard := self.watch(service_name).master:
            return heard
        host, port = await super().discover_master(service_name)
        return str(host), int(port)


class AsyncWatch:
    """Who is master, by the announcements of all Sentinels; ends the connections to who no longer is."""

    def __init__(self, sentinels: list[Any], name: str) -> None:
        self.loop = asyncio.get_running_loop()
        self._answers = Answers()
        self._changed = asyncio.Event()
        self._connections: weakref.WeakSet[AsyncAskAgain] = weakref.WeakSet()
        self._tasks = [
            # A task must not keep what it serves alive.
            self.loop.create_task(_listen(weakref.ref(self), number, one, name))
            for number, one in enumerate(sentinels)
        ]
        for task in self._tasks:
            weakref.finalize(self, task.cancel)

    @property
    def master(self) -> Address | None:
        """The master; None while no Sentinel answers."""
        return self._answers.master

    def join(self, connection: "AsyncAskAgain") -> None:
        """From now on the connection is ended when there is another master."""
        self._connections.add(connection)

    def heard(self, number: int, answer: tuple[int, Address] | None) -> None:
        """Note a Sentinel's answer, and act on it."""
        before = self.master
        self._answers.heard(number, answer)
        now = self.master
        if now is None or now == before:
            return
        self._changed.set()
        self._changed = asyncio.Event()
        for connection in list(self._connections):
            connection.leave(now)

    async def other_than(self, address: Address) -> None:
        """Wait until there is another master than that."""
        while self.master in (None, address):
            await self._changed.wait()


async def _listen(to: "weakref.ref[AsyncWatch]", number: int, sentinel: "Redis", name: str) -> None:
    """Tell a watch what one Sentinel says, for as long as there is the watch."""
    while to() is not None:
        try:
            async with sentinel.pubsub() as channel:
                await channel.subscribe(SWITCHED)
                while True:
                    answer = answer_of(await sentinel.execute_command("SENTINEL", "MASTER", name))
                    if (watch := to()) is None:
                        return
                    watch.heard(number, answer)
                    del watch
                    # The first is the confirmation, after which it is asked again: nothing falls in between.
                    await channel.get_message(timeout=LOOK_EVERY)
        except (RedisError, OSError):
            await asyncio.sleep(CONNECT_TIMEOUT)
        finally:
            if (watch := to()) is not None:
                watch.heard(number, None)
                del watch


class AsyncAskAgain(SentinelManagedConnection):
    """As AskAgain, for asyncio."""

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """As AskAgain.send_packed_command."""
        if not self.is_connected:
            await self._connect_anew()
        await super().send_packed_command(command, check_health)

    async def _connect_anew(self) -> None:
        pool = self.connection_pool
        if pool.is_master:
            await self.connect_to(await pool.get_master_address())
            return
        async for address in pool.rotate_slaves():
            with suppress(RedisError):
                await self.connect_to(address)
                return

    async def connect_to(self, address: Address) -> None:
        """Connect to that address, for as long as no other master is announced."""
        pool = self.connection_pool
        if not (pool.is_master and isinstance(pool.sentinel_manager, AsyncFollowed)):
            await super().connect_to(address)  # type: ignore[no-untyped-call]
            return
        watch = pool.sentinel_manager.watch(pool.service_name)
        watch.join(self)
        connecting = asyncio.ensure_future(super().connect_to(address))  # type: ignore[no-untyped-call]
        moved = asyncio.ensure_future(watch.other_than(address))
        try:
            await asyncio.wait({connecting, moved}, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                connecting.result()
                return
        finally:
            moved.cancel()
            connecting.cancel()
        await self.disconnect(nowait=True)
        raise RedisConnectionError("another master was announced")

    def leave(self, master: Address) -> None:
        """Who waits for an answer of another node than this one gets a closed connection."""
        if self._writer is not None and (self.host, self.port) != master:
            self._writer.transport.abort()

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """As AskAgain.read_response."""
        try:
            return await super().read_response(*args, **kwargs)
        except ResponseError as error:
            if instead := turn_away(error):
                await self.disconnect()
                raise instead from error
            raise


class AsyncAskAgainTls(AsyncAskAgain, SentinelManagedSSLConnection, AsyncOneContext):
    """The same with TLS."""
