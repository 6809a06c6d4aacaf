"""Backups: what is declared, what its users may do, what is refused before any server is asked."""

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backup import main, rdb, repository, scratch, snapshot, workshop
from backup.content import batches
from backup.given import BackupError, Given, Place
from backup.repository import Kept, Repository
from backup.scratch import Contents
from backup.snapshot import Seen
from ops import backup as ops_backup
from redis_ha.plan.acl import backup_password, data_node_acl, internal_password, restore_password, sentinel_acl
from redis_ha.plan.identity import Identity
from redis_ha.plan.layout import plan
from redis_ha.plan.topology import FOLDER
from redis_ha.settings.loader import parse_settings
from tests.agent.test_standard_library import KEPT, imported
from tests.program.test_component import Recorder, deploy, recorder

__all__ = ["recorder"]  # a fixture

SECRET, KEY_ID = "what-encrypts", "the-key-id"
BACKUP = {"password": SECRET, "environment": {"AWS_ACCESS_KEY_ID": KEY_ID}}
SOURCES = sorted(Path(rdb.__file__).parent.rglob("*.py"))
HOSTS = [{"name": name, "docker": f"ssh://{name}", "address": f"10.0.0.{i}"} for i, name in enumerate("abcd", 1)]


def given(*nodes: str) -> Given:
    places = tuple(Place(name, "10.0.0.1", 1) for name in nodes)
    return Given("dev", places, "/data/repository", 16, 3600, {}, {}, {"backup": "", "restore": ""})


@pytest.mark.parametrize(
    ("backup", "expected"),
    [
        ({}, "backup.password: missing"),
        ({**BACKUP, "every": "1m"}, "backup.every"),
        ({**BACKUP, "repository": "backups"}, "backup.repository"),
        ({**BACKUP, "keep": {"daily": 0}}, "backup.keep"),
        ({**BACKUP, "keep": {"seconds": 1}}, "backup.keep"),
        ({**BACKUP, "host": "a"}, "backup.host"),
    ],
)
def test_wrong_settings_are_refused(backup: dict[str, Any], expected: str) -> None:
    with pytest.raises(Exception, match=expected):
        parse_settings({"password": "pw", "backup": backup}, "unit")


def test_it_is_on_one_host() -> None:
    def host(backup: dict[str, Any], hosts: list[dict[str, Any]]) -> str | None:
        found = plan(parse_settings({"password": "pw", "hosts": hosts, "backup": backup}, "unit"), Identity("p", "s"))
        assert found.backup is not None
        return found.backup.host_name

    assert host(BACKUP, HOSTS) == "a"
    assert host(BACKUP, [{**HOSTS[0], "drain": True}, *HOSTS[1:]]) == "b"
    assert host({**BACKUP, "host": "c"}, HOSTS) == "c"


def test_it_is_declared_last_and_changes_no_node(recorder: Recorder) -> None:
    deploy(subnet="10.1.2.0/24")
    nodes = {one.name: one.inputs for one in recorder.nodes()}
    recorder.resources.clear()
    deploy(subnet="10.1.2.0/24", backup=BACKUP)
    containers = recorder.nodes()
    assert containers[-1].name.endswith("backup")
    assert {one.name: one.inputs for one in containers[:-1]} == nodes
    inputs = containers[-1].inputs
    assert inputs["capabilities"] == {"drops": ["ALL"]}
    assert inputs["securityOpts"] == ["no-new-privileges:true"]
    assert inputs["readOnly"] is True
    assert "ports" not in inputs


def test_metrics_are_told_of_it(recorder: Recorder) -> None:
    deploy(subnet="10.1.2.0/24", backup=BACKUP, metrics=True)
    inputs = next(one.inputs for one in recorder.nodes() if one.name.endswith("figures"))
    assert {"containerPath": "/backups", "volumeName": "redis-ha-unit-backup", "readOnly": True} in inputs["volumes"]
    assert "backup=/backups/state.json" in inputs["command"]


