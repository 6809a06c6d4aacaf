"""What a data node makes of its volume before its server is started."""

import json
import os
from pathlib import Path

import pytest

from agent.serve import data
from agent.serve.data import Volume
from agent.serve.environment import read
from agent.view.mark import NO_MARK, Mark

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def volume(root: Path, directives: str = "appendonly yes\n", **told: str) -> Volume:
    """The volume of a data node with these directives; the same one for the same folder."""
    for part in ("etc/node", "data"):
        (root / part).mkdir(parents=True, exist_ok=True)
    (root / "etc/redis.conf").write_text((CONFIGS / "redis.conf").read_text())
    (root / "etc/node/directives.conf").write_text(directives)
    places = {f"REDIS_HA_{part.upper()}": str(root / part) for part in ("etc", "data", "run")}
    return Volume(read(["master"], {"redis_port": "16379", "announce_address": "10.0.0.1"} | places | told))


def with_data(root: Path, **remembered: object) -> Volume:
    """Append-only files, and what the agent remembers of them."""
    made = volume(root)
    (root / "data/appendonlydir").mkdir()
    (root / "data/appendonlydir/appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
    if remembered:
        made.memory.write_text(json.dumps(remembered))
    return made


def lines(made: Volume) -> list[str]:
    return made.config.read_text().splitlines()


def test_an_empty_volume_is_worth_nothing(tmp_path: Path) -> None:
    found = volume(tmp_path).mark()
    assert (found.whole, found.epoch, found.empty) == (False, -1, True)


def test_what_was_remembered_holds_while_the_data_is_there(tmp_path: Path) -> None:
    remembered = Mark(True, True, 7, True, 99, False)
    made = with_data(tmp_path, **remembered.as_memory())
    assert made.mark() == remembered
    (tmp_path / "data/appendonlydir/appendonly.aof.manifest").unlink()
    lost = made.mark()
    assert (lost.whole, lost.master, lost.empty) == (False, False, True)


def test_a_first_copy_that_was_not_finished_is_not_whole(tmp_path: Path) -> None:
    made = with_data(tmp_path, **NO_MARK.as_memory() | {"empty": False})
    assert not made.mark().whole


@pytest.mark.parametrize(("config", "master"), [("port 16379\n", True), ("replicaof 10.0.0.2 16380\n", False)])
def test_a_volume_of_the_version_before_the_agent(tmp_path: Path, config: str, master: bool) -> None:
    """It remembered a role only. Its data was whole, or it would not have had a role."""
    made = with_data(tmp_path)
    made.config.write_text(config)
    assert made.mark() == Mark(True, True, 0, master, 0, False)


def test_the_server_starts_in_limbo_whatever_it_was(tmp_path: Path) -> None:
    made = with_data(tmp_path, **Mark(True, True, 7, True, 99, False).as_memory())
    made.prepare(made.mark())
    # What CONFIG REWRITE and earlier versions leave there.
    made.config.write_text(
        made.config.read_text()
        + "replicaof 10.0.0.2 16380\nreplica-priority 100\nmin-replicas-to-write 65535\nmaxmemory 5mb\n"
    )
    made.prepare(made.mark())
    found = lines(made)
    assert [line for line in found if line.startswith("replicaof")] == ["replicaof 127.0.0.1 1"]
    assert [line for line in found if line.startswith("replica-priority")] == ["replica-priority 0"]
    assert "min-replicas-to-write 65535" not in found
    assert "maxmemory 5mb" in found, "what was changed at run time is kept"
    assert any("whole=1 epoch=7 master=1" in line for line in found if line.startswith("proc-title-template"))


def test_other_settings_take_the_place_of_what_was_changed_at_run_time(tmp_path: Path) -> None:
    made = volume(tmp_path)
    made.prepare(NO_MARK)
    made.config.write_text(made.config.read_text() + "maxmemory 5mb\n")
    made = volume(tmp_path, "appendonly yes\nmaxmemory 9mb\n")
    made.prepare(NO_MARK)
    assert [line for line in lines(made) if line.startswith("maxmemory ")] == ["maxmemory 9mb"]


@pytest.mark.parametrize(
    ("before", "now", "append_only", "snapshot", "arguments"),
    [
        pytest.param("yes", "yes", True, True, [], id="as before"),
        pytest.param("yes", "no", True, False, ["--appendonly", "yes"], id="off: the append-only file is newest"),
        pytest.param("no", "yes", False, True, ["--appendonly", "no"], id="on: the snapshot is newest"),
        pytest.param("no", "yes", True, True, ["--appendonly", "no"], id="on, and an old append-only file is there"),
        pytest.param("no", "no", False, True, [], id="off as before"),
        pytest.param("yes", "yes", False, False, [], id="nothing there"),
    ],
)
def test_the_server_loads_what_is_newest(
    tmp_path: Path, before: str, now: str, append_only: bool, snapshot: bool, arguments: list[str]
) -> None:
    volume(tmp_path, f"appendonly {before}\n").prepare(NO_MARK)
    if append_only:
        with_data(tmp_path)
    if snapshot:
        (tmp_path / "data/dump.rdb").write_text("REDIS")
    made = volume(tmp_path, f"appendonly {now}\n")
    assert made.prepare(NO_MARK) == arguments
    stale = list((tmp_path / "data").glob("appendonlydir.stale-*"))
    assert bool(stale) is (append_only and (before, now) == ("no", "yes"))


@pytest.mark.parametrize(
    ("directives", "there"),
    [
        pytest.param("appendonly no\n", False, id="in memory alone"),
        pytest.param("appendonly no\nsave 3600 1\n", True, id="snapshots are taken"),
        pytest.param("appendonly yes\n", True, id="the append-only file is to come"),
    ],
)
def test_what_a_copy_has_left_long_ago_is_no_data(tmp_path: Path, directives: str, there: bool) -> None:
    """Redis keeps the snapshot by which a replica was filled, and a node that is restarted loads it."""
    made = volume(tmp_path, directives)
    made.prepare(NO_MARK)
    (tmp_path / "data/dump.rdb").write_text("REDIS")
    remembered = Mark(True, True, 7, True, 99, False)
    made.memory.write_text(json.dumps(remembered.as_memory()))
    found = volume(tmp_path, directives).mark()
    assert (found.whole, found.master, found.empty) == (there, there, not there)


@pytest.mark.parametrize(("age", "arguments"), [(1, ["--appendonly", "yes"]), (-1, [])], ids=["older", "newer"])
def test_a_switch_that_was_cut_off_goes_on(tmp_path: Path, age: int, arguments: list[str]) -> None:
    """The append-only file is set aside once a snapshot is newer, such as that of a planned stop."""
    volume(tmp_path, "appendonly no\n").prepare(NO_MARK)
    with_data(tmp_path)
    snapshot = tmp_path / "data/dump.rdb"
    snapshot.write_text("REDIS")
    # What is written to is newer than the manifest, which changes with the next rewrite.
    newest = (tmp_path / "data/appendonlydir/appendonly.aof.manifest").stat().st_mtime + 3600
    (tmp_path / "data/appendonlydir/appendonly.aof.1.incr.aof").write_text("writes")
    os.utime(tmp_path / "data/appendonlydir/appendonly.aof.1.incr.aof", (newest, newest))
    os.utime(snapshot, (newest - age, newest - age))
    assert volume(tmp_path, "appendonly no\n").prepare(NO_MARK) == arguments
    assert (tmp_path / "data/appendonlydir").exists() is bool(arguments)


def test_the_secret_is_in_the_file_and_nowhere_else(tmp_path: Path) -> None:
    made = volume(tmp_path)
    (tmp_path / "etc/node/internal").write_text("5ecr3t\n")
    arguments = made.prepare(NO_MARK)
    assert 'masterauth "5ecr3t"' in lines(made)
    assert "5ecr3t" not in " ".join(arguments)
    assert "5ecr3t" not in repr(made.environment)


def module(folder: Path, name: str, mode: int = 0o755, text: str = "ELF") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_base_images_modules_are_loaded_as_its_own_entrypoint_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.setattr(data, "MODULES", folder)
    found = [module(folder, name) for name in ("redisbloom.so", "rejson.so")]
    module(folder, "empty.so", text="")
    module(folder, "not-executable.so", 0o644)
    module(folder, "notes.txt")
    (folder / "folder.so").mkdir()
    made = volume(tmp_path)
    assert data.modules(made.environment) == found
    for _ in range(2):  # and once only, however often it is started
        made.prepare(NO_MARK)
        loaded = [line for line in lines(made) if line.startswith("loadmodule")]
        assert loaded == [f"loadmodule {path}" for path in found]
    off = volume(tmp_path, modules="no")
    off.prepare(NO_MARK)
    assert not any(line.startswith("loadmodule") for line in lines(off))


def test_no_modules_where_the_base_image_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "MODULES", tmp_path / "none")
    assert data.modules(volume(tmp_path).environment) == []
