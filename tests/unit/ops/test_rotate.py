"""Rotations: broken off anywhere and run again, nobody is ever locked out, and they end."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.wrapper import stack_file
from engine.files.stack_file import StackFile
from ops.rotate import __main__ as rotate
from ops.rotate import places
from ops.stack import OpsError
from ops.status.messages import Message
from redis_ha.settings import generated
from redis_ha.tls.dev_certificates import NotOursError

OLD = {"password": "old", "systemPassword": "system", "replicas": 2}


class Killed(BaseException):
    """The process is no more."""


class Stack:
    """Settings in a file, and what nodes were deployed with: each roll-out is one at a time, so both live together."""

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        self.read = read
        self.deployed = read()
        self.client = self.deployed["password"]
        self.until_killed = 10**6

    def dies(self) -> None:
        self.until_killed -= 1
        if self.until_killed < 0:
            raise Killed

    def roll(self) -> None:
        self.dies()
        now = self.read()
        for one, other in ((self.deployed, now), (now, self.deployed)):
            assert one["systemPassword"] in internal(other), "nodes could not log in to each other"
        assert self.client in application(now), "clients are locked out"
        self.deployed = now
        self.dies()


def application(settings: dict[str, Any]) -> set[str]:
    return {settings["password"], settings.get("previousPassword")}


def internal(settings: dict[str, Any]) -> set[str]:
    return {settings["systemPassword"], settings.get("otherSystemPassword")}


@pytest.fixture(params=["file", "user"])
def stack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stack]:
    """A stack whose secrets are encrypted in its file, or made for it in the user's configuration folder."""
    file = tmp_path / "Pulumi.s.yaml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(places, "file_of", lambda _stack: file)
    monkeypatch.setattr(rotate, "outputs", lambda _stack: None)
    monkeypatch.setattr(rotate, "findings", lambda _facts: [])
    monkeypatch.setattr(rotate, "Lookout", lambda _stack: SimpleNamespace(look=lambda: None))

    def encrypt(command: list[str], *, input: str, **_: object) -> SimpleNamespace:  # noqa: A002 - subprocess' name
        assert command[:4] == ["./pulumiw", "config", "set", "--secret"]
        assert input not in command
        StackFile(file).set_value(command[4], (), {"secure": input[::-1]})
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", encrypt)
    if request.param == "user":
        monkeypatch.setenv("REDIS_HA_GENERATE_PASSWORD", "1")
        file.write_text("config:\n  redis-ha:replicas: 2\n")
        generated.store("redis-ha", "s", {key: value for key, value in OLD.items() if key != "replicas"})
        found = Stack(lambda: generated.passwords("redis-ha", "s")[0] | {"replicas": 2})
    else:
        monkeypatch.delenv("REDIS_HA_GENERATE_PASSWORD", raising=False)
        file.write_text("# ours\nconfig:\n  redis-ha:replicas: 2 # two\n")
        for key in ("password", "systemPassword"):
            StackFile(file).set_value(f"redis-ha:{key}", (), {"secure": str(OLD[key])[::-1]})
        found = Stack(lambda: _decrypted(file))
    change = places.InStackFile.change if request.param == "file" else places.OfThisUser.change

    def broken_off(*arguments: Any) -> None:
        found.dies()
        change(*arguments)
        found.dies()

    kind = places.InStackFile if request.param == "file" else places.OfThisUser
    monkeypatch.setattr(kind, "change", broken_off)
    monkeypatch.setattr(rotate.Run, "_roll", lambda _self: found.roll())
    yield found
    if request.param == "file":
        text = file.read_text()
        assert text.startswith("# ours\n")
        assert "# two" in text
        assert "rotate" not in text, "something is left of the rotation"
    else:
        assert generated.ROTATION not in generated.read("redis-ha", "s")


def _decrypted(file: Path) -> dict[str, Any]:
    config = stack_file.settings(stack_file.load(file))
    return {
        key: value["secure"][::-1] if isinstance(value, dict) else value
        for key, value in config.items()
        if not key.startswith("redis-ha-rotate:")
    }


def run(what: str, *words: str) -> int:
    return rotate.main([what, "--stack", "s", *words])


def broken_off_anywhere(stack: Stack, begin: int, again: Callable[[], int]) -> None:
    """Runs it with the process ending after `begin` further moments, and then again."""
    stack.until_killed = begin
    try:
        again()
    except Killed:
        stack.until_killed = 10**6
        assert again() == 0
    stack.until_killed = 10**6


@pytest.mark.parametrize("moment", range(14))
def test_the_system_password(stack: Stack, moment: int) -> None:
    broken_off_anywhere(stack, moment, lambda: run("system"))
    assert stack.deployed == stack.read()
    assert stack.deployed.keys() == OLD.keys()
    assert stack.deployed["password"] == "old"
    assert stack.deployed["systemPassword"] != "system"