def test_its_secrets_are_in_its_files_alone(recorder: Recorder) -> None:
    deploy(subnet="10.1.2.0/24", replicas=1, backup=BACKUP)
    carrier = next(one for one in recorder.of_type("Container") if one.name.endswith("backup-files"))
    uploads = {one["file"]: one["content"] for one in carrier.inputs["uploads"]["value"]}
    assert uploads[f"{FOLDER}/restic-password"] == f"{SECRET}\n"
    told = json.loads(uploads[f"{FOLDER}/backup.json"])
    assert told["nodes"] == [["redis-0", "10.1.2.10", 16379], ["redis-1", "10.1.2.11", 16380]]
    assert told["environment"] == {"AWS_ACCESS_KEY_ID": KEY_ID}
    secrets = (SECRET, KEY_ID, *told["logins"].values())
    for one in recorder.resources:
        visible = json.dumps({name: value for name, value in one.inputs.items() if name != "uploads"}, default=str)
        assert not [secret for secret in secrets if secret in visible], one.name


def test_its_users_can_do_that_and_nothing_else() -> None:
    settings, internal = parse_settings({"password": "pw"}, "unit"), internal_password("pw", None)
    users = {line.split()[1]: line.split() for line in data_node_acl(settings, internal).splitlines()}
    passwords = {"backup": backup_password("pw", None), "restore": restore_password("pw", None)}
    for name, password in passwords.items():
        assert f"#{hashlib.sha256(password.encode()).hexdigest()}" in users[name]
        assert {"resetchannels", "-@all"} <= set(users[name])
        assert not [word for word in users[name] if word.startswith(("+@", "+config", "+acl", "+eval", "+replicaof"))]
        assert name not in sentinel_acl(settings, internal)
    assert not [word for word in users["backup"] if word[0] in "~%&"]
    assert len({*passwords.values(), internal}) == 3


def test_it_needs_only_what_the_image_keeps() -> None:
    needed = {name for source in SOURCES for name in imported(source) if not name.startswith("backup")}
    assert needed - {"subprocess", "threading"} <= KEPT  # which asyncio imports


def rdb_file(folder: Path, *notes: tuple[bytes, bytes], magic: bytes = b"REDIS0012") -> Path:
    pairs = (b"\xfa" + b"".join(bytes([len(text)]) + text for text in pair) for pair in notes)
    path = folder / "dump.rdb"
    path.write_bytes(magic + b"".join(pairs) + b"\xff" + bytes(8))
    return path


def test_what_another_version_has_written_is_known_by_its_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "own_version", lambda: "8.0.2")
    for wrote in ("7.4.1", "8.0.9"):
        assert scratch.check_head(rdb_file(tmp_path, (b"redis-ver", wrote.encode()))) == wrote
    for wrote in ("8.2.0", "10.0.0"):
        with pytest.raises(BackupError, match=r"newer than 8\.0\.2"):
            scratch.check_head(rdb_file(tmp_path, (b"redis-ver", wrote.encode())))


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    path = rdb_file(tmp_path, (b"redis-ver", b"8.0.2"))
    whole = path.read_bytes()
    for content in (b"", b"REDIS", b"PK\3\4 something", whole[:12]):
        path.write_bytes(content)
        with pytest.raises(BackupError):
            rdb.head(path)


