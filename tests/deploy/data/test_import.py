"""Data comes live from a running Redis or Valkey, whole to its last write; what does not fit changes nothing."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import docker
import pytest

from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack, own_stack
from drills.target.waiting import until
from drills.watch.load import Load
from redis_ha.outputs import Node
from redis_ha.tls.dev_certificates import make_ca, make_certificate
from tests.deploy.data.backups import at, contents
from tests.deploy.data.imports import done, refused
from tests.deploy.data.sources import NAME as SOURCE
from tests.deploy.data.sources import PASSWORD, PORT, Churn, Outside, furnish, running
from tests.deploy.support import NAME, nothing_lost, place

REDIS, OLD, VALKEY = "redis:8-alpine", "redis:7-alpine", "valkey/valkey:8-alpine"
DATABASES = (0, 3, 5, 6, 7)
SMALL: dict[str, Any] = {
    **place(2),
    "replicas": 1,
    "sentinels": 1,
    "baseImage": OLD,
    "maxMemory": "20mb",
    "backup": {"password": "what-encrypts"},
}


def kept(connect: Callable[[int], AbstractContextManager[Any]]) -> dict[tuple[int, str], Any]:
    """What is there, without the keys that soon end."""
    return {place: value for place, value in contents(connect, DATABASES).items() if not place[1].startswith("short:")}


def here(cluster: Cluster, node: Node) -> dict[tuple[int, str], Any]:
    return kept(partial(at, cluster, node))


def different(one: dict[tuple[int, str], Any], other: dict[tuple[int, str], Any]) -> list[tuple[int, str]]:
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, str]:
    """For each address that Docker may give to a container beside the nodes, and for no name."""
    ca, key = make_ca("source")
    prefix = str(place()["subnet"]).rpartition(".")[0]
    cert, own = make_certificate(ca, key, [f"{prefix}.{last}" for last in range(2, 255)])
    found = {"ca": ca, "cert": cert, "key": own}
    for name, text in found.items():
        (tmp_path / f"{name}.pem").write_text(text)
    return {**found, "certfile": str(tmp_path / "cert.pem"), "keyfile": str(tmp_path / "key.pem")}


def test_every_write_until_the_cut_over(emptied: Cluster, stack: Stack, figure: Callable[[str], None]) -> None:
    with running(emptied, REDIS) as source:
        moved(emptied, stack, source, figure, "a source on Redis 8")


def test_a_user_that_may_not_replicate(emptied: Cluster, stack: Stack, figure: Callable[[str], None]) -> None:
    with running(emptied, REDIS) as source:
        with source.client() as client:
            client.execute_command(
                "ACL", "SETUSER", "mover", "on", f">{PASSWORD}", "~*", "&*", "+@all", "-psync", "-sync"
            )
        url = f"redis://mover:{quote(PASSWORD, safe='')}@{source.address}:{PORT}"
        said = moved(emptied, stack, source, figure, "key by key", url=url, password="another")
    assert "the source allows no replication (NOPERM" in said


def test_from_valkey_over_tls(
    emptied: Cluster, stack: Stack, figure: Callable[[str], None], certificates: dict[str, str], tmp_path: Path
) -> None:
    """Both at once: neither knows of the other. Redis over TLS: tests/deploy/pages."""
    trust = f"?ssl_ca_certs={tmp_path / 'ca.pem'}"
    own = f"{trust}&ssl_certfile={certificates['certfile']}&ssl_keyfile={certificates['keyfile']}"
    with running(emptied, VALKEY, tls=certificates) as source:
        refused(stack, "CERTIFICATE_VERIFY_FAILED", url=f"rediss://{source.address}:{PORT}")
        refused(stack, "mismatch", url=f"rediss://{SOURCE}:{PORT}{own}")
        # What the source says to that is often lost: it ends the connection while it is spoken to.
        refused(stack, f"the source {source.address}:{PORT}: ", url=f"rediss://{source.address}:{PORT}{trust}")
        url = f"rediss://{source.address}:{PORT}{own}"
        moved(emptied, stack, source, figure, "a source on Valkey 8, over TLS", url=url)


def moved(cluster: Cluster, stack: Stack, source: Outside, figure: Callable[[str], None], what: str, **how: str) -> str:
    """Imports under load and compares; what the import has said."""
    furnish(source)
    with Load(source.route, 3, 100) as load, Churn(source) as churn:
        load.settle(50)
        said = done(stack, **how)
        # The source holds writes back, so neither changes any more.
        there = kept(source.client)
        for node in cluster.nodes:
            until(lambda node=node: not different(here(cluster, node), there), f"the source's data on {node.name}", 20)  # type: ignore[misc]
        with at(cluster, cluster.master(), 0) as client:
            assert client.fcall("one", 0) == 1
        written = load.acknowledged
        nothing_lost(cluster, load)
        assert churn.rounds > 10
        with source.client() as client:
            assert load.acknowledged == written
            client.execute_command("CLIENT", "UNPAUSE")
        load.settle(5)
    figure(f"{what}: {written} writes, none lost; {said[said.index('the cut-over took') :].splitlines()[0]}")
    wait_healthy(cluster)
    return said


def test_what_cannot_be_imported_changes_nothing(emptied: Cluster, stack: Stack) -> None:
    cluster, master = emptied, emptied.master()
    with running(cluster, REDIS) as source:
        refused(stack, "the source holds no key")
        with source.client() as client:
            client.mset({"a key": 1, "another": 2})
        refused(stack, "WRONGPASS", password="wrong")
        refused(stack, "FROM= must be redis://", url=f"http://{SOURCE}")
        refused(stack, "cannot be reached", url=f"redis://{SOURCE}:1")
        with source.client() as client:
            client.execute_command(
                "ACL", "SETUSER", "mover", "on", f">{PASSWORD}", "~*", "&*", "+@all", "-client|pause"
            )
            refused(stack, "writes cannot be paused", url=f"redis://mover@{SOURCE}:{PORT}")
            client.replicaof("127.0.0.1", 1)
            refused(stack, "the source is a replica")
            client.replicaof("NO", "ONE")
            assert not here(cluster, master)

            # With data in the stack: not unless told, and then it is kept.
            with at(cluster, master, 0) as own, at(cluster, master, 9) as other:
                own.set("a key", "of the stack")
                other.set("in a database that the source does not have", 1)
                before = here(cluster, master)
                refused(stack, "the stack holds 2 keys: REPLACE=1")
                assert "lost would be: all 2 keys" in done(stack, "--check", "--replace")
                assert here(cluster, master) == before
                said = done(stack, "--replace", "--hold", "0")
                assert "what is there now is kept as snapshot" in said
                assert own.mget("a key", "another") == ["1", "2"]
                assert other.dbsize() == 0
            began = time.monotonic()
            client.set("after", "is not held back")
            assert time.monotonic() - began < 5
    with running(cluster, REDIS, "--cluster-enabled", "yes"):
        refused(stack, "the source is a node of a Redis Cluster")


def test_a_source_that_is_too_new_or_too_big(stack: Stack) -> None:
    with own_stack(f"{NAME}-import", SMALL, stack.environment) as small:
        small.up()
        try:
            cluster = Cluster(small.outputs())
            wait_healthy(cluster)
            with running(cluster, REDIS) as source, source.client() as client:
                client.set("a key", 1)
                refused(small, "newer than the stack's")
            with running(cluster, VALKEY) as source, source.client() as client:
                client.set("a key", 1)
                refused(small, "Redis reads what Valkey writes from 7.2 on")
            with running(cluster, OLD) as source, source.client() as client:
                client.mset({f"big {i}": "x" * 1_000_000 for i in range(30)})
                refused(small, "and the limit is 20971520")
                client.delete(*(f"big {i}" for i in range(5, 30)))
                assert "database 0: 5 keys there, 5 here" in done(small)
        finally:
            small.destroy()
            docker.from_env().volumes.get(f"redis-ha-{small.name}-backup").remove()
