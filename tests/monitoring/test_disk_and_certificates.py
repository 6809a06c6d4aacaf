"""What the stack under test cannot be made to have: a full disk, certificates that end, a backup that is too old."""

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from docker.models.containers import Container

from drills.target.cluster import Cluster
from drills.target.waiting import until
from redis_ha.tls.dev_certificates import make_ca, make_certificate
from tests.deploy.inside import inside
from tests.deploy.small_master import PORT, small_master
from tests.monitoring.prometheus import Prometheus, Target

FULL = {"RedisAppendOnlyError", "RedisSaveFailed", "RedisDiskNearlyFull"}
ENDING = {"RedisCertificateEnds", "RedisCertificateEndsSoon"}
OLD = {"RedisBackupTooOld"}
FIGURES = Path(__file__).resolve().parents[2] / "configs" / "exporter" / "figures.py"
PATIENCE_S = 150


@pytest.fixture
def small(cluster: Cluster) -> Iterator[Container]:
    """In the stack's network, where the exporter reaches it."""
    network = next(iter(cluster.containers("redis")[0].attrs["NetworkSettings"]["Networks"]))
    with small_master(cluster, network) as container:
        # It has no password, and would talk to nobody else.
        inside(container, "redis-cli", "-p", PORT, "CONFIG", "SET", "protected-mode", "no")
        yield container


@contextmanager
def figures(folder: Path, *nodes: str) -> Iterator[str]:
    """figures.py for a folder and `nodes` (name=host:port); where it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-I", "-S", str(FIGURES)]
    process = subprocess.Popen([*command, "serve", address, str(folder), *nodes])
    try:
        asked = [*command, "check", address]
        until(lambda: subprocess.run(asked, capture_output=True, check=False).returncode == 0, "figures.py", 20, 0.2)
        yield address
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_a_full_disk(prometheus: Prometheus, targets: list[Target], small: Container) -> None:
    address = next(iter(small.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"]
    exporter = next(one for one in targets if one["labels"]["node"] == "redis-0")
    labels = {**exporter["labels"], "cluster": "small", "__param_target": f"redis://{address}:{PORT}"}
    data = Path(f"/proc/{small.attrs['State']['Pid']}/root/data")  # its disk, as this machine sees it
    with figures(data) as told:
        beside: list[Target] = [
            {**exporter, "labels": {**labels, "instance": f"{address}:{PORT}"}},
            {"targets": [told], "labels": {"cluster": "small", "kind": "exporter", "node": "figures"}},
        ]
        prometheus.watch([*targets, *beside])
        assert not _firing(prometheus, "small")
        inside(small, "dd", "if=/dev/zero", "of=/data/filler", "bs=4k")
        inside(small, "redis-cli", "-p", PORT, "SET", "key", "x" * 100_000)
        inside(small, "redis-cli", "-p", PORT, "BGREWRITEAOF")
        _until_firing(prometheus, "small", FULL)
        inside(small, "rm", "/data/filler")
        inside(small, "redis-cli", "-p", PORT, "BGREWRITEAOF")
        _until_firing(prometheus, "small", set())
        prometheus.watch(targets)


def test_certificates_that_end(prometheus: Prometheus, targets: list[Target], tmp_path: Path) -> None:
    ca, ca_key = make_ca("a CA")
    (tmp_path / "ca.pem").write_text(ca)
    for name, valid in {"long": 30, "short": 10, "ending": 1}.items():
        (tmp_path / f"{name}.pem").write_text("".join(make_certificate(ca, ca_key, ["127.0.0.1"], valid)))
    over = make_certificate(ca, ca_key, ["127.0.0.1"], 1, timedelta(days=-2))
    (tmp_path / "over.pem").write_text("".join(over))
    ports = {name: _server(tmp_path / f"{name}.pem") for name in ("long", "short", "ending", "over")}
    with figures(tmp_path, *(f"{name}=127.0.0.1:{port}" for name, port in ports.items())) as told:
        labels = {"cluster": "certificates", "kind": "exporter", "node": "figures"}
        prometheus.watch([*targets, {"targets": [told], "labels": labels}])
        _until_firing(prometheus, "certificates", ENDING)
        assert _of(prometheus, "RedisCertificateEnds") == {"short", "ending", "over"}
        assert _of(prometheus, "RedisCertificateEndsSoon") == {"ending", "over"}
        prometheus.watch(targets)
        _until_firing(prometheus, "certificates", set())


def test_a_backup_that_is_too_old(prometheus: Prometheus, targets: list[Target], tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    labels = {"cluster": "backups", "kind": "exporter", "node": "figures"}
    with figures(tmp_path, f"backup={state}") as told:
        state.write_text(json.dumps({"at": time.time() - 601, "every": 300}))
        prometheus.watch([*targets, {"targets": [told], "labels": labels}])
        _until_firing(prometheus, "backups", OLD)
        state.write_text(json.dumps({"at": time.time(), "every": 300}))
        _until_firing(prometheus, "backups", set())
        prometheus.watch(targets)


def _of(prometheus: Prometheus, name: str) -> set[str]:
    """The nodes whose certificates an alert is about."""
    found = prometheus.query(f'ALERTS{{alertstate="firing",alertname="{name}",cluster="certificates"}}')
    return {one["metric"]["of"] for one in found}


def _server(certificate: Path) -> int:
    """The port of a server that shows a certificate to everyone, for as long as the tests run."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            connection, _ = listening.accept()
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:  # who asks does not like it
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return int(listening.getsockname()[1])


def _firing(prometheus: Prometheus, cluster: str) -> set[str]:
    return {name for of, name in prometheus.firing() if of == cluster}


def _until_firing(prometheus: Prometheus, cluster: str, names: set[str]) -> None:
    """Until exactly these fire."""
    until(
        lambda: _firing(prometheus, cluster) == names,
        f"{names} of {cluster} to fire",
        PATIENCE_S,
        0.5,
        lambda: f"{_firing(prometheus, cluster)} do",
    )
