"""Where the salt lies, and what is said when the passphrase is another one."""

from argparse import Namespace
from pathlib import Path

import pytest

from engine.errors import EngineError, WrongPassphraseError
from engine.files.project import find_project
from engine.files.secrets import keep_salt, read_salt
from engine.files.stack_file import StackFile
from engine.stack_commands import config_get, config_set, stack_init
from engine.workspace import Workspace

PLAIN = "config:\n  p:count: 3\n"
SECRET = Namespace(key="password", value="x", secret=True, path=False)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "right")
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "Pulumi.s.yaml").write_text(PLAIN)
    return tmp_path


def test_a_run_keeps_its_salt_out_of_the_stack_file(directory: Path) -> None:
    first = Workspace(directory, "s").crypter(store=True)
    assert Workspace(directory, "s").crypter().hash("x") == first.hash("x")
    assert (directory / "Pulumi.s.yaml").read_text() == PLAIN


def test_a_preview_keeps_nothing(directory: Path) -> None:
    Workspace(directory, "s").crypter()
    assert Workspace(directory, "s").salt is None


def test_a_secret_takes_the_salt_with_it(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Workspace(directory, "s").crypter(store=True)
    config_set(Workspace(directory, "s"), SECRET)
    assert StackFile(directory / "Pulumi.s.yaml").salt
    assert Workspace(directory, "s").crypter().hash("x") == before.hash("x")
    config_get(Workspace(directory, "s"), Namespace(key="password"))
    assert capsys.readouterr().out == "x\n"


def test_init_makes_a_stack_once_and_leaves_its_file_alone(directory: Path) -> None:
    stack_init(directory, "s")
    stack_init(directory, "new")
    assert (directory / "Pulumi.s.yaml").read_text() == PLAIN
    assert (directory / "Pulumi.new.yaml").read_text() == ""
    for stack in ("s", "new"):
        with pytest.raises(EngineError, match="already exists"):
            stack_init(directory, stack)


def test_of_two_salts_at_once_one_is_kept(directory: Path) -> None:
    file = find_project(directory).salt_file("s")
    assert keep_salt(file, "v1:one")
    assert not keep_salt(file, "v1:two")
    assert read_salt(file) == "v1:one"
    assert [each.name for each in file.parent.iterdir()] == ["s.salt"]


def test_another_passphrase_is_told_with_file_key_and_both_ways_out(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_set(Workspace(directory, "s"), SECRET)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    with pytest.raises(EngineError) as caught:
        _ = Workspace(directory, "s").config
    assert str(caught.value) == (
        "could not decrypt configuration value 'p:password': incorrect passphrase: Pulumi.s.yaml was made with another "
        "one. Two ways out: set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to that passphrase; or "
        "remove encryptionsalt and p:password from Pulumi.s.yaml and set the secrets again"
    )


def test_another_passphrase_than_the_kept_salts_is_told_too(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Workspace(directory, "s").crypter(store=True)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    with pytest.raises(WrongPassphraseError, match=r"p/s\.salt was made with another one.*or remove that file"):
        Workspace(directory, "s").crypter()
