"""Every user, and a stranger, tries what it must not do."""

import itertools
import time

from drills.target.cluster import Cluster
from drills.target.health import sentinel_view
from drills.target.stack import Stack
from redis_ha.outputs import Node
from tests.deploy.credentials import Command, Credentials, answer, is_refused

HELLO = "__sentinel__:hello"
DANGEROUS = (
    "FLUSHALL|FLUSHDB|CONFIG GET *|CONFIG SET maxmemory 1|DEBUG SLEEP 0|SHUTDOWN NOSAVE|KEYS *|SWAPDB 0 1|"
    "FUNCTION FLUSH|FUNCTION RESTORE x FLUSH|SCRIPT DEBUG SYNC"
)
CLUSTER = (
    "REPLICAOF NO ONE|SLAVEOF NO ONE|FAILOVER|SYNC|PSYNC ? -1|REPLCONF listening-port 1|MODULE LIST|CLUSTER INFO|"
    "MIGRATE 127.0.0.1 1 key 0 1|ACL LIST|ACL SETUSER me on nopass +@all|SAVE|BGSAVE|BGREWRITEAOF|"
    "CLIENT KILL TYPE normal|CLIENT PAUSE 10000|"
    f"PUBLISH {HELLO} x|SUBSCRIBE {HELLO}|PUBLISH __redis-ha__ x|SUBSCRIBE __redis-ha__"
)
DATA = "GET a|SET a b|DEL a|EVAL return(1) 0|FLUSHALL|KEYS *|PUBLISH news x|SUBSCRIBE news|DEBUG SLEEP 0|ACL LIST"
RULING = (
    "SENTINEL SET mymaster quorum 1|SENTINEL MONITOR mine 127.0.0.1 1 1|SENTINEL REMOVE mymaster|SENTINEL RESET *|"
    "SENTINEL CONFIG SET resolve-hostnames yes|SENTINEL SIMULATE-FAILURE crash-after-election|SENTINEL FLUSHCONFIG|"
    "SENTINEL DEBUG ping-period 10000|SHUTDOWN|ACL LIST|ACL SETUSER me on nopass +@all|CLIENT KILL TYPE normal"
)
ON_NODES = {
    "default": f"{DANGEROUS}|{CLUSTER}",
    "replication": f"{DATA}|{DANGEROUS}|INFO|REPLICAOF NO ONE|CLIENT LIST|PUBLISH {HELLO} x|SUBSCRIBE {HELLO}",
    "sentinel": f"{DATA}|{DANGEROUS}|REPLICAOF NO ONE|PSUBSCRIBE *|PSYNC ? -1|CLIENT LIST",
    "handover": f"{DATA}|FLUSHDB|PSYNC ? -1|MODULE LIST|PUBLISH {HELLO} x|SUBSCRIBE {HELLO}",
    "endpoint": f"{DATA}|{DANGEROUS}|INFO|CLIENT LIST|REPLICAOF NO ONE|PSYNC ? -1|PUBLISH {HELLO} x|SUBSCRIBE {HELLO}",
    None: f"PING|INFO|GET a|SET a b|CLIENT LIST|HELLO 3|ROLE|PSUBSCRIBE *|{DANGEROUS}|{CLUSTER}",
}
ON_SENTINELS = {
    "default": f"{RULING}|SENTINEL FAILOVER mymaster|SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 9 x|PUBLISH {HELLO} x",
    "replication": "PING|SENTINEL MASTERS",  # there is no such user
    "sentinel": f"{RULING}|SENTINEL FAILOVER mymaster|PUBLISH news x|SUBSCRIBE {HELLO}",
    # It is rid of silent strangers by the one, and sets the profile's periods by the other.
    "handover": RULING.replace("|CLIENT KILL TYPE normal", "").replace("|SENTINEL DEBUG ping-period 10000", ""),
    "endpoint": f"{RULING}|INFO|SENTINEL FAILOVER mymaster|PUBLISH {HELLO} x|SUBSCRIBE {HELLO}",
    None: f"PING|INFO|{RULING}|SENTINEL MASTERS|SENTINEL FAILOVER mymaster|PUBLISH {HELLO} x|SUBSCRIBE {HELLO}",
}


def _commands(words: str) -> list[Command]:
    return [tuple(one.split()) for one in words.split("|")]


