"""From what was seen to what is wrong. Pure."""

from collections.abc import Iterator

from ops.status.facts import Facts, Node
from ops.status.messages import Finding, Health, Message, find

SILENT_SECONDS = 10
"""As long as the health check in the container waits for its agent."""
LAG_SECONDS = 5
"""Replicas acknowledge once a second."""
NEARLY = 0.9
EXPIRES_DAYS = 14
TOO_OLD = 2
"""Times the period of backups."""


def findings(facts: Facts) -> list[Finding]:
    """What is not as it should be, the worst first; empty when the stack is healthy."""
    return sorted(_all(facts), key=lambda finding: -finding.level)


def health(found: list[Finding]) -> Health:
    """The worst of it."""
    return max((finding.level for finding in found), default=Health.HEALTHY)


def line(facts: Facts, found: list[Finding]) -> str:
    """The verdict, in one line."""
    word = health(found).name.lower()
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return f"{word}: {found[0].text}{more}"
    replicas, sentinels = len(facts.of_kind("redis")) - 1, len(facts.of_kind("sentinel"))
    others = f"{replicas} {'replica' if replicas == 1 else 'replicas'} in sync"
    agree = "1 Sentinel agrees" if sentinels == 1 else f"{sentinels} Sentinels agree"
    return f"{word}: {facts.masters[0].name} is master, {others}, {agree}"


def _all(facts: Facts) -> Iterator[Finding]:
    answering = any(node.data or node.watch for node in facts.nodes)
    there = any(node.container for node in facts.nodes)
    if facts.silent_dockers and not there and not answering:
        yield find(Message.NO_DOCKER, why=next(iter(facts.silent_dockers.values())))
        return
    if not there and not answering and not facts.silent_dockers:
        yield find(Message.NOTHING_RUNS, stack=facts.stack)
        return
    if facts.no_outputs:
        yield find(Message.NO_OUTPUTS, why=facts.no_outputs)
    for host, why in facts.silent_dockers.items():
        yield find(Message.SILENT_DOCKER, host=f" of host {host}" if host else "", why=why)
    yield from _masters(facts)
    data, sentinels = facts.of_kind("redis"), facts.of_kind("sentinel")
    of_nodes = [(node, list(_data_node(node, facts))) for node in data]
    unwell = {node.where for node, found in of_nodes if found}
    unwell |= {node.where for node in sentinels if any(_process(node, facts)) and not (node.said and node.watch)}
    for _, found in of_nodes:
        yield from found
    for node in sentinels:
        yield from _sentinel(node, facts, unwell)
    yield from _council(facts)
    yield from _around(facts)


def _around(facts: Facts) -> Iterator[Finding]:
    """Versions, endpoints, backups, certificates."""
    data = facts.of_kind("redis")
    versions = sorted({node.data.version for node in data if node.data})
    if len(versions) > 1:
        yield find(Message.VERSIONS, versions=", ".join(versions))
    for node in facts.of_kind("endpoint"):
        word = _container_word(node) or (node.container.health if node.container else "not there")
        if word not in (None, "healthy", "starting"):
            yield find(Message.ENDPOINT, node=node.name, health=word)
    for node in facts.of_kind("backup"):
        yield from _backup(node, facts)
    for one in facts.certificates:
        if one.days <= 0:
            yield find(Message.EXPIRED, of=one.of)
        elif one.days < EXPIRES_DAYS:
            yield find(Message.EXPIRES, of=one.of, days=int(one.days))


def _backup(node: Node, facts: Facts) -> Iterator[Finding]:
    backup = node.backup
    missing = "not there" if node.container is None and not facts.silent_dockers else None
    if word := _container_word(node) or missing:
        yield find(Message.NO_BACKUPS, node=node.name, status=word)
    elif backup and backup.why:
        yield find(Message.BACKUP_FAILED, why=backup.why)
    elif backup and backup.age is not None and backup.age > TOO_OLD * backup.every:
        yield find(Message.BACKUP_OLD, age=duration(backup.age))


def duration(seconds: float) -> str:
    """In the largest unit of which there are two."""
    for size, word in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds:.0f} s"


def _masters(facts: Facts) -> Iterator[Finding]:
    masters = facts.masters
    if not masters:
        yield find(Message.NO_MASTER)
    if len(masters) > 1:
        yield find(Message.TWO_MASTERS, nodes=" and ".join(node.name for node in masters))
    if len(masters) == 1:
        yield from _the_master(masters[0], facts)


def _the_master(master: Node, facts: Facts) -> Iterator[Finding]:
    said, data = master.said, master.data
    if said and "lease" in said.paused:
        yield find(Message.HELD_BACK, node=master.name)
    elif said and said.paused:
        yield find(Message.HAND_OVER, node=master.name)
    if (said and not said.storing) or (data and not data.stores):
        yield find(Message.CANNOT_STORE, node=master.name)
    if data is None:
        return
    if data.in_sync == 0:
        yield find(Message.NO_REPLICA_IN_SYNC, node=master.name)
    if data.max_memory and not data.evicts and data.memory >= data.max_memory:
        yield find(Message.FULL, node=master.name, **_memory(master))
    replicas = [node for node in facts.of_kind("redis") if node is not master]
    if replicas and not any(_may_take_over(node) for node in replicas):
        yield find(Message.NO_CANDIDATE, node=master.name)


