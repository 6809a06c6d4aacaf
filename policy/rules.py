"""What must hold of every cluster that a program declares. Pure: resources in, violations out.

Nodes are told by their labels, so a rule holds for every RedisHa in a program, and for no other container or service.
"""

import ipaddress
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CONTAINER = "docker:index/container:Container"
SERVICE = "docker:index/service:Service"
KIND, TRANSPORT = "redis-ha.kind", "redis-ha.transport"
CLUSTER = ("redis-ha.project", "redis-ha.stack", "redis-ha.name")
NODES = ("redis", "sentinel")
# How an exporter, what gives figures, and HAProxy's configuration say where they listen.
LISTENING = re.compile(r"(?:-web\.listen-address=|^serve |^\s*bind )(\S+)", re.MULTILINE)


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
    for one in _parts(resources):
        for port in one.props.get("ports") or ():
            address = port.get("ip") or "0.0.0.0"  # noqa: S104 - Docker's default, which is what is looked for
            if _is_public(address):
                yield Violation(f"port {port.get('external'):.0f} is published at {address}", one.urn)
        for address in dict.fromkeys(_addresses(one, resources)):
            if _is_public(address):
                yield Violation(f"listens at {address}", one.urn)


def tls(resources: Sequence[Resource]) -> Iterator[Violation]:
    """Every connection is encrypted."""
    for one in _parts(resources):
        # Of a service, the tasks say it.
        if "plain" in (_labels(one).get(TRANSPORT), _task_labels(one).get(TRANSPORT)):
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
    for one in _parts(resources):
        if _labels(one)[KIND] in NODES and not _memory(one):
            yield Violation("has no limit of its memory: set `resources.memory`", one.urn)


def _parts(resources: Iterable[Resource]) -> Iterator[Resource]:
    """The containers and services of all clusters."""
    return (one for one in resources if one.type in (CONTAINER, SERVICE) and _labels(one).get(KIND))


def _clusters(resources: Iterable[Resource]) -> Iterator[tuple[str, list[Resource]]]:
    """The nodes of each, by its name."""
    found: dict[tuple[str, ...], list[Resource]] = defaultdict(list)
    for one in _parts(resources):
        if _labels(one)[KIND] in NODES:
            found[_cluster(one)].append(one)
    for key, members in sorted(found.items()):
        yield "/".join(key), members


def _cluster(one: Resource) -> tuple[str, ...]:
    labels = _labels(one)
    return tuple(labels.get(label, "") for label in CLUSTER)


def _count(one: Resource) -> int:
    """How many nodes it is."""
    if one.type == CONTAINER:
        return 1
    return int(((one.props.get("mode") or {}).get("replicated") or {}).get("replicas") or 1)


def _memory(one: Resource) -> Any:
    """The limit of a container, or of each task of a service."""
    if one.type == CONTAINER:
        return one.props.get("memory")
    task = one.props.get("taskSpec") or {}
    return ((task.get("resources") or {}).get("limits") or {}).get("memoryBytes")


def _addresses(one: Resource, resources: Iterable[Resource]) -> Iterator[str]:
    """Those of its host, or hosts, that it listens at itself; none where it has a network of its own."""
    if one.type == SERVICE:  # its tasks have their hosts' network, and each listens at the address of its host
        for place in str((_task(one).get("env") or {}).get("swarm_places", "")).split():
            yield _without_port(place.partition("=")[2])
    elif one.props.get("networkMode") == "host":
        yield from _environment(one).get("bind_address", "").split()
        said = [" ".join(one.props.get("command") or ())]
        if _labels(one)[KIND] == "endpoint":
            said += _haproxy_config(one, resources)
        for places in LISTENING.findall("\n".join(said)):
            yield from map(_without_port, places.split(","))


def _haproxy_config(endpoint: Resource, resources: Iterable[Resource]) -> Iterator[str]:
    """What the endpoint reads: a container that never runs brings it, at the same Docker."""
    for one in _parts(resources):
        if (_labels(one)[KIND], _cluster(one), one.provider) == ("files", _cluster(endpoint), endpoint.provider):
            for file in one.props.get("uploads") or ():
                if str(file.get("file")).endswith("/haproxy.cfg"):
                    yield str(file.get("content"))


def _labels(one: Resource) -> dict[str, str]:
    return _pairs(one.props)


def _task_labels(one: Resource) -> dict[str, str]:
    """Those of a service's containers; a container has none such."""
    return _pairs(_task(one))


def _pairs(labelled: Mapping[str, Any]) -> dict[str, str]:
    return {str(each.get("label")): str(each.get("value")) for each in labelled.get("labels") or ()}


def _task(service: Resource) -> Mapping[str, Any]:
    """What a service's containers are made of."""
    found: Mapping[str, Any] = (service.props.get("taskSpec") or {}).get("containerSpec") or {}
    return found


def _environment(one: Resource) -> dict[str, str]:
    pairs = (str(each).partition("=") for each in one.props.get("envs") or ())
    return {name: value for name, _, value in pairs}


def _without_port(place: str) -> str:
    return place.rpartition(":")[0]


def _is_public(address: str) -> bool:
    """Every address of the host, or one of the internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_unspecified or found.is_global
