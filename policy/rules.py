"""What must hold of every cluster that a program declares. Pure: resources in, violations out.

Nodes are told by their labels, so a rule holds for every RedisHa in a program, and for no other container.
"""

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CONTAINER = "docker:index/container:Container"
SERVICE = "docker:index/service:Service"
KIND, TRANSPORT = "redis-ha.kind", "redis-ha.transport"
CLUSTER = ("redis-ha.project", "redis-ha.stack", "redis-ha.name")
NODES = ("redis", "sentinel")


@dataclass(frozen=True)
class Resource:
    """One resource as the program declares it. `provider` stands for the Docker that it lies in; None: the default."""

    urn: str
    type: str
    props: Mapping[str, Any]
    provider: str | None = None


@dataclass(frozen=True)
class Violation:
    """What is wrong, and with which resource (None: with the cluster as a whole)."""

    text: str
    urn: str | None = None


def no_public_port(resources: Sequence[Resource]) -> Iterator[Violation]:
    """Nothing listens at an address that strangers reach."""
    for one in _containers(resources):
        for port in one.props.get("ports") or ():
            address = port.get("ip") or "0.0.0.0"  # noqa: S104 - Docker's default, which is what is looked for
            if _is_public(address):
                yield Violation(f"port {port.get('external'):.0f} is published at {address}", one.urn)
        for address in _environment(one).get("bind_address", "").split():
            if one.props.get("networkMode") == "host" and _is_public(address):
                yield Violation(f"listens at {address}", one.urn)


def tls(resources: Sequence[Resource]) -> Iterator[Violation]:
    """Every connection is encrypted."""
    for one in _containers(resources):
        if _labels(one).get(TRANSPORT) == "plain":
            yield Violation("speaks without TLS: set `tls`", one.urn)


def odd_sentinels(resources: Sequence[Resource]) -> Iterator[Violation]:
    """An odd number, three or more: what survives the loss of one best."""
    for name, members in _clusters(resources):
        count = sum(_count(one) for one in members if _labels(one)[KIND] == "sentinel")
        if count < 3 or count % 2 == 0:
            yield Violation(f"cluster {name} has {count} Sentinels; allowed: 3, 5 or 7")


def hosts_apart(resources: Sequence[Resource]) -> Iterator[Violation]:
    """Where a cluster has several hosts, the loss of one takes neither two Sentinels nor all data nodes."""
    for name, members in _clusters(resources):
        where: dict[str, Counter[str | None]] = defaultdict(Counter)
        for one in members:
            if one.type == CONTAINER:  # Swarm itself keeps services apart
                where[_labels(one)[KIND]][one.provider] += 1
        hosts = {provider for found in where.values() for provider in found}
        if len(hosts) < 2:
            continue
        if max(where["sentinel"].values(), default=0) > 1:
            yield Violation(f"cluster {name} has two Sentinels on one host")
        if len(where["redis"]) == 1 and where["redis"].total() > 1:
            yield Violation(f"cluster {name} has all data nodes on one host")


def memory_limits(resources: Sequence[Resource]) -> Iterator[Violation]:
    """No node can take the memory of its neighbours."""
    for one in _containers(resources):
        if _labels(one)[KIND] in NODES and not one.props.get("memory"):
            yield Violation("has no limit of its memory: set `resources.memory`", one.urn)
    for one in resources:
        if one.type == SERVICE and _labels(one).get(KIND) in NODES and not _memory_of_tasks(one):
            yield Violation("has no limit of its memory: set `resources.memory`", one.urn)


def _containers(resources: Iterable[Resource]) -> Iterator[Resource]:
    return (one for one in resources if one.type == CONTAINER and _labels(one).get(KIND))


def _clusters(resources: Iterable[Resource]) -> Iterator[tuple[str, list[Resource]]]:
    """The nodes of each, by its name."""
    found: dict[tuple[str, ...], list[Resource]] = defaultdict(list)
    for one in resources:
        labels = _labels(one) if one.type in (CONTAINER, SERVICE) else {}
        if labels.get(KIND) in NODES:
            found[tuple(labels.get(label, "") for label in CLUSTER)].append(one)
    for key, members in sorted(found.items()):
        yield "/".join(key), members


def _count(one: Resource) -> int:
    """How many nodes it is."""
    if one.type == CONTAINER:
        return 1
    return int(((one.props.get("mode") or {}).get("replicated") or {}).get("replicas") or 1)


def _memory_of_tasks(service: Resource) -> Any:
    task = service.props.get("taskSpec") or {}
    return ((task.get("resources") or {}).get("limits") or {}).get("memoryBytes")


def _labels(one: Resource) -> dict[str, str]:
    return {str(each.get("label")): str(each.get("value")) for each in one.props.get("labels") or ()}


def _environment(one: Resource) -> dict[str, str]:
    pairs = (str(each).partition("=") for each in one.props.get("envs") or ())
    return {name: value for name, _, value in pairs}


def _is_public(address: str) -> bool:
    """Every address of the host, or one of the internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_unspecified or found.is_global
