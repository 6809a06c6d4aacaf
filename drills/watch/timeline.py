"""What happened when: Sentinel events, container events and roles, on one clock (seconds since the epoch)."""

import functools
import threading
import time
from dataclasses import dataclass

from redis.exceptions import RedisError

from drills.target import clients
from drills.target.cluster import Cluster, Role
from drills.target.daemons import Daemon
from drills.target.errors import DrillError, WaitTimeoutError
from drills.target.waiting import until
from redis_ha.outputs import Node

CONTAINER_EVENTS = ["create", "start", "kill", "die", "stop", "restart", "pause", "unpause", "destroy", "oom"]
DOCKER_PERIOD = 1.0  # seconds between two questions; the events have their own times
CLOCK_TOLERANCE = 2.0  # seconds


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
        jobs = [functools.partial(self._listen, sentinel) for sentinel in self.cluster.sentinels]
        jobs += [functools.partial(self._watch_role, node) for node in self.cluster.nodes]
        jobs += [functools.partial(self._watch_docker, daemon) for daemon in self.cluster.daemons]
        self._threads = [threading.Thread(target=job, daemon=True) for job in jobs]
        for thread in self._threads:
            thread.start()
        names = {s.name for s in self.cluster.sentinels}
        try:
            until(lambda: names <= self._listening, "all Sentinels to be listened to", 10)
        except WaitTimeoutError:
            # A drill may well start with a Sentinel down: its thread goes on trying.
            self.mark("not listening yet", ", ".join(sorted(names - self._listening)))
        return self

    def __exit__(self, *_: object) -> None:
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
            client = clients.direct(sentinel.address, self.cluster.outputs.password, 2.0, self.cluster.outputs.tls)
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
        last: str | None = None
        while not self._stop.is_set():
            role = self.cluster.role(node)
            self.roles[node.name] = role
            text = str(role) if role else "no answer"
            if text != last:
                self._add(node.name, "role", text)
                last = text
            self._stop.wait(self.role_period)

    def _watch_docker(self, daemon: Daemon) -> None:
        """Ask for what has happened since the last time: a stream would end in silence with the host."""
        label = f"redis-ha.stack={self.cluster.outputs.stack}"
        since, seen, ending = time.time(), set[tuple[str, str, int]](), False
        while not ending:
            ending = self._stop.wait(DOCKER_PERIOD)
            now = time.time()
            try:
                # A while back, since another host's clock may be behind.
                events = daemon.events(label, CONTAINER_EVENTS, since - CLOCK_TOLERANCE, now)
            except DrillError:
                continue
            for event in events:
                identity, attributes = (event["id"], event["Action"], event["timeNano"]), event["Actor"]["Attributes"]
                if identity not in seen and self.cluster.owns(attributes, attributes["name"]):
                    seen.add(identity)
                    signal = f" signal {attributes['signal']}" if "signal" in attributes else ""
                    node = attributes.get("redis-ha.node", "?")
                    self._add("docker", event["Action"], f"{node}{signal}", event["timeNano"] / 1e9)
            since = now
