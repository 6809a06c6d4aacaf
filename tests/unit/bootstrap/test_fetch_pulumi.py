"""The Pulumi CLI is fetched by its checksum: what does not have it is not written, and nothing of it is run."""

import hashlib
import http.server
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bootstrap import fetch_pulumi
from bootstrap.fetch_pulumi import FetchError, fetch

VERSION = "1.2.3"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder, and its URL; in it a release whose archive has two programs."""
    monkeypatch.setattr(fetch_pulumi, "_machine", lambda: "linux-x64")
    files = tmp_path / "served"
    (files / f"v{VERSION}").mkdir(parents=True)
    name = f"pulumi-v{VERSION}-linux-x64.tar.gz"
    with tarfile.open(files / name, "w:gz") as packed:
        for program in ("pulumi", "pulumi-language-python"):
            entry = tarfile.TarInfo(f"pulumi/{program}")
            entry.size = len(program)
            packed.addfile(entry, io.BytesIO(program.encode()))
    digest = hashlib.sha256((files / name).read_bytes()).hexdigest()
    listed = f"{'0' * 64}  pulumi-v{VERSION}-linux-arm64.tar.gz\n{digest}  {name}\n"
    (files / f"v{VERSION}" / f"pulumi-{VERSION}-checksums.txt").write_text(listed)
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(files))) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield files, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_its_programs_are_there(served: tuple[Path, str], tmp_path: Path) -> None:
    _, url = served
    fetch(VERSION, tmp_path / "cli", url, url)
    programs = sorted((tmp_path / "cli/bin").iterdir())
    assert [(each.name, each.read_text()) for each in programs] == [
        ("pulumi", "pulumi"),
        ("pulumi-language-python", "pulumi-language-python"),
    ]
    assert all(os.access(each, os.X_OK) for each in programs)


def test_another_content_is_not_written(served: tuple[Path, str], tmp_path: Path) -> None:
    files, url = served
    with (files / f"pulumi-v{VERSION}-linux-x64.tar.gz").open("ab") as archive:
        archive.write(b"more")
    with pytest.raises(FetchError, match="checksum"):
        fetch(VERSION, tmp_path / "cli", url, url)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["served"]


def test_a_machine_that_the_release_has_nothing_for(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = served
    monkeypatch.setattr(fetch_pulumi, "_machine", lambda: "linux-riscv64")
    with pytest.raises(FetchError, match="no checksum of"):
        fetch(VERSION, tmp_path / "cli", url, url)


def test_no_route(served: tuple[Path, str], tmp_path: Path) -> None:
    _, url = served
    with pytest.raises(OSError, match="cannot be had"):
        fetch("9.9.9", tmp_path / "cli", url, url)
