"""Whether a cluster is whole: every node up, one master, every replica linked, every Sentinel seeing exactly that."""

from collections.abc import Iterator
from typing import Any

from redis.exceptions import RedisError

from drills.target.cluster import Cluster
from drills.target.waiting import until
from redis_ha.outputs import Node


def problems(cluster: Cluster) -> list[str]:
    """What is wrong with the cluster at this moment, one sentence each; empty when it is whole."""
    return list(_containers(cluster)) or list(_data_nodes(cluster)) or list(_sentinels(cluster))


def wait_healthy(cluster: Cluster, timeout: float = 90.0) -> None:
    """Wait until nothing is wrong. Raises WaitTimeoutError with what still is."""
    until(lambda: not problems(cluster), "a whole cluster", timeout, 0.2, lambda: "; ".join(problems(cluster)))


def _containers(cluster: Cluster) -> Iterator[str]:
    if silent := cluster.unreachable() if cluster.outputs.hosts else []:
        yield f"Docker does not answer on {', '.join(silent)}"
        return
    status = {c.labels["redis-ha.node"]: c.status for c in cluster.containers()}
    for node in (*cluster.nodes, *cluster.sentinels):
        if status.get(node.name) != "running":
            yield f"{node.name} is {status.get(node.name, 'not there')}"


def _data_nodes(cluster: Cluster) -> Iterator[str]:
    roles = cluster.roles()
    masters = [n for n, role in roles.items() if role and role.name == "master"]
    if len(masters) != 1:
        yield f"{len(masters)} masters ({', '.join(n.name for n in masters)})"
    for node, role in roles.items():
        if role is None:
            yield f"{node.name} does not answer"
        elif role.name != "master" and masters and (role.master != masters[0].address or not role.linked):
            yield f"{node.name} is {role}"


def _sentinels(cluster: Cluster) -> Iterator[str]:
    master = next((n for n, role in cluster.roles().items() if role and role.name == "master"), None)
    if master is None:
        yield "the master has stopped answering"
        return
    for sentinel in cluster.sentinels:
        try:
            yield from (f"{sentinel.name}: {text}" for text in _one_sentinel(cluster, sentinel, master))
        except (RedisError, OSError) as error:
            yield f"{sentinel.name} does not answer: {error}"


def _one_sentinel(cluster: Cluster, sentinel: Node, master: Node) -> Iterator[str]:
    seen = sentinel_view(cluster, sentinel)
    if (seen["ip"], seen["port"]) != master.address:
        yield f"announces {seen['ip']}:{seen['port']} instead of {master.name}"
    if seen["flags"] != "master":
        yield f"flags the master {seen['flags']}"
    for count, expected in (
        ("num-slaves", len(cluster.nodes) - 1),
        ("num-other-sentinels", len(cluster.sentinels) - 1),
    ):
        if seen[count] != expected:
            yield f"{count} is {seen[count]}, not {expected}"
    for kind in ("SLAVES", "SENTINELS"):  # redis-py reads the answers of these words
        for peer in cluster.probe(sentinel).execute_command(f"SENTINEL {kind}", cluster.outputs.master_name):
            if peer["flags"] not in ("slave", "sentinel"):
                yield f"flags {peer['ip']}:{peer['port']} {peer['flags']}"


def sentinel_view(cluster: Cluster, sentinel: Node) -> dict[str, Any]:
    """One Sentinel's record of the master, as `SENTINEL MASTER` has it; numbers are numbers."""
    return dict(cluster.probe(sentinel).execute_command("SENTINEL MASTER", cluster.outputs.master_name))
