"""With TLS a client that connects anew does not read all CAs of the system once more: that is a tenth of a failover."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients import redis_ha_client
from redis_ha.tls.dev_certificates import make_ca, make_certificate
from tests.program.resp_servers import NAME, Answer, naming, serving


def _certified(folder: Path, ca: str, ca_key: str) -> ssl.SSLContext:
    """A server's context; what it shows is in that folder."""
    cert, key = make_certificate(ca, ca_key, ["127.0.0.1"])
    (folder / "cert.pem").write_text(cert)
    (folder / "key.pem").write_text(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.load_verify_locations(cadata=ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """For each context that is made from now on: whether it has the system's CAs."""
    made: list[Any] = []
    make = ssl.create_default_context

    def noted(*arguments: Any, **options: Any) -> ssl.SSLContext:
        made.append(not options.get("cadata"))
        return make(*arguments, **options)

    monkeypatch.setattr(ssl, "create_default_context", noted)
    return made


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[list[tuple[str, int]], str]]:
    """Sentinels, and the CA. Each command is answered by OK and a closed connection."""
    ca, key = make_ca("of the test")
    tls = _certified(tmp_path, ca, key)
    ok: Answer = lambda words: "+OK\r\n"  # noqa: E731
    with serving(ok, tls) as master, serving(naming(lambda: master.address), tls) as sentinel:
        yield [sentinel.address], ca


def test_connections_share_one(cluster: tuple[list[tuple[str, int]], str], contexts: list[Any]) -> None:
    sentinels, ca = cluster
    master = redis_ha_client.master(sentinels, NAME, ca=ca)
    for _ in range(3):
        assert master.set("key", 1)
        master.connection_pool.disconnect()
    assert contexts
    assert not any(contexts)


def test_connections_of_asyncio_share_one(cluster: tuple[list[tuple[str, int]], str], contexts: list[Any]) -> None:
    sentinels, ca = cluster

    async def writing() -> None:
        master = redis_ha_client.async_master(sentinels, NAME, ca=ca)
        for _ in range(3):
            assert await master.set("key", 1)
            await master.connection_pool.disconnect()
        await master.aclose()

    asyncio.run(writing())
    assert contexts
    assert not any(contexts)


def test_another_ca_is_refused(cluster: tuple[list[tuple[str, int]], str]) -> None:
    sentinels, _ = cluster
    stranger, _ = make_ca("another")
    master = redis_ha_client.master(sentinels, NAME, ca=stranger, retry=None)
    with pytest.raises(Exception, match=r"CERTIFICATE_VERIFY_FAILED|No master found"):
        master.set("key", 1)


def test_more_that_is_asked_for_is_heeded(
    cluster: tuple[list[tuple[str, int]], str], contexts: list[Any], tmp_path: Path
) -> None:
    sentinels, ca = cluster
    own = {"cert": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}
    master = redis_ha_client.master(sentinels, NAME, ca=ca, **own, ssl_min_version=ssl.TLSVersion.TLSv1_3)
    assert master.set("key", 1)
    assert True in contexts, "redis-py's own"
