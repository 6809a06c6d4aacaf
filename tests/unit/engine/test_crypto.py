"""The passphrase provider: Pulumi's format, both ways."""

from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.files.secrets import Crypter, new_crypter, open_crypter, read_passphrase

# Written by Pulumi 3.259 with the passphrase "test".
PULUMI_SALT = "v1:bJTpx8oWcjA=:v1:NiDXuEiFLF8Irc8Y:irQHWE3SItky12EtcJMQGRGfLb6FEQ=="
PULUMI_VALUE = "v1:+FjEGKEY3YJkJSin:3Y+EtJkFIHkUdOgQIvoQ6wWBvbjYah4+"


@pytest.fixture(scope="module")
def pulumis() -> Crypter:
    """Once for all tests: half a second of computing makes a key of a passphrase."""
    return open_crypter(PULUMI_SALT, "test")


@pytest.fixture(scope="module")
def made() -> tuple[str, Crypter]:
    return new_crypter("p")


def test_reads_what_pulumi_wrote(pulumis: Crypter) -> None:
    assert pulumis.decrypt(PULUMI_VALUE) == "fromreal"


def test_wrong_passphrase_says_so() -> None:
    with pytest.raises(EngineError, match="incorrect passphrase"):
        open_crypter(PULUMI_SALT, "other")


@pytest.mark.parametrize("salt", ["", "v1:x", "v2:bJTpx8oWcjA=:v1:a:b", "v1:***:v1:a:b"])
def test_malformed_salts_are_refused(salt: str) -> None:
    with pytest.raises(EngineError, match="encryptionsalt"):
        open_crypter(salt, "test")


def test_values_round_trip_and_never_repeat(made: tuple[str, Crypter]) -> None:
    salt, crypter = made
    first, second = crypter.encrypt("geheim ü"), crypter.encrypt("geheim ü")
    assert first != second
    assert open_crypter(salt, "p").decrypt(first) == "geheim ü"


def test_hashes_depend_on_the_key(made: tuple[str, Crypter], pulumis: Crypter) -> None:
    one, other = made[1], pulumis
    assert one.hash("x") == one.hash("x") != one.hash("y")
    assert one.hash("x") != other.hash("x")


def test_passphrase_from_environment_and_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("from file\n")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(file))
    assert read_passphrase() == "from file"
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    assert read_passphrase() == ""
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(tmp_path / "none"))
    with pytest.raises(EngineError, match="unable to read PULUMI_CONFIG_PASSPHRASE_FILE"):
        read_passphrase()
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE")
    with pytest.raises(EngineError, match="must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE"):
        read_passphrase()


@pytest.mark.parametrize(
    "value", ["", "v1:x", "a:b", f"v2{PULUMI_VALUE[2:]}", "v1:***:b", PULUMI_VALUE[:-8], "v1:YQ==:YQ=="]
)
def test_malformed_values_are_refused(pulumis: Crypter, value: str) -> None:
    with pytest.raises(EngineError, match="set it again"):
        pulumis.decrypt(value)
