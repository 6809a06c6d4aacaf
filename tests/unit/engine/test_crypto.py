"""The passphrase provider: Pulumi's format, both ways."""

from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.files.secrets import new_crypter, open_crypter, read_passphrase

# Written by Pulumi 3.259 with the passphrase "test".
PULUMI_SALT = "v1:bJTpx8oWcjA=:v1:NiDXuEiFLF8Irc8Y:irQHWE3SItky12EtcJMQGRGfLb6FEQ=="
PULUMI_VALUE = "v1:+FjEGKEY3YJkJSin:3Y+EtJkFIHkUdOgQIvoQ6wWBvbjYah4+"


def test_reads_what_pulumi_wrote() -> None:
    assert open_crypter(PULUMI_SALT, "test").decrypt(PULUMI_VALUE) == "fromreal"


def test_wrong_passphrase_says_so() -> None:
    with pytest.raises(EngineError, match="incorrect passphrase"):
        open_crypter(PULUMI_SALT, "other")


@pytest.mark.parametrize("salt", ["", "v1:x", "v2:bJTpx8oWcjA=:v1:a:b", "v1:***:v1:a:b"])
def test_malformed_salts_are_refused(salt: str) -> None:
    with pytest.raises(EngineError, match="encryptionsalt"):
        open_crypter(salt, "test")


def test_values_round_trip_and_never_repeat() -> None:
    salt, crypter = new_crypter("p")
    first, second = crypter.encrypt("geheim ü"), crypter.encrypt("geheim ü")
    assert first != second
    assert open_crypter(salt, "p").decrypt(first) == "geheim ü"


def test_hashes_depend_on_the_key() -> None:
    _, one = new_crypter("p")
    _, other = new_crypter("p")
    assert one.hash("x") == one.hash("x") != one.hash("y")
    assert one.hash("x") != other.hash("x")


def test_passphrase_from_environment_and_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("from file\n")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(file))
    assert read_passphrase("dev") == "from file"
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    assert read_passphrase("dev") == ""
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(tmp_path / "none"))
    with pytest.raises(EngineError, match="unable to read PULUMI_CONFIG_PASSPHRASE_FILE"):
        read_passphrase("dev")
