"""The rig does to hosts what happens to hosts: the other tests rely on it."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.hosts.host import Host
from tests.hosts.rig import BASE_IMAGES, Rig
from tests.hosts.system import run

PORT = 6400


@pytest.fixture(scope="module")
def another(rig: Rig) -> Iterator[Host]:
    """A host beside those of the stack."""
    with rig.another() as added:
        yield added


@pytest.fixture
def host(another: Host) -> Host:
    """That host, on and without the container that `_redis` starts."""
    if not another.is_on():
        another.come_back()
    run("docker", "--host", another.docker_url, "rm", "--force", "rig-test", check=False)
    return another


def _redis(host: Host) -> str:
    """Start a Redis that keeps what it is told on a volume; the container's id."""
    image = next(tag for i in host.docker().images.list() for tag in i.tags if tag in BASE_IMAGES)
    command = f"docker --host {host.docker_url} run --detach --name rig-test --network host --volume rig-test:/data"
    serve = f"redis-server --port {PORT} --protected-mode no --appendonly yes --appendfsync always"
    return run(*command.split(), "--restart", "unless-stopped", image, *serve.split()).strip()


def _ask(host: Host, words: str, seconds: float = 10.0) -> str:
    """What a new connection answers, tried again for a while."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((host.address, PORT), 0.3) as connection:
                connection.settimeout(0.3)
                connection.sendall(f"{words}\r\n".encode())
                answer = connection.recv(100).decode().strip()
                if answer and not answer.startswith("-LOADING"):
                    return answer
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _listening(host: Host) -> socket.socket:
    connection = socket.create_connection((host.address, PORT), 1)
    connection.settimeout(1.5)
    return connection


def test_hosts_are_apart(rig: Rig) -> None:
    identities = {host.docker().info()["ID"] for host in rig.hosts}
    assert len(identities) == len(rig.hosts)
    assert {host.docker().info()["Name"] for host in rig.hosts} == {host.name for host in rig.hosts}


def test_a_power_loss_is_silent_and_the_disk_survives(host: Host, figure: Callable[[str], None]) -> None:
    container = _redis(host)
    assert _ask(host, "SET a b") == "+OK"
    figure(f"memory of a host with one Redis: {host.memory() / 2**20:.0f} MiB")
    with _listening(host) as connection:
        host.power_off()
        assert not host.is_on()
        with pytest.raises(TimeoutError):
            connection.recv(1)
    began = time.monotonic()
    host.come_back()
    figure(f"Docker answers {time.monotonic() - began:.1f} s after power-on")
    assert _ask(host, "GET a").endswith("b")
    assert host.docker().containers.get("rig-test").id == container


def test_a_crash_resets_connections(host: Host) -> None:
    _redis(host)
    assert _ask(host, "PING") == "+PONG"
    with _listening(host) as connection:
        host.crash()
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host.address, PORT), 1)


def test_a_cut_is_silent_and_heals(host: Host) -> None:
    _redis(host)
    assert _ask(host, "PING") == "+PONG"
    with _listening(host) as connection:
        host.cut()
        connection.sendall(b"PING\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        host.heal()
        connection.settimeout(10)
        assert connection.recv(100) == b"+PONG\r\n"


def test_a_host_can_come_back_blank(rig: Rig, host: Host) -> None:
    _redis(host)
    host.power_off()
    host.come_back(blank=True)
    docker = host.docker()
    assert not docker.containers.list(all=True)
    assert not docker.images.list()
    assert not docker.volumes.list()
    rig.load_base_image([host])
    _redis(host)
    assert _ask(host, "PING") == "+PONG"
