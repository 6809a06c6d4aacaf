"""A stack is brought back to a second, by the append-only file of its master or of a replica."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup.given import BackupError
from backup.log import cut, manifest_of
from drills.target.cluster import Cluster
from drills.target.stack import Stack
from drills.target.waiting import until
from redis_ha.outputs import Node
from tests.deploy.data.backups import at, done, ops
from tests.redis_binary import folder

SECONDS = 5


def write(cluster: Cluster, seconds: float) -> list[tuple[str, float, float]]:
    """Keys, each with when it was sent and when it was acknowledged."""
    found = []
    end = time.time() + seconds
    with at(cluster, cluster.master(), 0) as client:
        while (began := time.time()) < end:
            key = f"time:{began:.6f}"
            client.set(key, began)
            found.append((key, began, time.time()))
            time.sleep(0.004)
    return found


def test_to_the_second(backed_up: Cluster, stack: Stack, figure: Callable[[str], None]) -> None:
    cluster, master = backed_up, backed_up.master()
    written = write(cluster, SECONDS)
    second = int(written[len(written) // 2][1])
    text = datetime.fromtimestamp(second, UTC).isoformat()
    must = {key for key, _, acknowledged in written if acknowledged < second + 1}
    may = {key for key, sent, _ in written if sent < second + 1}
    assert 0 < len(must) <= len(may) < len(written)
    with at(cluster, master, 0) as client:
        client.unlink(*(key for key, *_ in written))  # what somebody did by mistake
        client.set("written later", 1)

    def brought(node: Node) -> bool:
        with at(cluster, node, 0) as client:
            keys = set(client.scan_iter("time:*", count=1000))
            return must <= keys <= may and not client.exists("written later")

    assert f"{master.name} (master): back to" in done(stack, "restore", "--at", text, "--check")
    said = done(stack, "restore", "--at", text)
    assert f"taking that of {master.name}" in said
    assert f"the append-only file, with all of {text.removesuffix('+00:00')}Z" in said
    for node in cluster.nodes:
        until(lambda node=node: brought(node), f"the data of that second on {node.name}", 20)  # type: ignore[misc]
    first = second + 1 - written[0][1]
    figure(f"{len(written)} writes in {SECONDS} s, restored exactly those of the first {first:.1f} s, {len(may)}")

    # Again, by what a replica has: the restore is one more thing that it has written since.
    with at(cluster, master, 0) as client:
        client.set("written later", 1)
    replica = cluster.replicas()[0]
    done(stack, "restore", "--at", text, "--from", replica.name)
    for node in cluster.nodes:
        until(lambda node=node: brought(node), f"the data of that second on {node.name}", 20)  # type: ignore[misc]


def test_what_is_not_kept_is_refused(backed_up: Cluster, stack: Stack) -> None:
    with at(backed_up, backed_up.master(), 0) as client:
        client.set("a key", 1)
    for when, why in (
        ("2020-01-01T00:00:00Z", "no append-only file leads back to 2020-01-01T00:00:00Z"),
        ("2999-01-01", "is not over yet"),
        ("yesterday", "a time is written as"),
    ):
        refused = ops(stack, "restore", "--at", when)
        assert refused.returncode == 1
        assert why in refused.stderr
    with at(backed_up, backed_up.master(), 0) as client:
        assert client.get("a key") == "1"


def command(*words: str) -> bytes:
    return f"*{len(words)}\r\n".encode() + b"".join(f"${len(word)}\r\n{word}\r\n".encode() for word in words)


def stamped(second: int) -> bytes:
    return f"#TS:{second}\r\n".encode() + command("SET", f"at {second}", "\r\n#TS:1\r\n")


@pytest.mark.parametrize(("second", "files"), [(15, 1), (19, 1), (20, 2), (29, 2), (35, 3), (99, 3), (5, 0)])
def test_the_place_may_be_in_any_of_several_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: int, files: int
) -> None:
    monkeypatch.setenv("PATH", f"{folder()}{os.pathsep}{os.environ['PATH']}")
    lines = []
    for number in (1, 2, 3):
        name = f"appendonly.aof.{number}.incr.aof"
        content = stamped(10 * number) + stamped(10 * number + 5) + stamped(10 * number + 8)
        (tmp_path / name).write_bytes(command("SELECT", "0") + content if number == 1 else content)
        lines.append(f"file {name} seq {number} type i\n")
    manifest = tmp_path / "appendonly.aof.manifest"
    manifest.write_text("".join(lines))
    cut(tmp_path, second)
    assert manifest_of(tmp_path) == manifest
    left = b"".join((tmp_path / line.split()[1]).read_bytes() for line in manifest.read_text().splitlines())
    kept = [stamp for stamp in (10, 15, 18, 20, 25, 28, 30, 35, 38) if stamp <= second]
    assert left == command("SELECT", "0") + b"".join(stamped(stamp) for stamp in kept)
    assert files == 0 or len(manifest.read_text().splitlines()) == files


def test_a_damaged_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{folder()}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(BackupError, match="there is no append-only file"):
        cut(tmp_path, 10)
    (tmp_path / "appendonly.aof.1.incr.aof").write_bytes(stamped(10) + b"something else" + stamped(20))
    (tmp_path / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
    with pytest.raises(BackupError, match="damaged"):
        cut(tmp_path, 30)