def test_a_snapshot_is_of_a_whole_replica_and_else_of_the_master(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {"a": Seen("master", True, 1, 0), "b": Seen("replica", True, 1, 0), "c": Seen("replica", False, 1, 0)}

    def look(place: Place, _: Given) -> Seen:
        if place.name not in seen:
            raise BackupError(f"{place.name} does not answer")
        return seen[place.name]

    monkeypatch.setattr(snapshot, "look", look)
    assert snapshot.source(given("a", "b", "c", "d")).name == "b"
    assert snapshot.source(given("a", "c", "d")).name == "a"
    with pytest.raises(BackupError, match="d does not answer"):
        snapshot.source(given("c", "d"))


@pytest.mark.parametrize(
    ("keys", "before", "after", "fits"),
    [(100, (100, 0), (100, 0), True), (99, (100, 0), (100, 0), False), (105, (100, 0), (110, 0), True),
     (130, (100, 0), (110, 0), False), (95, (100, 10), (100, 10), True)],
)  # fmt: skip
def test_as_many_keys_as_the_node_has(keys: int, before: tuple[int, int], after: tuple[int, int], fits: bool) -> None:
    seen = [Seen("replica", True, *one) for one in (before, after)]
    assert snapshot._fits(Contents(keys, 0, "", 0), *seen) is fits


def test_another_stacks_snapshot_is_taken_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [Kept("aaaa1111", "1", {"stack": "dev"}), Kept("bbbb2222", "2", {"stack": "prod"})]
    monkeypatch.setattr(Repository, "all", lambda _: kept)
    own = repository.Repository(given())
    assert own.find("latest", False).id == "aaaa1111"
    assert own.find("latest", True).id == "bbbb2222"
    assert own.find("bbbb2222", True).id == "bbbb2222"
    kept.append(Kept("dddd4444", "3", {"stack": "dev"}, safety=True))
    assert own.find("latest", False).id == "aaaa1111", "not what was there before a restore that has broken off"
    assert own.find("dddd4444", False).id == "dddd4444"
    with pytest.raises(BackupError, match="is of prod, not of dev"):
        own.find("bbbb2222", False)
    with pytest.raises(BackupError, match="there is no snapshot"):
        own.find("cccc3333", True)


def test_what_may_be_any_of_several_snapshots_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [Kept("aaaa1111", "1", {"stack": "dev"}), Kept("aaaa2222", "2", {"stack": "dev"})]
    monkeypatch.setattr(Repository, "all", lambda _: kept)
    with pytest.raises(BackupError, match="aaaa1111, aaaa2222: aaaa may be any"):
        repository.Repository(given()).find("aaaa", False)


@pytest.mark.parametrize("name", ["repository", "repository/data", "incoming-1.rdb/..", "incoming-2.rdb"])
def test_only_what_was_sent_is_used_up(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To take the repository for a file would end with it."""
    monkeypatch.setattr(main, "DATA", tmp_path)
    (tmp_path / "repository/data").mkdir(parents=True)
    (tmp_path / "incoming-1.rdb").write_text("sent")
    with pytest.raises(BackupError, match="neither a snapshot nor a file that was sent"):
        main._brought(Repository(given()), str(tmp_path / name), False, tmp_path / "work")
    assert (tmp_path / "repository/data").is_dir()
    assert main._brought(Repository(given()), str(tmp_path / "incoming-1.rdb"), False, tmp_path / "work") is None
    assert (tmp_path / "work").read_text() == "sent"


@pytest.mark.parametrize("source", ["dump.RDB", "./dump", "/backups", "someone's", "abc"])
def test_what_can_be_no_snapshot_is_refused_before_anything_is_asked(
    source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        ops_backup.main(["restore", "--from", source])
    assert f"FROM={source}: allowed: a snapshot's id" in capsys.readouterr().err


NAME = "restore-of-this-test"  # others may run on this machine


def test_one_command_of_several_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    """Not another operator's of the same name."""
    command = [sys.executable, "-c", "import time; time.sleep(60)", "backup.main", NAME]
    mine, others = (subprocess.Popen(command, env={workshop.RUN: run}) for run in ("mine", "others"))
    try:
        assert workshop.stop(NAME, "mine") == 0
        assert mine.wait(10) == -signal.SIGTERM
        assert others.poll() is None
        workshop.stop(NAME, "nobodys")
        assert capsys.readouterr().out == f"stopping: {NAME}\nno {NAME} runs\n"
        assert others.poll() is None
        workshop.stop(NAME)
        assert others.wait(10) == -signal.SIGTERM
    finally:
        mine.kill()
        others.kill()


def test_no_more_is_fetched_at_once_than_is_borne() -> None:
    sized = [(b"a", 1), (b"b", 2), (b"c", 9), (b"d", 0), (b"e", 3)]
    assert list(batches(sized, 3)) == [[b"a", b"b"], [b"c"], [b"d", b"e"]]
    assert list(batches([], 3)) == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, -400),
        ({"at": 900}, 500),
        ({"at": 300}, -100),
        ({"at": 300, "failed": 950}, 250),
        ({"at": 5000}, -400),  # by a clock that was ahead: as if there were none
        ({"at": 300, "failed": 5000}, -100),
    ],
)
def test_a_backup_is_due_by_a_clock_that_may_have_been_wrong(state: dict[str, float], expected: float) -> None:
    assert main.due(state, 600, 1000) == expected
