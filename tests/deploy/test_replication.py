"""What a healthy cluster does for its clients."""

import pytest
import redis

from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from tests.deploy.support import fill, holds


def test_cluster_is_formed(cluster: Cluster) -> None:
    wait_healthy(cluster)
    assert [n.name for n in cluster.nodes] == ["redis-0", "redis-1", "redis-2"]
    for sentinel in cluster.sentinels:
        # Not the probe: half a second is too little for a busy machine.
        client = cluster.client(sentinel)
        assert client.execute_command("SENTINEL MASTER", cluster.outputs.master_name)["quorum"] == 2
        answer = client.execute_command("SENTINEL", "CKQUORUM", cluster.outputs.master_name)
        assert str(answer).startswith("OK 3 usable Sentinels")


def test_a_write_reaches_every_replica(cluster: Cluster) -> None:
    content = fill(cluster)
    for node in cluster.nodes:
        assert holds(cluster, node, content), node.name


def test_a_client_through_sentinel_writes_and_reads_from_replicas(cluster: Cluster) -> None:
    # One pipeline is one connection: WAIT speaks of the writes of its own connection.
    with clients.master(cluster.outputs, socket_timeout=10).pipeline(transaction=False) as pipeline:
        assert pipeline.set("through", "sentinel").wait(2, 5000).execute() == [True, 2]
    reader = clients.sentinel(cluster.outputs).slave_for(cluster.outputs.master_name)
    assert {reader.get("through") for _ in range(4)} == {"sentinel"}
    assert reader.execute_command("ROLE")[0] == "slave"


def test_replicas_refuse_writes(cluster: Cluster) -> None:
    for node in cluster.replicas():
        with pytest.raises(redis.ReadOnlyError):
            cluster.client(node).set("not", "here")


def test_nothing_is_open_without_the_password(cluster: Cluster) -> None:
    for node in (*cluster.nodes, *cluster.sentinels):
        with pytest.raises(redis.AuthenticationError):
            clients.direct(node.address, None).ping()
        with pytest.raises(redis.AuthenticationError):
            clients.direct(node.address, "a wrong password").ping()


def test_published_ports_answer_on_the_loopback(cluster: Cluster) -> None:
    password = cluster.outputs.password
    for address in [*(n.port for n in cluster.nodes), *(port for _, port in cluster.outputs.sentinels)]:
        assert clients.direct(("127.0.0.1", address), password).ping()


def test_no_process_runs_as_root(cluster: Cluster) -> None:
    for container in cluster.containers():
        titles = container.top(ps_args="-eo uid,pid,args")
        # What Docker is about to make a health check of is root for a moment.
        owners = {row[0] for row in titles["Processes"] if not row[2].endswith("runc init")}
        assert "0" not in owners, f"{container.name}: {titles['Processes']}"