@pytest.mark.parametrize("moment", range(10))
def test_the_password(stack: Stack, moment: int, capsys: pytest.CaptureFixture[str]) -> None:
    broken_off_anywhere(stack, moment, lambda: run("password"))
    assert run("password") == 0  # it waits for the clients, however often it is asked
    assert "Give the clients the new one" in capsys.readouterr().out
    assert stack.deployed == stack.read()
    assert stack.deployed["previousPassword"] == "old"
    stack.client = new = stack.deployed["password"]
    assert new != "old"
    # Where the mark has gone it had come to its end, and says that there is nothing to finish.
    broken_off_anywhere(stack, moment, lambda: 0 if mark() is None else run("password", "--finish"))
    assert stack.deployed == stack.read() == {**OLD, "password": new}


def mark() -> str | None:
    return places.place_of("s", "password").mark("password")


def test_nothing_is_finished_that_has_not_begun(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("password", "--finish") == 1
    assert "no rotation of password is under way" in capsys.readouterr().err
    assert stack.read() == OLD


def test_what_is_under_way_by_hand_is_left_alone(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    place = places.place_of("s", "password")
    place.change({"previousPassword": place.sealed("older")}, "x", None)
    assert run("password") == 1
    assert "previousPassword is set already" in capsys.readouterr().err
    assert stack.read() == {**OLD, "previousPassword": "older"}


def test_nodes_need_a_password_of_their_own(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    place = places.place_of("s", "password")
    place.change({"systemPassword": None}, "x", None)
    before = place.values()
    assert run("password") == 1
    assert "systemPassword is not set" in capsys.readouterr().err
    assert place.values() == before


def test_an_unwell_stack_is_left_alone(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Message.NO_MASTER
    monkeypatch.setattr(rotate, "findings", lambda _facts: [SimpleNamespace(message=wrong, text="nobody")])
    assert run("system") == 1
    assert capsys.readouterr().err.startswith("error: stopped: nobody. Mend that and run it again: make rotate")
    assert stack.read() == OLD


def test_a_password_of_ones_own(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(readline=lambda: "mine\n"))
    assert run("password", "--stdin") == 0
    assert stack.deployed["password"] == "mine"
    stack.client = "mine"
    assert run("password", "--finish") == 0


@pytest.mark.parametrize("wrong", ["with blank", "p" * 129, "größer", ""])
def test_a_password_that_up_would_refuse_is_not_begun_with(
    stack: Stack, wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(readline=lambda: f"{wrong}\n"))
    with pytest.raises(SystemExit):
        run("password", "--stdin")
    assert "--stdin: allowed: 1 to 128 printable ASCII characters without blanks" in capsys.readouterr().err
    assert stack.read() == OLD


def test_a_password_of_ones_own_comes_too_late_for_a_rotation_under_way(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("password") == 0
    made = stack.read()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(readline=lambda: "mine\n"))
    assert run("password", "--stdin") == 1
    assert "run it again without --stdin" in capsys.readouterr().err
    assert stack.read() == made
    stack.client = made["password"]
    assert run("password", "--finish") == 0


def test_a_system_password_that_lies_elsewhere_is_one(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password may be in the stack's file while the system password was made for it, in the user's folder."""
    place = places.place_of("s", "password")
    if not isinstance(place, places.InStackFile):
        return
    monkeypatch.setenv("REDIS_HA_GENERATE_PASSWORD", "1")
    generated.store("redis-ha", "s", {"systemPassword": "system"})
    place.change({"systemPassword": None}, "x", None)
    stack.read = lambda: _decrypted(place._file) | {"systemPassword": "system"}
    stack.deployed = stack.read()
    assert run("password") == 0
    stack.client = stack.read()["password"]
    assert run("password", "--finish") == 0


def test_certificates_made_here_and_others(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = places.place_of("s", "password")
    place.change({"tls": place.sealed({"cert": "1"})}, "x", None)
    made = iter("23456")
    monkeypatch.setattr(rotate, "renewed", lambda _stack: ({"cert": next(made)}, True))
    stack.until_killed = 2
    with pytest.raises(Killed):
        run("certs")
    stack.until_killed = 10**6
    assert run("certs") == 0
    tls = stack.deployed["tls"]
    assert (json.loads(tls) if isinstance(tls, str) else tls) == {"cert": "2"}, "the one that was made is rolled out"

    def others(_stack: str) -> None:
        raise NotOursError

    monkeypatch.setattr(rotate, "renewed", others)
    before = place.values()
    assert run("certs") == 1
    assert "config set --secret --path tls.cert --stack s < cert.pem" in capsys.readouterr().err
    assert place.values() == before


def test_one_at_a_time(stack: Stack) -> None:
    with rotate._alone("s"), pytest.raises(OpsError, match="another rotation of stack s"), rotate._alone("s"):
        pass
    assert stack.read() == OLD