def _allowed(who: Credentials, node: Node, user: str | None, words: str) -> list[str]:
    """The commands of `words` that were not refused, which should be none."""
    client = who.login(node, user)
    replies = {" ".join(c): answer(client, c) for c in _commands(words)}
    return [f"{node.name}, {user or 'a stranger'}: {c}: {r[:80]}" for c, r in replies.items() if not is_refused(r)]


def test_nobody_may_do_more_than_is_theirs(cluster: Cluster, stack: Stack) -> None:
    who = Credentials.of(stack, cluster)
    found = []
    # What is refused depends on the node's ACL file, which all data nodes share, not on its role.
    for node in (cluster.master(), cluster.replicas()[0]):
        for user, words in ON_NODES.items():
            found += _allowed(who, node, user, words)
    for user, words in ON_SENTINELS.items():
        found += _allowed(who, cluster.sentinels[0], user, words)
    assert not found, "\n".join(found)


def test_a_wrong_password_is_refused_everywhere(cluster: Cluster) -> None:
    attempts = itertools.product(
        (*cluster.nodes, *cluster.sentinels),
        ("default", "replication", "sentinel", "handover", "endpoint", "admin"),
        ("", "wrong", "redis"),
    )
    for node, user, password in attempts:
        client = Credentials(password, password, password, password).login(node, user)
        assert is_refused(answer(client, ("PING",))), f"{node.name} let {user} in"


def test_scripts_are_no_way_around(cluster: Cluster, stack: Stack) -> None:
    application = Credentials.of(stack, cluster).login(cluster.master(), "default")
    for words in ("'flushall'", "'keys','*'", f"'publish','{HELLO}','x'"):
        reply = answer(application, ("EVAL", f"return redis.call({words})", "0"))
        assert is_refused(reply), reply


def test_forged_hello_messages_move_nobody(cluster: Cluster, stack: Stack) -> None:
    """A message of a high epoch that names another master is what would take the cluster over."""
    who = Credentials.of(stack, cluster)
    master, replica = cluster.master(), cluster.replicas()[0]
    epochs = {s.name: sentinel_view(cluster, s)["config-epoch"] for s in cluster.sentinels}
    sender = cluster.sentinels[1]
    forged = (
        f"{sender.host},{sender.port},{sentinel_view(cluster, cluster.sentinels[0])['runid']},9999,"
        f"{cluster.outputs.master_name},{replica.host},{replica.port},9999"
    )
    for node in (*cluster.nodes, *cluster.sentinels):
        for user in ("default", "replication", None):
            reply = answer(who.login(node, user), ("PUBLISH", HELLO, forged))
            assert is_refused(reply), f"{node.name}: {user or 'a stranger'} has published: {reply}"
    for node in cluster.nodes:
        assert is_refused(answer(who.login(node, "handover"), ("PUBLISH", HELLO, forged)))
    time.sleep(2.5)  # a hello period
    assert cluster.master() == master
    assert {s.name: sentinel_view(cluster, s)["config-epoch"] for s in cluster.sentinels} == epochs


def test_the_application_can_do_its_work(cluster: Cluster, stack: Stack) -> None:
    """The other side of it: nothing that an application needs is refused."""
    client = Credentials.of(stack, cluster).login(cluster.master(), "default")
    for command in _commands(
        "SET app:1 x|GET app:1|INCR app:n|HSET app:h a 1|SCAN 0|EVAL return(1) 0|PUBLISH news x|SUBSCRIBE news|INFO|"
        "PSUBSCRIBE room.*|SUBSCRIBE __Booksleeve_MasterChanged|PUBLISH __Booksleeve_MasterChanged x|"
        "SUBSCRIBE __keyspace@0__:app|CLIENT SETNAME me|CLIENT LIST|WAIT 0 1|OBJECT ENCODING app:1|"
        "UNLINK app:1 app:n app:h"
    ):
        reply = answer(client, command)
        assert not is_refused(reply), f"{command}: {reply}"
    lookup = Credentials.of(stack, cluster).login(cluster.sentinels[0], "default")
    for command in _commands("SENTINEL MASTERS|SENTINEL CKQUORUM mymaster|SUBSCRIBE +switch-master|PSUBSCRIBE *|INFO"):
        reply = answer(lookup, command)
        assert not is_refused(reply), f"{command}: {reply}"