def _may_take_over(node: Node) -> bool:
    return node.data is not None and node.data.link and node.data.priority > 0 and not node.data.loading


def _memory(node: Node) -> dict[str, str]:
    assert node.data is not None  # noqa: S101 - asked for only then
    share = round(100 * node.data.memory / node.data.max_memory)
    return {"share": f"{share} %", "limit": f"{node.data.max_memory / 2**20:.0f} MB"}


def _container_word(node: Node) -> str | None:
    """What keeps a node's container from running; None when it runs."""
    if node.container is None or node.container.status == "running":
        return None
    return node.container.status


def _process(node: Node, facts: Facts) -> Iterator[Finding]:
    """Of a data node or a Sentinel: the first thing that keeps it from doing its work."""
    said = node.said
    blind = (node.host or "") in facts.silent_dockers
    if node.container is None and not blind:
        yield find(Message.NO_CONTAINER, node=node.name)
    elif word := _container_word(node):
        yield find(Message.NOT_RUNNING, node=node.name, status=word)
    elif said is None and not blind and not facts.swarm:
        yield find(Message.AGENT_NEW, node=node.name)
    elif said and said.age > SILENT_SECONDS:
        yield find(Message.AGENT_SILENT, node=node.name, age=int(said.age), why=said.why)
    elif said and not said.joined:
        yield find(Message.NOT_JOINED, node=node.name, why=said.why)
    elif node.silence is not None:
        yield find(Message.NO_ANSWER, node=node.name, address=node.where, why=node.silence)


def _data_node(node: Node, facts: Facts) -> Iterator[Finding]:
    found = list(_process(node, facts))
    yield from found
    data = node.data
    if data is None:
        return
    full = data.max_memory and not data.evicts and data.memory >= NEARLY * data.max_memory
    refuses = data.role == "master" and data.memory >= data.max_memory
    if full and not refuses:
        yield find(Message.NEARLY_FULL, node=node.name, **_memory(node))
    if data.role != "replica" or found:
        return
    masters = facts.masters
    if masters and data.follows is not None and data.follows not in [one.address for one in masters]:
        yield find(Message.OTHER_MASTER, node=node.name, address=f"{data.follows[0]}:{data.follows[1]}")
    elif not data.link:
        yield find(Message.LINK_DOWN, node=node.name)
    elif (lag := lag_of(node, facts)) is not None and lag > LAG_SECONDS:
        yield find(Message.LAGS, node=node.name, lag=lag)
    if not data.stores:
        yield find(Message.REPLICA_CANNOT_STORE, node=node.name)


def lag_of(node: Node, facts: Facts) -> int | None:
    """Seconds since a replica's last acknowledgement, as its master says; None where none says so."""
    for master in facts.masters:
        for replica in master.data.replicas if master.data else ():
            if replica.address == node.address and replica.online:
                return replica.lag
    return None


def _sentinel(node: Node, facts: Facts, unwell: set[str]) -> Iterator[Finding]:
    """That it does not see a node which is complained of already is no news."""
    said, watch = node.said, node.watch
    found = list(_process(node, facts))
    known = said is not None and bool(said.missing or said.master) and {*said.missing} <= unwell
    if known and said and (said.missing or said.master in unwell):
        found = [one for one in found if one.message is not Message.NOT_JOINED]
    if watch and watch.tilt:
        found = [one for one in found if one.message is not Message.NOT_JOINED]
        yield find(Message.TILT, node=node.name)
    yield from found
    if watch is None or found:
        return
    masters = facts.masters
    if len(masters) == 1 and watch.master != masters[0].address:
        named = f"{watch.master[0]}:{watch.master[1]}"
        yield find(Message.NAMES_OTHER, node=node.name, address=named, master=masters[0].name)
    if "failover_in_progress" in watch.flags:
        yield find(Message.FAILING_OVER, node=node.name)
    elif {"s_down", "o_down", "disconnected"} & {*watch.flags} and masters and masters[0].where not in unwell:
        yield find(Message.TAKEN_FOR_DOWN, node=node.name)
    replicas, others = len(facts.of_kind("redis")) - 1, len(facts.of_kind("sentinel")) - 1
    if (watch.replicas, watch.sentinels) != (replicas, others):
        yield find(
            Message.KNOWS_OTHERS,
            node=node.name,
            replicas=watch.replicas,
            sentinels=watch.sentinels,
            declared=f"{replicas} and {others}",
        )


def _council(facts: Facts) -> Iterator[Finding]:
    """Whether enough Sentinels answer for a failover, where they have been asked."""
    sentinels = facts.of_kind("sentinel")
    if facts.no_outputs or not sentinels:
        return
    answering = [node for node in sentinels if node.watch]
    quorum = max((node.watch.quorum for node in answering if node.watch), default=0)
    needed = max(quorum, len(sentinels) // 2 + 1)
    if len(answering) < needed:
        yield find(Message.NO_MAJORITY, answering=len(answering), all=len(sentinels), needed=needed)
