"""A stack of its own that speaks TLS only."""

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from drills.faults.base import kill, revive
from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.stack import Stack, StackCommandError, own_stack
from drills.target.waiting import until
from drills.watch.load import Load
from drills.watch.routes import ThroughEndpoint
from redis_ha.outputs import Address, Outputs
from redis_ha.tls.dev_certificates import make_ca, make_certificate
from tests.deploy.inside import inside, output_of
from tests.deploy.support import (
    NAME,
    certify,
    longest,
    no_errors,
    nothing_lost,
    outputs_of,
    place,
    same_data,
    started_at,
    writing,
)

SETTINGS = {**place(2), "replicas": 2, "sentinels": 3, "endpoint": True, "tls": {"clientAuth": "optional"}}


@pytest.fixture(scope="module")
def secured() -> Iterator[Stack]:
    """The deployed stack. Its clients need no certificate, but one that they show must be of the CA."""
    engine = {"REDIS_HA_ENGINE": os.environ.get("REDIS_HA_ENGINE", "embedded")}
    with own_stack(f"{NAME}-tls", SETTINGS, engine) as stack:
        certify(stack)
        stack.up()
        yield stack


@pytest.fixture
def cluster(secured: Stack) -> Iterator[Cluster]:
    """The cluster, whole before and after each test."""
    whole = Cluster(outputs_of(secured))
    wait_healthy(whole)
    yield whole
    for container in whole.containers():
        revive(container)


def _ca(outputs: Outputs) -> str:
    assert outputs.tls
    return outputs.tls.ca


def _handshake(address: Address, context: ssl.SSLContext, name: str | None = None) -> str:
    """PING over TLS with this context; the answer, or why there was none."""
    try:
        with (
            socket.create_connection(address, timeout=3) as plain,
            context.wrap_socket(plain, server_hostname=name or address[0]) as connection,
        ):
            connection.sendall(b"PING\r\n")
            # A refused client certificate shows only when something is read.
            return connection.recv(100).decode()
    except (ssl.SSLError, OSError) as error:
        return f"{type(error).__name__}: {error}"


def _context(ca: str | None, certificate: tuple[str, str] | None = None, folder: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca)
    if certificate and folder:
        both = folder / "client.pem"
        both.write_text("".join(certificate))
        context.load_cert_chain(both)
    return context


def test_nothing_is_to_be_had_without_tls(cluster: Cluster) -> None:
    outputs = cluster.outputs
    assert str(outputs.url).startswith("rediss://")
    for node in (*cluster.nodes, *cluster.sentinels):
        assert "NOAUTH" in _handshake(node.address, _context(_ca(outputs))), "TLS is no login"
        assert clients.direct(node.address, outputs.password, tls=outputs.tls).ping()
        with pytest.raises(RedisError):
            clients.direct(node.address, outputs.password).ping()
        listening = output_of(cluster.container(node), "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6")
        sockets = [f[1].rpartition(":") for f in map(str.split, listening.splitlines()) if f[3] == "0A"]
        # Docker's own name server listens at 127.0.0.11, written backwards.
        assert {int(port, 16) for host, _, port in sockets if host != "0B00007F"} == {node.port}, node.name


def test_handshakes_with_wrong_certificates_are_refused(cluster: Cluster, secured: Stack, tmp_path: Path) -> None:
    ours = json.loads(secured.run("config", "get", "redis-ha:tls"))
    other_ca, other_key = make_ca("another CA")
    addresses = ["127.0.0.1"]
    by_us = make_certificate(ours["ca"], ours["caKey"], addresses)
    expired = make_certificate(ours["ca"], ours["caKey"], addresses, 1, -timedelta(days=3))
    early = make_certificate(ours["ca"], ours["caKey"], addresses, 1, timedelta(days=3))
    by_another = make_certificate(other_ca, other_key, addresses)
    for node in (cluster.master(), cluster.sentinels[0]):
        # What a client makes of the server.
        assert "self-signed" in _handshake(node.address, _context(other_ca)) or "unable to get" in _handshake(
            node.address, _context(other_ca)
        )
        assert "mismatch" in _handshake(node.address, _context(ours["ca"]), "redis.example")
        # What the server makes of a client.
        assert "NOAUTH" in _handshake(node.address, _context(ours["ca"], by_us, tmp_path))
        for what, certificate in {"expired": expired, "too early": early, "of another CA": by_another}.items():
            reply = _handshake(node.address, _context(ours["ca"], certificate, tmp_path))
            assert "NOAUTH" not in reply, f"{node.name} takes a certificate that is {what}: {reply}"
            assert "Error" in reply or not reply


def _through_endpoint(cluster: Cluster) -> Load:
    return Load(lambda: ThroughEndpoint(cluster.outputs), 1, 100.0, "endpoint client")


