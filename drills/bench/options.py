"""What a part of the bench is told: how often, how long, how large, and where its stacks lie."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from drills.bench.results import Sheet
from drills.target.cluster import Cluster
from drills.target.plain import Plain, running
from drills.target.stack import Stack, own_stack

PORT_STEP = 400  # a stack of 30 data nodes takes some 300


@dataclass(frozen=True)
class Options:
    """`runs` of None is each part's own number; `seconds` is the length of the CPU load."""

    say: Callable[[str], None]
    runs: int | None = None
    seconds: float = 600.0
    sizes: tuple[int, ...] = (3, 10, 30)
    clusters: tuple[int, ...] = (1, 3, 10)
    profiles: tuple[str, ...] = ("fast", "balanced")
    name: str = "bench"
    subnet: str = "10.215.0.0/24"
    port: int = 28379

    def subnet_of(self, number: int) -> str:
        """The subnet of the bench's n-th cluster: the given one and those after it."""
        a, b, c, rest = self.subnet.split(".")
        return f"{a}.{b}.{int(c) + number}.{rest}"

    def settings(self, number: int = 0) -> dict[str, Any]:
        """The settings that say where the n-th stack lies."""
        first = self.port + PORT_STEP * number
        return {
            "ports": {n: first + i for i, n in enumerate(("master", "replica", "sentinel", "write", "read"))},
            "subnet": self.subnet_of(number),
        }

    def plain(self, number: int, image: str, **settings: Any) -> Plain:
        """A plain cluster in the n-th place, not started yet."""
        return Plain(image, name=f"{self.name}-plain-{number}", subnet=self.subnet_of(number), **settings)

    def running(self, number: int, image: str, **settings: Any) -> AbstractContextManager[Cluster]:
        """The same, formed; removed at the end."""
        return running(self.plain(number, image, **settings))

    def stack(
        self, number: int = 0, settings: Mapping[str, Any] | None = None, engine: str | None = None
    ) -> AbstractContextManager[Stack]:
        """A stack of the bench's own in the n-th place, not up yet; removed at the end."""
        environment = {"REDIS_HA_ENGINE": engine} if engine else None
        return own_stack(f"{self.name}-{number}", {**self.settings(number), **(settings or {})}, environment)

    @contextmanager
    def cluster(self, number: int = 0, settings: Mapping[str, Any] | None = None) -> Iterator[Cluster]:
        """The same, deployed."""
        with self.stack(number, settings) as stack:
            stack.up()
            yield Cluster(stack.outputs())


@dataclass(frozen=True)
class Part:
    """One part of the bench."""

    name: str
    title: str
    measure: Callable[[Options, Sheet], None]


def image_of(cluster: Cluster) -> str:
    """The image that a stack's containers run, so that what it is compared with runs the very same Redis."""
    return str(cluster.container(cluster.nodes[0]).attrs["Image"])


def timed(action: Callable[[], object]) -> float:
    """The seconds that something takes."""
    began = time.monotonic()
    action()
    return time.monotonic() - began
