"""What is made on a machine stays in its user's configuration folder."""

import json
import multiprocessing
import stat
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from redis_ha.settings import generated
from redis_ha.settings import loader as settings_loader

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("REDIS_HA_GENERATE_PASSWORD", raising=False)
    monkeypatch.setattr(pulumi.log, "info", lambda _text: None)
    monkeypatch.setattr(pulumi.log, "warn", lambda _text: None)
    return tmp_path


def load(monkeypatch: pytest.MonkeyPatch, stack: str, **values: str) -> tuple[str, str | None]:
    config = {f"redis-ha:{key}": value for key, value in values.items()}
    monkeypatch.setattr(pulumi.runtime.config, "get_config_env", lambda: config)
    monkeypatch.setattr(pulumi, "get_project", lambda: "redis-ha")
    monkeypatch.setattr(pulumi, "get_stack", lambda: stack)
    found: dict[str, Any] = {**settings_loader.config_arguments()}
    return found["password"], found.get("system_password")


def tracked_stack_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "Pulumi.*.yaml"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "Pulumi.dev.yaml" in listed
    return listed


def leaves(value: Any) -> set[str]:
    """Every key at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(leaves, value.values()))
    return set().union(*map(leaves, value)) if isinstance(value, list) else set()


def test_no_tracked_stack_file_holds_a_salt_or_a_secret() -> None:
    """They would be of one person's passphrase, and the next clone could not come up with them."""
    for name in tracked_stack_files():
        keys = leaves(yaml.safe_load((ROOT / name).read_text()))
        assert not keys & {"encryptionsalt", "encryptedkey", "secretsprovider", "secure"}, name
        assert not {key for key in keys if key.lower().endswith("password")}, name


def test_a_preview_and_an_up_read_the_same_passwords(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    first = load(monkeypatch, "dev")
    assert None not in first
    assert first[0] != first[1]
    assert load(monkeypatch, "dev", password="", systemPassword="") == first
    file = folder / "redis-ha/redis-ha/dev.json"
    assert json.loads(file.read_text()) == {"password": first[0], "systemPassword": first[1]}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["dev.json"]


def test_what_the_stack_sets_goes_before_what_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = load(monkeypatch, "dev")
    assert load(monkeypatch, "dev", password="mine") == ("mine", made[1])


def test_other_stacks_ask_for_their_passwords_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    with pytest.raises(
        pulumi.RunError, match=r"password: missing; set it with: .*config set --secret password --stack prod"
    ):
        load(monkeypatch, "prod")
    assert load(monkeypatch, "prod", password="mine") == ("mine", None)
    assert list(folder.iterdir()) == []
    monkeypatch.setenv("REDIS_HA_GENERATE_PASSWORD", "1")
    assert load(monkeypatch, "prod") != load(monkeypatch, "dev")


def test_a_missing_system_password_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    load(monkeypatch, "prod", password="mine", systemPassword="too")
    assert said == []
    load(monkeypatch, "prod", password="mine")
    assert len(said) == 1
    assert "config set --secret systemPassword --stack prod" in said[0]


def _passwords(_number: int) -> dict[str, Any]:
    return generated.passwords("redis-ha", "dev")[0]


def test_of_many_first_runs_at_once_one_wins() -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        found = pool.map(_passwords, range(64), chunksize=1)
    assert all(one == found[0] for one in found)
    assert generated.read("redis-ha", "dev") == found[0]


def test_certificates_lie_beside_the_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    generated.store("redis-ha", "dev", {"tls": {"ca": "a"}})
    password, _ = load(monkeypatch, "dev", tls='{"ca": "c", "cert": "d", "key": "e"}')  # the stack's own
    assert generated.read("redis-ha", "dev")["password"] == password
    assert generated.read("redis-ha", "dev")["tls"] == {"ca": "a"}
    with pytest.raises(pulumi.RunError, match=r"tls\.cert: missing"):
        load(monkeypatch, "dev")


@pytest.mark.parametrize("text", ["{", "[]", '{"pasword": "x"}'])
def test_a_damaged_file_is_named_and_left_alone(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    file = folder / "redis-ha/redis-ha/dev.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(pulumi.RunError, match=r"redis-ha/dev\.json: "):
        load(monkeypatch, "dev")
    assert file.read_text() == text
