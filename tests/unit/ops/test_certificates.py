"""How long certificates last: what a node shows, and what is in the outputs."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ops.status.certificates import of
from ops.status.facts import Node
from redis_ha.outputs import Address, Outputs, Tls
from redis_ha.tls.dev_certificates import addresses_of, make_ca, make_certificate

CA, CA_KEY = make_ca("test", days=100)


def outputs(tls: Tls | None) -> Outputs:
    return Outputs("dev", "mymaster", (), (), "", tls=tls)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node whose certificate ends in five days."""
    cert, key = make_certificate(CA, CA_KEY, ["127.0.0.1"], 5)
    for name, text in (("cert", cert), ("key", key)):
        (tmp_path / name).write_text(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with suppress(OSError), context.wrap_socket(connection, server_side=True) as made:
                    made.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    address: Address = ("127.0.0.1", listener.getsockname()[1])
    yield Node("redis-0", "redis", address)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


def test_each_is_named_with_its_days(node: Node, tmp_path: Path) -> None:
    cert, key = make_certificate(CA, CA_KEY, [], 30)
    (tmp_path / "client").write_text(cert)
    (tmp_path / "client-key").write_text(key)
    tls = Tls(CA, str(tmp_path / "client"), str(tmp_path / "client-key"))
    found = {one.of: round(one.days) for one in of(outputs(tls), [node], 5)}
    assert found == {"redis-0": 5, "the CA": 100, "the clients": 30}


def test_a_node_that_does_not_answer_is_left_out(node: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        gone = Node("redis-1", "redis", ("127.0.0.1", closed.getsockname()[1]))
    assert [one.of for one in of(outputs(Tls(CA)), [gone], 5)] == ["the CA"]


def test_without_tls_there_are_none(node: Node) -> None:
    assert of(outputs(None), [node], 5) == ()


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({}, False),
        ({"publish": "192.0.2.7"}, True),
        ({"advertise": "192.0.2.7"}, True),
        ({"publish": "0.0.0.0"}, False),  # noqa: S104 - any address says nothing of which
    ],
)
def test_where_ports_are_published_is_in_the_certificate(setting: dict[str, str], named: bool) -> None:
    """Clients of an endpoint come by that address."""
    found = addresses_of(setting, "dev")
    assert ("192.0.2.7" in found) is named
    assert found[0] == "127.0.0.1"
    assert len(set(found)) == len(found)
