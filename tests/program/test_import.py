"""Imports: whose data can be read, what an operator's words come to; all without any server."""

import json
from pathlib import Path

import pytest

from backup.live import run as live
from backup.live.source import unreadable
from ops.live_import import told
from ops.stack import OpsError
from redis_ha.plan.versions import Server, reads

SERVERS = [Server("Redis", version) for version in ((7, 0), (7, 2), (7, 4), (8, 0), (8, 2), (8, 8))]
SERVERS += [Server("Valkey", version) for version in ((7, 2), (8, 0), (8, 1), (9, 0))]


@pytest.mark.parametrize("source", SERVERS, ids=str)
@pytest.mark.parametrize("own", SERVERS, ids=str)
def test_whose_data_can_be_read(source: Server, own: Server) -> None:
    def text(server: Server) -> str:
        return "{}.{}.3".format(*server.version)

    why = unreadable(source.name, text(source), own.name, text(own))
    if source.name == own.name:
        assert bool(why) is (source.version > own.version)
    else:
        assert bool(why) is not reads(own, source)


def test_older_than_all_others_is_read() -> None:
    assert not unreadable("Redis", "5.0.14", "Redis", "8.0.2")
    assert not unreadable("Redis", "6.2.7", "Valkey", "8.1.1")


def test_a_source_is_named_by_a_url(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("the CA's")
    found = json.loads(told("redis://10.0.0.5", None))
    assert (found["host"], found["port"], found["user"], found["password"]) == ("10.0.0.5", 6379, "", "")
    assert found["tls"] is False
    found = json.loads(told("redis://me:a%2Fb%40c@old:6380", "not this one"))
    assert (found["port"], found["user"], found["password"]) == (6380, "me", "a/b@c")
    assert json.loads(told("redis://me@old", "from elsewhere"))["password"] == "from elsewhere"
    found = json.loads(told(f"rediss://old?ssl_ca_certs={ca}&ssl_check_hostname=false", None))
    assert (found["tls"], found["ca"], found["check_hostname"]) == (True, "the CA's", False)


@pytest.mark.parametrize(
    "url",
    ["", "old:6379", "http://old", "redis://:secret@", "redis://:secret@old/3", "redis://:secret@old:port",
     "redis://:secret@old?unknown=secret", "rediss://:secret@old?ssl_ca_certs=/not/there"],
)  # fmt: skip
def test_what_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(OpsError) as refused:
        told(url, "secret")
    assert "secret" not in str(refused.value)


def test_the_words_of_an_import() -> None:
    assert live.asked([]) == (set(), live.HOLD_S)
    assert live.asked(["check", "no-pause", "hold=0"]) == ({"check", "no-pause"}, 0)
    for words in (["any-stack"], ["hold=-1"], ["hold=1", "hold=2"], ["hold=soon"]):
        assert live.asked(words) is None
