"""Docker's side without Docker: container bodies, uploads, build contexts, error messages."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from engine.docker.connect import connect, explained, logins
from engine.docker.container import ContainerHandler
from engine.docker.container_spec import create_body, duration, live_config, live_inputs, upload_archive
from engine.docker.image import ImageHandler
from engine.docker.image_context import BuildContext
from engine.errors import EngineError
from engine.values.wire import UNKNOWN, Secret


def test_container_body() -> None:
    body = create_body(
        {
            "image": "sha256:1",
            "envs": ["A=1"],
            "labels": [{"label": "l", "value": "v"}],
            "ports": [{"internal": 80, "external": 8080, "ip": "127.0.0.1"}],
            "networksAdvanced": [{"name": "n", "ipv4Address": "10.0.0.2"}],
            "volumes": [
                {"volumeName": "v", "containerPath": "/data"},
                {"hostPath": "/h", "containerPath": "/c", "readOnly": True},
            ],
            "healthcheck": {"tests": ["CMD", "x"], "interval": "1m30s", "retries": 3},
            "capabilities": {"drops": ["ALL"]},
            "memory": 64,
            "cpus": "0.5",
            "cpuShares": 64,
            "restart": "unless-stopped",
            "stopTimeout": 30,
        },
        {"mark": "1"},
    )
    assert body["Labels"] == {"l": "v", "mark": "1"}
    assert body["ExposedPorts"] == {"80/tcp": {}}
    assert body["StopTimeout"] == 30
    assert body["Healthcheck"] == {"Test": ["CMD", "x"], "Interval": 90 * 10**9, "Retries": 3}
    host = body["HostConfig"]
    assert host["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}
    assert host["NetworkMode"] == "n"
    assert host["Binds"] == ["v:/data:rw", "/h:/c:ro"]
    assert (host["Memory"], host["NanoCpus"], host["CpuShares"]) == (64 * 1024**2, 500_000_000, 64)
    assert host["CapDrop"] == ["ALL"]
    assert body["NetworkingConfig"]["EndpointsConfig"]["n"]["IPAMConfig"] == {"IPv4Address": "10.0.0.2"}


def test_live_inputs_are_read_back_as_they_were_given() -> None:
    given = {"restart": "always", "memory": 64, "memorySwap": -1}
    assert given.items() <= live_inputs(live_config(given)).items()


@pytest.mark.parametrize(("text", "nanoseconds"), [("500ms", 5 * 10**8), ("1h2m3s", 3723 * 10**9), ("0", 0), ("0s", 0)])
def test_durations(text: str, nanoseconds: int) -> None:
    assert duration(text) == nanoseconds


def test_uploads_are_owned_by_root() -> None:
    uploads: list[Mapping[str, Any]] = [
        {"file": "/etc/a", "content": "x", "permissions": "0444"},
        {"file": "/b", "content": "é"},
    ]
    with tarfile.open(fileobj=io.BytesIO(upload_archive(uploads))) as archive:
        members = archive.getmembers()
        assert [(item.name.lstrip("/"), item.mode, item.uid) for item in members] == [
            ("etc/a", 0o444, 0),
            ("b", 0o644, 0),
        ]
        content = archive.extractfile(members[1])
        assert content is not None
        assert content.read() == "é".encode()


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "run").write_text("1")
    (tmp_path / ".dockerignore").write_text("# notes\nnotes\n")
    return tmp_path


def test_the_context_hash_changes_with_content_and_executable_bit_only(context: Path) -> None:
    def digest() -> str:
        return BuildContext({"context": str(context)}).digest()

    first = digest()
    (context / "run").chmod(0o600)
    (context / "notes").write_text("ignored")
    assert digest() == first
    (context / "run").chmod(0o755)
    second = digest()
    assert second != first
    (context / "run").write_text("2")
    assert digest() not in (first, second)


def test_archives_are_the_same_each_time(context: Path) -> None:
    build = BuildContext({"context": str(context)})
    assert build.archive().getvalue() == build.archive().getvalue()
    with tarfile.open(fileobj=build.archive()) as archive:
        assert {item.mode for item in archive.getmembers()} == {0o644}


def test_a_missing_dockerfile_is_named_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EngineError, match="Try setting `dockerfile` to 'app/Dockerfile'"):
        BuildContext({"context": "app", "dockerfile": "Dockerfile"})


@pytest.mark.parametrize(
    ("explanation", "advice"),
    [
        ("listen tcp4 127.0.0.1:80: bind: address already in use", "choose other ports"),
        ('Conflict. The container name "/x" is already in use by container "y"', "remove or rename it"),
        ("Pool overlaps with other one on this address space", "choose another subnet"),
        ("write /x: no space left on device", "the disk is full"),
    ],
)
def test_docker_errors_come_with_advice(explanation: str, advice: str) -> None:
    with pytest.raises(EngineError) as error, explained("doing x"):
        raise APIError("500", explanation=explanation)
    assert str(error.value).startswith("doing x: ")
    assert advice in str(error.value)


def test_no_docker_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot reach the Docker daemon at unix:"):
        connect({"host": f"unix://{tmp_path}/none.sock"})


def test_a_provider_without_a_host_is_a_login_at_the_default_docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/default.sock")
    only_login = {"registryAuth": '[{"address": "r:5000", "username": "u", "password": "p"}]'}
    assert logins(only_login) == {"r:5000": {"username": "u", "password": "p"}}
    assert logins({}) == {}
    for inputs in (None, only_login):
        with pytest.raises(EngineError, match=r"at unix:.*default\.sock"):
            connect(inputs)
    with pytest.raises(EngineError, match="only caMaterial is set; it takes all three, or none"):
        connect({"host": "tcp://a", "caMaterial": "x"})


@pytest.mark.parametrize("build", [Secret({"context": "app"}), UNKNOWN])
def test_a_build_that_cannot_be_looked_into_is_refused(build: Any) -> None:
    """It was taken for one without a context, which is the folder that the program runs in."""
    handler = ImageHandler(None)  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="image 'i': `build` as a whole is a secret or not known yet"):
        handler.check("i", {"imageName": "i", "build": build}, None)


def test_a_dockerfile_outside_of_its_context_is_refused(context: Path) -> None:
    (context / "app").mkdir()
    with pytest.raises(EngineError, match=r"a Dockerfile outside of its build context: .* is not implemented"):
        BuildContext({"context": str(context / "app"), "dockerfile": str(context / "Dockerfile")})


def test_a_container_has_a_network_mode_or_networks() -> None:
    handler = ContainerHandler(None, {})  # type: ignore[arg-type]
    inputs = {"name": "c", "image": "i", "networkMode": "bridge", "networksAdvanced": [{"name": "n"}]}
    with pytest.raises(EngineError, match="container 'c': networks beside a `network_mode` is not implemented"):
        handler.preflight(inputs, None, "p/s")
