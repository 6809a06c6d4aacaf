"""pulumiw and the scripts in bootstrap/, with stand-ins for docker and pulumi on the PATH."""

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Machine:
    """A home folder and a PATH of the test's own."""

    home: Path
    programs: Path
    environment: dict[str, str] = field(default_factory=dict)

    def program(self, name: str, script: str) -> None:
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def run(self, *command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(self.home), "PATH": f"{self.programs}:/usr/bin:/bin", **self.environment}
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "home", tmp_path / "bin")
    made.home.mkdir()
    made.programs.mkdir()
    made.program("docker", "exit 1")
    return made


@pytest.fixture
def wrapped(machine: Machine) -> Machine:
    """With a Pulumi CLI that says what it is given; the project's own .venv is ready."""
    if not (ROOT / ".venv/installed-requirements.txt").is_file():
        pytest.skip("runs in the project's .venv only (make test)")
    version = next(
        line.split()[0].removeprefix("pulumi==")
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line.startswith("pulumi==")
    )
    machine.program(
        "pulumi",
        f'[ "$1" != version ] || {{ echo "v${{FAKE_VERSION:-{version}}}"; exit; }}\n'
        'echo "arguments: $*"; echo "stack: ${PULUMI_STACK:-}"; echo "backend: ${PULUMI_BACKEND_URL:-}"\nexit 7',
    )
    return machine


def test_arguments_and_exit_code_are_pulumis(wrapped: Machine) -> None:
    done = wrapped.run("./pulumiw", "stack", "output", "--json", "-s", "some stack")
    assert done.returncode == 7
    assert "arguments: stack output --json -s some stack\n" in done.stdout
    assert done.stderr.count("\n") == 1  # the passphrase


def test_stack_and_backend_have_defaults(wrapped: Machine) -> None:
    done = wrapped.run("./pulumiw", "stack", "output")
    assert "stack: dev\nbackend: file://~\n" in done.stdout


def test_the_selected_stack_is_used(wrapped: Machine) -> None:
    mark = subprocess.run(["sha1sum"], input=f"{ROOT}/Pulumi.yaml", capture_output=True, text=True, check=True)
    folder = wrapped.home / ".pulumi/workspaces"
    folder.mkdir(parents=True)
    selection = folder / f"redis-ha-{mark.stdout.split()[0]}-workspace.json"
    selection.write_text('{\n  "stacks": {\n    "file://~": "organization/redis-ha/staging"\n  }\n}')
    assert "stack: staging\n" in wrapped.run("./pulumiw", "stack", "output").stdout


def test_the_users_backend_is_left_alone(wrapped: Machine) -> None:
    wrapped.environment["PULUMI_BACKEND_URL"] = "s3://bucket"
    assert "backend: s3://bucket\n" in wrapped.run("./pulumiw", "stack", "ls").stdout


def test_another_version_is_warned_of_each_time(wrapped: Machine) -> None:
    wrapped.environment["FAKE_VERSION"] = "3.1.0"
    for _ in range(2):
        assert "warning: pulumi on the PATH is 3.1.0" in wrapped.run("./pulumiw", "whoami").stderr


def test_a_passphrase_is_made_once_and_is_private(wrapped: Machine) -> None:
    assert "made a passphrase" in wrapped.run("./pulumiw", "stack", "ls").stderr
    file = wrapped.home / ".config/redis-ha/passphrase"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text().strip()) > 30
    assert "passphrase" not in wrapped.run("./pulumiw", "stack", "ls").stderr


def test_the_users_passphrase_is_left_alone(wrapped: Machine) -> None:
    wrapped.environment["PULUMI_CONFIG_PASSPHRASE"] = ""
    assert wrapped.run("./pulumiw", "stack", "ls").stderr == ""


def test_a_stack_of_the_embedded_engine_stays_with_it(wrapped: Machine) -> None:
    wrapped.program("docker", 'case "$*" in *label=pulumi.embedded.stack=redis-ha/mine) echo 1234 ;; esac')
    mine = wrapped.run("./pulumiw", "config", "get", "nothing", "-s", "mine")
    assert "engine: embedded (it has deployed stack mine" in mine.stderr
    assert "arguments:" in wrapped.run("./pulumiw", "config", "get", "nothing", "-s", "other").stdout


def test_a_stack_that_pulumi_has_taken_over_is_pulumis(wrapped: Machine) -> None:
    wrapped.program("docker", 'case "$*" in *stack=redis-ha/mine | *given=redis-ha/mine) echo 1234 ;; esac')
    mine = wrapped.run("./pulumiw", "config", "get", "nothing", "-s", "mine")
    assert "engine:" not in mine.stderr
    assert "arguments:" in mine.stdout


@pytest.mark.parametrize("engine", ["bogus", "Pulumi"])
def test_an_unknown_engine_is_refused(wrapped: Machine, engine: str) -> None:
    wrapped.environment["REDIS_HA_ENGINE"] = engine
    done = wrapped.run("./pulumiw", "up")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: REDIS_HA_ENGINE='{engine}': allowed are pulumi and embedded\n"


def test_a_base_image_that_is_there_costs_one_look(machine: Machine) -> None:
    machine.program("docker", f'echo "$*" >> {machine.home}/calls; echo "/|"')
    done = machine.run("bootstrap/base-image", "redis:8-alpine")
    assert (done.returncode, done.stderr) == (0, "")
    assert len((machine.home / "calls").read_text().splitlines()) == 1


