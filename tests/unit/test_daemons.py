"""The drills' connection to a host's Docker: one, until it no longer answers."""

from types import SimpleNamespace

import pytest

from drills.target import daemons
from drills.target.daemons import Daemon
from drills.target.errors import DrillError
from redis_ha.outputs import Host


class Docker:
    """A client that answers for as long as it `answers`."""

    def __init__(self) -> None:
        self.api = SimpleNamespace(timeout=0)
        self.answers = True

    def ping(self) -> None:
        if not self.answers:
            raise OSError("the tunnel has ended")

    def close(self) -> None:
        self.answers = False


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Docker]:
    """The connections that have been made."""
    found: list[Docker] = []

    def connect(*_: object) -> Docker:
        found.append(Docker())
        return found[-1]

    monkeypatch.setattr(daemons, "connect", connect)
    return found


def test_a_connection_is_kept_until_it_fails(made: list[Docker]) -> None:
    daemon = Daemon(Host("a", "ssh://a", "192.0.2.1"))
    assert daemon.client() is daemon.client()
    assert len(made) == 1
    made[0].answers = False
    assert daemon.client() is daemon.client()
    assert len(made) == 2


def test_one_that_never_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = Docker()
    dead.answers = False
    monkeypatch.setattr(daemons, "connect", lambda *_: dead)
    with pytest.raises(DrillError, match=r"Docker of host a cannot be reached: the tunnel has ended"):
        Daemon(Host("a", "ssh://a", "192.0.2.1")).client()
