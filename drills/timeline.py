"""What happened when: Sentinel events, container events and roles, on one clock (seconds since the epoch)."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from docker.errors import DockerException
from redis.exceptions import RedisError

from drills import clients
from drills.cluster import Cluster, Role
from drills.errors import WaitTimeoutError
from drills.outputs import Node
from drills.waiting import until

CONTAINER_EVENTS = ["create", "start", "kill", "die", "stop", "restart", "pause", "unpause", "destroy", "oom"]


@dataclass(frozen=True)
class Event:
    """One thing that happened. `source` is a node, `docker` or `drill`; `kind` is the event, `detail` its text."""

    at: float
    source: str
    kind: str
    detail: str = ""


class Timeline:
    """Listens to all Sentinels, to Docker and to the nodes' roles while it is entered."""

    def __init__(self, cluster: Cluster, role_period: float = 0.05) -> None:
        """`role_period` is the time between two questions for a node's role, in seconds."""
        self.cluster = cluster
        self.role_period = role_period
        self.events: list[Event] = []
        self.roles: dict[str, Role | None] = {}
        self._stop = threading.Event()
        self._listening: set[str] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Timeline":
        jobs: list[tuple[Callable[[Node], None], Node]] = [(self._listen, s) for s in self.cluster.sentinels]
        jobs += [(self._watch_role, n) for n in self.cluster.nodes]
        self._threads = [threading.Thread(target=job, args=(node,), daemon=True) for job, node in jobs]
        self._threads.append(threading.Thread(target=self._watch_docker, daemon=True))
        for thread in self._threads:
            thread.start()
        names = {s.name for s in self.cluster.sentinels}
        try:
            until(lambda: names <= self._listening, "all Sentinels to be listened to", 10)
        except WaitTimeoutError:
            # A drill may well start with a Sentinel down: its thread goes on trying.
            self.mark("not listening yet", ", ".join(sorted(names - self._listening)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=3)

    def mark(self, kind: str, detail: str = "") -> float:
        """Put an event of the drill itself on the time line; returns when it was."""
        return self._add("drill", kind, detail)

    def _add(self, source: str, kind: str, detail: str = "", at: float | None = None) -> float:
        event = Event(time.time() if at is None else at, source, kind, detail)
        self.events.append(event)
        return event.at

    def find(self, kind: str, since: float = 0.0, source: str | None = None, containing: str = "") -> list[Event]:
        """The events of a kind after `since`, oldest first."""
        found = (
            e
            for e in list(self.events)
            if e.kind == kind and e.at >= since and source in (None, e.source) and containing in e.detail
        )
        return sorted(found, key=lambda e: e.at)

    def wait_for(self, kind: str, since: float, sources: int = 1, timeout: float = 20.0, containing: str = "") -> Event:
        """The first event of a kind since then, once `sources` sources have had it. Raises WaitTimeoutError."""

        def seen() -> list[Event]:
            found = self.find(kind, since, containing=containing)
            return found if len({e.source for e in found}) >= sources else []

        return until(seen, f"{kind} at {sources} source(s)", timeout, 0.02)[0]

    def _listen(self, sentinel: Node) -> None:
        while not self._stop.is_set():
            client = clients.direct(sentinel.address, self.cluster.outputs.password, 2.0, self.cluster.outputs.ca)
            try:
                with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                    pubsub.psubscribe("*")
                    pubsub.get_message(timeout=2.0)
                    self._listening.add(sentinel.name)
                    while not self._stop.is_set():
                        message = pubsub.get_message(ignore_subscribe_messages=True, timeout=0.2)
                        if message is not None and message["type"] == "pmessage":
                            self._add(sentinel.name, str(message["channel"]), str(message["data"]))
            except (RedisError, OSError):
                self._listening.discard(sentinel.name)
                self._stop.wait(0.1)
            finally:
                client.close()

    def _watch_role(self, node: Node) -> None:
        client = clients.direct(node.address, self.cluster.outputs.password, 0.25, self.cluster.outputs.ca)
        probe = Cluster(self.cluster.outputs)
        probe._probes[node.address] = client
        last: str | None = None
        while not self._stop.is_set():
            role = probe.role(node)
            self.roles[node.name] = role
            text = str(role) if role else "no answer"
            if text != last:
                self._add(node.name, "role", text)
                last = text
            self._stop.wait(self.role_period)
        client.close()

    def _watch_docker(self) -> None:
        wanted = {
            "label": f"redis-ha.stack={self.cluster.outputs.stack}",
            "type": "container",
            "event": CONTAINER_EVENTS,
        }
        try:
            stream = self.cluster.docker.events(decode=True, filters=wanted)
        except DockerException as error:
            self.mark("no Docker events", str(error))
            return

        def close() -> None:
            self._stop.wait()
            stream.close()

        threading.Thread(target=close, daemon=True).start()
        try:
            for event in stream:
                attributes = event["Actor"]["Attributes"]
                signal = f" signal {attributes['signal']}" if "signal" in attributes else ""
                node = attributes.get("redis-ha.node", "?")
                self._add("docker", event["Action"], f"{node}{signal}", event["timeNano"] / 1e9)
        except (OSError, DockerException, ValueError, AttributeError):
            # Closing the stream from another thread ends the read in one of these ways.
            return
