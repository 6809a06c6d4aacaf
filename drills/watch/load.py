"""Clients that write without rest, and remember every write that was acknowledged to them."""

import itertools
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.errors import DrillError
from drills.target.waiting import until
from drills.watch.routes import Route

LOOK_SECONDS = 10  # for all writes of a client at once: on a busy machine more than a probe has


@dataclass(frozen=True)
class Failure:
    """An error that a client's code saw, after the client's own retries. `at` is in seconds since the epoch."""

    at: float
    client: str
    kind: str
    text: str


@dataclass(frozen=True)
class Gap:
    """A time without an acknowledged write of one client, in seconds since the epoch."""

    client: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass
class Client:
    """One writer and its record. `acknowledged[i]` is (number written, when the answer came).

    `started` and `ended` are when it was told to, in seconds since the epoch; None: not yet.
    """

    name: str
    key: str
    route: Route
    acknowledged: list[tuple[int, float]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    started: float | None = None
    ended: float | None = None

    def gaps(self, at_least: float, since: float = 0.0) -> list[Gap]:
        """The times without an acknowledgement, of `at_least` seconds, that ended after `since`.

        The last of them lasts to the end (until now, for one that still writes): a client that is never answered again
        is silent for that long, and one that was never answered at all from its start.
        """
        end = time.time() if self.ended is None else self.ended
        times = [t for _, t in self.acknowledged] or ([] if self.started is None else [self.started])
        if times and end > times[-1]:
            times.append(end)
        return [Gap(self.name, a, b) for a, b in itertools.pairwise(times) if b - a >= at_least and b > since]


class Load:
    """A number of clients, each on a thread and with a connection of its own, at a steady rate.

    As a context manager: inside it the clients write; entering waits until each has written. A client that is held up
    goes on at its rate afterwards and does not catch up.
    """

    def __init__(
        self,
        make_route: Callable[[], Route],
        clients: int = 2,
        rate: float = 200.0,
        name: str = "client",
        enter: Callable[[], None] | None = None,
        ready: bool = True,
    ) -> None:
        """`rate` is in writes a second, of each client. `enter` is called first on each client's thread.

        Without `ready`, entering does not wait for writes: for clients of a node that is down.
        """
        self._ready = ready
        self._enter = enter
        self.period = 1.0 / rate
        run = uuid.uuid4().hex[:8]
        self.clients = [Client(f"{name}-{i}", f"drill:{run}:{i}", make_route()) for i in range(clients)]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(c,), daemon=True) for c in self.clients]

    def __enter__(self) -> "Load":
        for client, thread in zip(self.clients, self._threads, strict=True):
            client.started = time.time()
            thread.start()
        try:
            if self._ready:
                self.settle(timeout=20)
        except DrillError:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the writing and close the connections. Clients that hang are waited for a minute in all, and left."""
        self._stop.set()
        for client in self.clients:
            client.ended = time.time()
        deadline = time.monotonic() + 60
        for thread in self._threads:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))
        for client in self.clients:
            client.route.close()

    def settle(self, writes: int = 20, timeout: float = 30.0) -> None:
        """Wait until each client has had `writes` further acknowledgements. Raises WaitTimeoutError."""
        goals = [(c, len(c.acknowledged) + writes) for c in self.clients]

        def why() -> str:
            last = [c.failures[-1] for c in self.clients if c.failures]
            return f"last error {last[-1].kind}: {last[-1].text}" if last else "no error was reported"

        until(lambda: all(len(c.acknowledged) >= n for c, n in goals), "each client to write", timeout, 0.02, why)

    def _write(self, client: Client) -> None:
        if self._enter is not None:
            self._enter()
        due = time.monotonic()
        for number in itertools.count():
            if self._stop.is_set():
                return
            try:
                client.route.write(client.key, number)
            except (RedisError, OSError) as error:
                client.failures.append(Failure(time.time(), client.name, type(error).__name__, str(error)))
            else:
                client.acknowledged.append((number, time.time()))
            due = max(due + self.period, time.monotonic())
            self._stop.wait(due - time.monotonic())

    @property
    def acknowledged(self) -> int:
        """Writes acknowledged so far, of all clients."""
        return sum(len(c.acknowledged) for c in self.clients)

    @property
    def failures(self) -> list[Failure]:
        """The errors that the clients' code saw."""
        return sorted((f for c in self.clients for f in c.failures), key=lambda f: f.at)

    def outages(self, since: float = 0.0) -> list[float]:
        """The longest time without an acknowledgement of each client, that ended after `since` (epoch), in seconds.

        Infinite for one that had ended by then.
        """
        return [max((g.seconds for g in c.gaps(0.0, since)), default=float("inf")) for c in self.clients]

    def lost(self, cluster: Cluster, forget: bool = True) -> list[Failure]:
        """The writes that the master does not have, of those acknowledged when it is asked.

        `forget` removes the writes of this load from the cluster: for one that has stopped, or cannot write.
        """
        outputs, missing = cluster.outputs, []
        with clients.direct(cluster.master().address, outputs.password, LOOK_SECONDS, outputs.tls) as master:
            for client in self.clients:
                # Before the look: what is written after it is none of it.
                acknowledged = list(client.acknowledged)
                kept = {int(n) for n in master.smembers(client.key)}
                for number, at in acknowledged:
                    if number not in kept:
                        missing.append(Failure(at, client.name, "lost", f"{client.key} {number}"))
                if forget:
                    master.unlink(client.key)
        return missing
