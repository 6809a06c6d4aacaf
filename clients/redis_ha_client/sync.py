"""Clients with threads. The functions are described in the package; this is how they do it."""

import os
import selectors
import socket
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection

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
from .tls import OneContext, one_context


def sentinel(
    sentinels: Sentinels,
    password: str | None = None,
    *,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    sentinel_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> "Followed":
    """See the package."""
    connection = AskAgainTls if ca else AskAgain
    many = Retry(ConstantBackoff(PAUSE), int(PATIENCE / PAUSE))
    of_sentinels, of_nodes = settings(password, tls_options(ca, cert, key), Retry(NoBackoff(), 0), many)
    of_sentinels |= sentinel_kwargs or {}
    return Followed(
        list(sentinels), sentinel_kwargs=of_sentinels, **{**of_nodes, "connection_class": connection, **options}
    )


def master(sentinels: Sentinels, master_name: str, password: str | None = None, **options: Any) -> Any:
    """See the package."""
    return sentinel(sentinels, password, **options).master_for(master_name)  # type: ignore[no-untyped-call]


def replica(sentinels: Sentinels, master_name: str, password: str | None = None, **options: Any) -> Any:
    """See the package."""
    return sentinel(sentinels, password, **options).slave_for(master_name)  # type: ignore[no-untyped-call]


def from_url(url: str, **options: Any) -> Any:
    """See the package."""
    place = Place.of(url)
    if place.tls and "ca" not in options:
        raise ValueError("a URL that begins with rediss needs ca=, the PEM text of the CA")
    return master(place.sentinels, place.master_name, place.password, **{**place.arguments(), **options})


class Followed(Sentinel):
    """Sentinels that are listened to: one thread each, from the first question for a master on."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
        for one in self.sentinels:
            one_context(one)
        self._watches: dict[str, Watch] = {}
        self._lock = threading.Lock()

    def watch(self, name: str) -> "Watch":
        """What is known of this master. Threads do not outlive a fork, so each process has its own."""
        with self._lock:
            known = self._watches.get(name)
            if known is None or known.pid != os.getpid():
                known = self._watches[name] = Watch(self.sentinels, name)
            return known

    def discover_master(self, service_name: str) -> Address:
        """The master's address, as last heard; asked for where nothing was heard."""
        return self.watch(service_name).master or super().discover_master(service_name)  # type: ignore[no-untyped-call]


class Watch:
    """Who is master, by the announcements of all Sentinels; ends the connections to who no longer is."""

    def __init__(self, sentinels: list[Any], name: str) -> None:
        self.pid = os.getpid()
        self._answers = Answers()
        self._changed = threading.Condition()
        self._connections: weakref.WeakSet[AskAgain] = weakref.WeakSet()
        for number, one in enumerate(sentinels):
            # The thread must not keep what it serves alive: it ends when nobody needs the watch any more.
            listening = (weakref.ref(self), number, one, name)
            threading.Thread(target=_listen, args=listening, name=f"{name}-sentinel-{number}", daemon=True).start()

    @property
    def master(self) -> Address | None:
        """The master; None while no Sentinel answers."""
        return self._answers.master

    def join(self, connection: "AskAgain") -> None:
        """From now on the connection is ended when there is another master."""
        with self._changed:
            self._connections.add(connection)

    def heard(self, number: int, answer: tuple[int, Address] | None) -> None:
        """Note a Sentinel's answer, and act on it."""
        with self._changed:
            before = self.master
            self._answers.heard(number, answer)
            now = self.master
            if now is None or now == before:
                return
            self._changed.notify_all()
            connections = list(self._connections)
        for connection in connections:
            connection.leave(now)

    def other_than(self, address: Address, seconds: float) -> bool:
        """Wait until there is another master than that, for so long at most; whether there is."""
        with self._changed:
            return self._changed.wait_for(lambda: self.master not in (None, address), seconds)


def _listen(to: "weakref.ref[Watch]", number: int, sentinel: "Redis", name: str) -> None:
    """Tell a watch what one Sentinel says, for as long as there is the watch."""
    while to() is not None:
        try:
            with sentinel.pubsub() as channel:
                channel.subscribe(SWITCHED)
                while (watch := to()) is not None:
                    watch.heard(number, answer_of(sentinel.execute_command("SENTINEL", "MASTER", name)))
                    del watch
                    # The first is the confirmation, after which it is asked again: nothing falls in between.
                    channel.get_message(timeout=LOOK_EVERY)
        except (RedisError, OSError):
            time.sleep(CONNECT_TIMEOUT)
        finally:
            if (watch := to()) is not None:
                watch.heard(number, None)
                del watch


class AskAgain(SentinelManagedConnection):
    """A connection that finds out who is master whenever it has to connect, also inside a retry."""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send a command, to the node that the Sentinels name if there is no connection."""
        if self._sock is None:
            self._connect_anew()
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    def _connect_anew(self) -> None:
        pool = self.connection_pool
        if pool.is_master:
            self.connect_to(pool.get_master_address())
            return
        for address in pool.rotate_slaves():
            with suppress(RedisError):
                self.connect_to(address)
                return

    def connect_to(self, address: Address) -> None:
        """Connect to that address, or to the master that is announced meanwhile."""
        pool = self.connection_pool
        if pool.is_master and isinstance(pool.sentinel_manager, Followed):
            watch = pool.sentinel_manager.watch(pool.service_name)
            watch.join(self)
            if address == (self.host, self.port):
                address = _answering(address, watch)
        super().connect_to(address)  # type: ignore[no-untyped-call]

    def leave(self, master: Address) -> None:
        """Another thread says who is master now: who waits for an answer of another node gets a closed connection."""
        connected: socket.socket | None = self._sock
        if connected is not None and (self.host, self.port) != master:
            with suppress(OSError):
                # Not the method of an SSLSocket, which would take its parts away from under the reader.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Read an answer; a master that accepts no writes is one to turn away from."""
        try:
            return super().read_response(*args, **kwargs)
        except ResponseError as error:
            if instead := turn_away(error):
                self.disconnect()  # type: ignore[no-untyped-call]
                raise instead from error
            raise


class AskAgainTls(AskAgain, SentinelManagedSSLConnection, OneContext):
    """The same with TLS."""


def _answering(address: Address, watch: Watch) -> Address:
    """The address as soon as its host answers a connect, whatever it says; another one if that is announced first.

    A host that is gone answers nothing, and redis-py's own connect would sit there for its whole time limit.
    """
    family, kind, protocol, _, place = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
    ends = time.monotonic() + CONNECT_TIMEOUT
    with socket.socket(family, kind, protocol) as trial, selectors.DefaultSelector() as answered:
        trial.setblocking(False)
        trial.connect_ex(place)
        answered.register(trial, selectors.EVENT_WRITE)
        while time.monotonic() < ends:
            if answered.select(0.002):
                return address
            if watch.other_than(address, 0.003):
                return watch.master or address
    raise RedisTimeoutError("Timeout connecting to server")
