"""How a Docker is found: the program and the embedded engine look for the same one."""

import os
import socket
import threading
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from engine.docker.connect import connect as engine_connect
from engine.errors import EngineError
from redis_ha.docker.clients import connect
from redis_ha.docker.reach import PROBES, Endpoint, here, notice_silence, there


@pytest.fixture(autouse=True)
def _no_docker_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def test_docker_host_goes_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere.sock")
    assert here()["base_url"].endswith("/somewhere.sock")


def test_a_context_that_is_not_there_is_named_by_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    with pytest.raises(DockerException, match="'elsewhere' is not there"):
        connect()
    with pytest.raises(EngineError, match="'elsewhere' is not there"):
        engine_connect()


def test_without_any_of_them_it_is_the_first_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "second.sock").touch()
    monkeypatch.setattr("redis_ha.docker.reach.SOCKETS", (tmp_path / "first.sock", tmp_path / "second.sock"))
    assert here() == {"base_url": f"unix://{tmp_path}/second.sock"}


def test_a_daemon_without_certificates_is_reached_as_it_is() -> None:
    assert there(Endpoint("tcp://10.0.0.1:2375")) == {"base_url": "tcp://10.0.0.1:2375"}


def test_a_connection_that_is_cut_off_in_silence_is_noticed() -> None:
    """Else whoever waits for the end of a restore waits for ever."""

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
            connection.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = docker.APIClient(base_url=f"tcp://127.0.0.1:{listener.getsockname()[1]}", version="1.41")
        notice_silence(client)
        threading.Thread(target=answer, daemon=True).start()
        with client.get(f"{client.base_url}/_ping", stream=True) as response:
            stream = client._get_raw_response_socket(response)  # type: ignore[attr-defined]  # as exec_start does
            used = socket.socket(fileno=os.dup(stream.fileno()))
        with used:
            assert used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert used.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == PROBES
            assert used.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        client.close()