def test_failover_and_hand_over(cluster: Cluster, figure: Callable[[str], None]) -> None:
    with writing(cluster) as load, _through_endpoint(cluster) as through:
        before = cluster.master()
        since = time.time()
        cluster.container(before).stop(timeout=30)
        for each in (load, through):
            each.settle()
        planned = longest(load, since), longest(through, since)
        assert cluster.master() != before
        revive(cluster.container(before))
        wait_healthy(cluster)
        before = cluster.master()
        since = time.time()
        kill(cluster.container(before))
        until(lambda: cluster.master(30) != before, "a failover", 30)
        for each in (load, through):
            each.settle()
        failover = longest(load, since), longest(through, since)
        revive(cluster.container(before))
        wait_healthy(cluster)
        load.settle()
    for way, (one, other) in {"Sentinel": (planned[0], failover[0]), "endpoint": (planned[1], failover[1])}.items():
        figure(f"longest write gap through {way}: hand-over {one * 1000:.0f} ms, failover {other * 1000:.0f} ms")
    for each in (load, through):
        no_errors(each)
    assert max(planned) < 4  # with room for a busy machine
    same_data(cluster)


def test_renewal_without_downtime(cluster: Cluster, secured: Stack, figure: Callable[[str], None]) -> None:
    def serials() -> set[str]:
        context = _context(_ca(cluster.outputs))
        found = set()
        for node in (*cluster.nodes, *cluster.sentinels):
            with (
                socket.create_connection(node.address, timeout=3) as plain,
                context.wrap_socket(plain, server_hostname=node.host) as connection,
            ):
                found.add(str((connection.getpeercert() or {})["serialNumber"]))
        return found

    old = serials()
    assert len(old) == 1
    with writing(cluster) as load:
        since = time.time()
        command = [sys.executable, "-m", "ops.rotate", "certs", "--stack", secured.name]
        environment = {**os.environ, **secured.environment, "REDIS_HA_GENERATE_PASSWORD": "1"}
        subprocess.run(command, cwd=secured.project_dir, env=environment, check=True)
        load.settle()
    wait_healthy(cluster)
    new = serials()
    assert len(new) == 1
    assert new != old
    figure(f"longest write gap {longest(load, since) * 1000:.0f} ms")
    no_errors(load)
    same_data(cluster)
    nothing_lost(cluster, load)


def test_a_wrong_certificate_is_refused_before_anything_is_replaced(cluster: Cluster, secured: Stack) -> None:
    before = started_at(cluster, "redis"), started_at(cluster, "sentinel")
    kept = secured.config_file.read_bytes()
    tls = json.loads(secured.run("config", "get", "redis-ha:tls"))
    addresses = [n.host for n in (*cluster.nodes, *cluster.sentinels)]
    tls["cert"], tls["key"] = make_certificate(tls["ca"], tls["caKey"], addresses, 1, -timedelta(days=3))
    try:
        secured.run("config", "set", "--secret", "redis-ha:tls", stdin=json.dumps(tls))
        for words in (("preview",), ("up", "--yes", "--skip-preview")):
            with pytest.raises(StackCommandError) as failed:
                secured.run(*words)
            assert "tls.cert: expired on" in failed.value.output
            assert "Traceback" not in failed.value.output
        secured.configure({"tls": None})
        with pytest.raises(StackCommandError) as failed:
            secured.run("preview")
        assert "tls: cannot be switched off while" in failed.value.output
    finally:
        secured.config_file.write_bytes(kept)
    assert (started_at(cluster, "redis"), started_at(cluster, "sentinel")) == before


def test_the_private_keys_cannot_be_seen(cluster: Cluster, secured: Stack) -> None:
    tls = json.loads(secured.run("config", "get", "redis-ha:tls"))
    # The middle line of a key, whichever way its line breaks are written.
    secrets = {name: tls[name].splitlines()[2] for name in ("key", "caKey", "clientKey")}
    with secured.changed({"redisConfig": {"hz": "11"}}):
        shown = secured.run("preview", "--diff")
    shown += secured.run("stack", "output") + secured.run("config") + secured.config_file.read_text()
    for container in cluster.containers():
        shown += json.dumps(container.attrs) + container.logs().decode(errors="replace")
        found, _ = inside(container, "grep", "-rqF", secrets["caKey"], "/etc/redis-ha", "/data")
        assert found == 1, f"{container.name} has the CA's key"
    assert not [name for name, line in secrets.items() if line in shown]


def test_clients_without_a_certificate_are_kept_out_where_one_is_required(
    cluster: Cluster, secured: Stack, figure: Callable[[str], None]
) -> None:
    """Switched on under load, by clients that have one; nodes, Sentinels and endpoint show theirs anyway.

    The last one: it stays switched on.
    """
    tls = json.loads(secured.run("config", "get", "redis-ha:tls"))
    with writing(cluster) as load, _through_endpoint(cluster) as through:
        since = time.time()
        text = json.dumps({**tls, "clientAuth": "required"})
        secured.run("config", "set", "--secret", "redis-ha:tls", stdin=text)
        secured.up()
        wait_healthy(cluster)
        load.settle()
        for node in (*cluster.nodes, *cluster.sentinels):
            reply = _handshake(node.address, _context(_ca(cluster.outputs)))
            assert "NOAUTH" not in reply, f"{node.name} takes a client without a certificate: {reply}"
            assert "Error" in reply or not reply
        before = cluster.master()
        kill(cluster.container(before))
        until(lambda: cluster.master(30) != before, "a failover", 30)
        load.settle()
        revive(cluster.container(before))
        wait_healthy(cluster)
        for each in (load, through):
            each.settle()
    figure(f"longest write gap, with a master killed: {longest(load, since) * 1000:.0f} ms")
    for each in (load, through):
        no_errors(each)
    same_data(cluster)