_RECIPE = ("bootstrap/stand-in-rootfs", "bootstrap/stand-in-entrypoint-redis.sh", "configs/trim-python")
_SUM = subprocess.check_output(["cksum"], input=b"".join((ROOT / name).read_bytes() for name in _RECIPE))
STAND_IN = f"redis:8-alpine/{_SUM.decode().split()[0]}|Redis 8.0.2 from Debian trixie"


@pytest.mark.parametrize("image", ["redis:8-alpine", "docker.io/library/redis:8-alpine"])
def test_the_stand_in_is_announced_each_time(machine: Machine, image: str) -> None:
    machine.program("docker", f'echo "{STAND_IN}"')
    done = machine.run("bootstrap/base-image", image)
    assert done.returncode == 0
    assert done.stderr == (
        f"base image: {image} cannot be pulled here; using the stand-in redis-ha-stand-in:8-alpine "
        f"(Redis 8.0.2 from Debian trixie); `docker pull {image}` takes the real one once it can be had\n"
    )


def test_a_stand_in_that_is_there_gets_the_images_name(machine: Machine) -> None:
    script = f'case "$*" in *"inspect"*redis-ha-stand-in*) echo "{STAND_IN}" ;; *inspect*) exit 1 ;; esac'
    machine.program("docker", f'echo "$*" >> {machine.home}/calls; {script}')
    assert "using the stand-in" in machine.run("bootstrap/base-image", "redis:8-alpine").stderr
    assert "image tag redis-ha-stand-in:8-alpine redis:8-alpine" in (machine.home / "calls").read_text()


def test_a_stand_in_of_an_earlier_recipe_does_not_count(machine: Machine) -> None:
    """It has no Python, and our image could not be built on it."""
    old = "redis:8-alpine/|Redis 8.0.2 from Debian trixie"
    script = f'case "$1" in image) echo "{old}" ;; pull) exit 0 ;; esac'
    machine.program("docker", f'echo "$*" >> {machine.home}/calls; {script}')
    assert machine.run("bootstrap/base-image", "redis:8-alpine").stderr == "base image: pulled redis:8-alpine\n"


def test_no_stand_in_takes_the_place_of_a_digest(machine: Machine) -> None:
    script = f'case "$*" in *"inspect"*redis-ha-stand-in*) echo "{STAND_IN}" ;; *inspect* | pull*) exit 1 ;; esac'
    machine.program("docker", script)
    done = machine.run("bootstrap/base-image", "redis:8-alpine@sha256:12")
    assert done.returncode == 1
    assert "cannot be pulled here, and a stand-in would be another image" in done.stderr


def test_an_image_of_ones_own_is_left_to_the_program(machine: Machine) -> None:
    script = f'echo "$1" >> {machine.home}/calls; case "$1" in version) ;; *) echo no such host >&2; exit 1 ;; esac'
    machine.program("docker", script)
    for _ in range(2):
        assert machine.run("bootstrap/base-image", "registry.example/own:1").returncode == 0
    calls = (machine.home / "calls").read_text().split()
    assert calls.count("pull") == 1  # the failure is remembered


def test_a_daemon_elsewhere_is_neither_started_nor_replaced(machine: Machine) -> None:
    machine.program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    machine.program("apt-get", f"touch {machine.home}/installed")
    machine.environment["DOCKER_HOST"] = "tcp://127.0.0.1:1"
    done = machine.run("bootstrap/docker")
    assert done.returncode == 1
    assert done.stderr == (
        "error: the Docker daemon at tcp://127.0.0.1:1 does not answer: Cannot connect to the Docker daemon\n"
    )
    assert not (machine.home / "installed").exists()


def test_without_root_the_way_out_is_named(machine: Machine) -> None:
    machine.program("docker", "echo 'permission denied while trying to connect' >&2; exit 1")
    assert "add " in machine.run("bootstrap/docker").stderr
    machine.program("docker", "echo 'Cannot connect' >&2; exit 1")
    machine.program("dockerd", "exit 1")
    machine.program("id", "echo 1000")
    assert "systemctl start docker" in machine.run("bootstrap/docker").stderr


def test_changed_stacks(machine: Machine, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "bootstrap").mkdir(parents=True)
    shutil.copy(ROOT / "bootstrap/changed-stacks", checkout / "bootstrap")
    for name in ("Pulumi.dev.yaml", "Pulumi.prod.yaml", "README.md", "__main__.py"):
        (checkout / name).write_text("first\n")
    author = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@localhost"}
    machine.environment |= author | {key.replace("AUTHOR", "COMMITTER"): value for key, value in author.items()}

    def commit(*names: str) -> None:
        for name in names:
            (checkout / name).parent.mkdir(exist_ok=True)
            (checkout / name).write_text(f"{os.urandom(4).hex()}\n")
        for words in (("add", "."), ("commit", "-qm", "change")):
            assert machine.run("git", *words, cwd=checkout).returncode == 0

    def changed() -> str:
        return machine.run("bootstrap/changed-stacks", "HEAD~1", cwd=checkout).stdout.strip()

    assert machine.run("git", "init", "-q", cwd=checkout).returncode == 0
    commit()
    commit("README.md")
    assert changed() == "[]"
    commit("Pulumi.prod.yaml")
    assert changed() == '["prod"]'
    for file in ("__main__.py", "agent/a.py", "backup/a.py", "components/a.py", "configs/a"):
        commit(file)
        assert changed() == '["dev","prod"]', file
