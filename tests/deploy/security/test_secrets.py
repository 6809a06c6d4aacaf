"""No password can be seen: not in what Docker shows, not in what commands print, not in any file of the checkout."""

import gzip
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from drills.target.cluster import Cluster
from drills.target.stack import Stack, StackCommandError
from tests.deploy.credentials import Credentials
from tests.deploy.inside import inside, output_of


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, errors="replace").stdout


def _shown_by_docker(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """What everyone who may use Docker sees without entering a container."""
    api: Any = cluster.docker.api
    for container in cluster.containers():
        name = str(container.name)
        yield f"inspect of {name}", json.dumps(api.inspect_container(container.id))
        yield f"log of {name}", container.logs().decode(errors="replace")
        yield f"processes of {name}", json.dumps(container.top(ps_args="-ef"))
        yield f"image of {name}", json.dumps(api.inspect_image(container.attrs["Image"]))
        yield f"history of {name}", _docker("history", "--no-trunc", str(container.attrs["Image"]))
    label = f"label=redis-ha.stack={cluster.outputs.stack}"
    # Those too that only carry files, and never run.
    yield "all containers", _docker("inspect", *_docker("ps", "-aq", "--filter", label).split())
    for kind in ("volume", "network"):
        names = _docker(kind, "ls", "-q", "--filter", label).split()
        yield f"{kind}s", _docker(kind, "inspect", *names)


def _image_files(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """The files of the image's own layers; those of the base image are no concern of ours."""
    image = cluster.docker.images.get(str(cluster.containers()[0].attrs["Image"]))
    with tarfile.open(fileobj=io.BytesIO(b"".join(image.save()))) as saved:
        # Before Docker 25 they lie at ID/layer.tar, since then among other blobs, maybe compressed.
        (told,) = json.loads(_member(saved, "manifest.json"))
        layers = [saved.getmember(name) for name in told["Layers"]]
        small = [m for m in layers if m.size < 2**20]
        assert small, f"none of the image's layers is small: {layers}"
        for layer in small:
            content = _member(saved, layer.name)
            text = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
            yield f"layer {layer.name}", text.decode(errors="replace")


def _member(saved: tarfile.TarFile, name: str) -> bytes:
    content = saved.extractfile(name)
    assert content, name
    return content.read()


def _inside(container: Container) -> Iterator[tuple[str, str]]:
    """What a process of another user, or a copy of the environment, would see."""
    for title, command in {
        "environment": "tr '\\0' '\\n' </proc/1/environ",
        "command lines": "cat /proc/[0-9]*/cmdline | tr '\\0' ' '",
        "temporary files": "find /tmp -type f -exec cat {} +; echo all",
    }.items():
        yield f"{title} in {container.name}", output_of(container, "sh", "-c", command)


def _printed(stack: Stack) -> Iterator[tuple[str, str]]:
    yield "outputs", stack.run("stack", "output")
    yield "outputs as JSON", stack.run("stack", "output", "--json")
    yield "config", stack.run("config")
    with stack.changed({"redisConfig": {"hz": "11"}}):
        yield "preview", stack.run("preview", "--diff")
    # Changed passwords: both files that hold them differ.
    kept = stack.config_file.read_bytes()
    try:
        stack.run("config", "set", "--secret", "redis-ha:password", stdin="a-password-for-a-preview-only\n")
        changed = stack.run("preview", "--diff")
        yield "preview of a changed password", changed
        assert "a-password-for-a-preview-only" not in changed
        stack.run("config", "set", "--secret", "redis-ha:password", stdin="not allowed because of blanks\n")
        try:
            stack.run("preview")
        except StackCommandError as error:
            assert "blanks" in error.output, error.output
            assert "not allowed because" not in error.output, "a refused password is shown"
    finally:
        stack.config_file.write_bytes(kept)


def _files(stack: Stack) -> Iterator[tuple[str, str]]:
    """The checkout, and where either engine keeps what it remembers."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "pulumi-embedded"
    backend = os.environ.get("PULUMI_BACKEND_URL", "").removeprefix("file://")
    places = [stack.project_dir, home, Path.home() / ".pulumi/stacks", Path(backend or home).expanduser()]
    skipped = {".venv", ".git", "__pycache__", ".mypy_cache", ".ruff_cache"}
    for place in places:
        for folder, below, names in os.walk(place):
            below[:] = [name for name in below if name not in skipped]
            for name in names:
                path = Path(folder, name)
                if path.is_file() and path.stat().st_size < 5 * 2**20:
                    yield str(path), path.read_text(errors="replace")


def test_no_password_can_be_seen_anywhere(cluster: Cluster, stack: Stack) -> None:
    secrets = Credentials.of(stack, cluster).all()
    seen = 0
    found = []
    sources = [_shown_by_docker(cluster), _image_files(cluster), _printed(stack), _files(stack)]
    sources += [_inside(container) for container in cluster.containers()]
    for source in sources:
        for where, text in source:
            seen += 1
            found += [where for secret in secrets if secret in text]
    assert not found, f"a password is in {sorted(set(found))}"
    assert seen > 50, "hardly anything was looked at"


def test_the_files_with_secrets_are_for_redis_only(cluster: Cluster) -> None:
    for container in cluster.containers():
        modes = output_of(container, "stat", "-c", "%a %U", "/etc/redis-ha/node").split()
        assert modes == ["500", "redis"], f"{container.name}: {modes}"
        stranger, _ = inside(container, "cat", "/etc/redis-ha/node/internal", user="nobody")
        assert stranger != 0, f"{container.name}: another user can read its password"
        # What Redis and Sentinel write themselves holds the internal password.
        listed = output_of(container, "sh", "-c", "stat -c '%a %n' /data/*.conf").split()
        assert set(listed[::2]) == {"600"}, f"{container.name}: {listed}"
