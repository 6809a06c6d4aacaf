"""What the exporter may do, and whom it tells its password."""

import json
import socket
import threading
import urllib.request

import pytest
from redis.exceptions import RedisError

from drills.target import clients
from drills.target.cluster import Cluster
from redis_ha.plan.topology import FOLDER
from tests.monitoring.prometheus import Target

REFUSED = {
    "redis": (
        "GET key",
        "SET key value",
        "SCAN 0",
        "KEYS *",
        "CONFIG GET *",
        "SLOWLOG GET 1",
        "CLIENT LIST",
        "ACL LIST",
        "EVAL return 0",
        "SUBSCRIBE channel",
        "PUBLISH channel text",
        "REPLICAOF NO ONE",
    ),
    "sentinel": (
        "SENTINEL FAILOVER mymaster",
        "SENTINEL SET mymaster quorum 1",
        "SENTINEL CONFIG GET *",
        "PUBLISH __sentinel__:hello text",
    ),
}


@pytest.fixture
def password(cluster: Cluster) -> str:
    """As it lies in the exporter's volume."""
    carrier = cluster.docker.containers.get(f"redis-ha-{cluster.outputs.stack}-exporter")
    chunks, _ = carrier.get_archive(f"{FOLDER}/passwords.json")
    text = b"".join(chunks).decode(errors="replace")
    found: dict[str, str] = json.loads(text[text.index("{") : text.index("}") + 1])
    assert len(set(found.values())) == 1
    return next(iter(found.values()))


@pytest.mark.parametrize("kind", REFUSED)
def test_it_reads_figures_and_nothing_else(kind: str, cluster: Cluster, password: str) -> None:
    node = cluster.nodes[0] if kind == "redis" else cluster.sentinels[0]
    client = clients.direct(node.address, password, tls=cluster.outputs.tls, username="exporter")
    assert client.execute_command("INFO")
    for words in REFUSED[kind]:
        with pytest.raises(RedisError, match=r"(?i)no permissions|NOPERM"):
            client.execute_command(*words.split())


def test_nobody_else_is_told_the_password(cluster: Cluster, targets: list[Target], password: str) -> None:
    """Whoever reaches the exporter can have it connect to where he listens."""
    gateway = cluster.nodes[0].host.rpartition(".")[0] + ".1"
    heard = b""
    with socket.create_server((gateway, 0)) as listening:

        def listen() -> None:
            nonlocal heard
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(5)
                heard = connection.recv(1000)

        thread = threading.Thread(target=listen)
        thread.start()
        exporter = targets[0]["targets"][0]
        asked = f"redis://exporter@{gateway}:{listening.getsockname()[1]}"
        with urllib.request.urlopen(f"http://{exporter}/scrape?target={asked}", timeout=20) as answer:
            assert "redis_up 0" in answer.read().decode()
        thread.join()
    assert b"CLIENT" in heard or b"INFO" in heard
    assert b"AUTH" not in heard
    assert password.encode() not in heard


def test_the_password_is_seen_nowhere(cluster: Cluster, password: str) -> None:
    for name in ("exporter", "figures", "exporter-files", "figures-files"):
        container = cluster.docker.containers.get(f"redis-ha-{cluster.outputs.stack}-{name}")
        assert password not in json.dumps(container.attrs)
        assert password not in container.logs().decode(errors="replace")
