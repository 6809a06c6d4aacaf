"""Runs that are cut off, and two at once: the real Docker, since it is there that halves are left."""

from __future__ import annotations

import subprocess
import sys
import time

import docker

from tests.engine_command import EngineCommand
from tests.preview.conftest import held

NAME = "embedded-preview"
KILLED = """
import os, sys
import docker.api
docker.api.APIClient.{call} = lambda *_, **__: os.kill(os.getpid(), 9)
from engine.cli import main
sys.exit(main(["up", "--yes", "--skip-preview"]))
"""


def killed_at(engine: EngineCommand, call: str) -> None:
    """An `up` that is killed when it makes a call of Docker's API."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(call=call)], cwd=engine.folder, env=engine.environment, check=False
    )
    assert done.returncode == -9


def test_a_container_without_its_files_is_not_taken_for_whole(engine: EngineCommand) -> None:
    killed_at(engine, "put_archive")
    client = docker.from_env()
    (half,) = client.containers.list(all=True, filters={"label": f"pulumi.embedded.stack={NAME}/test"})
    assert str(half.name).startswith(f"{NAME}.making-")
    assert "node create" in engine("preview").stdout
    up = engine("up", "--yes", "--skip-preview")
    assert up.returncode == 0, up.stdout + up.stderr
    assert engine("preview", "--expect-no-changes").returncode == 0
    (whole,) = client.containers.list(all=True, filters={"label": f"pulumi.embedded.stack={NAME}/test"})
    assert whole.name == NAME
    stream, _ = whole.get_archive("/secret")
    assert b"fromreal" in b"".join(stream)


def test_a_replacement_that_is_killed_is_done_again(engine: EngineCommand) -> None:
    assert engine("up", "--yes", "--skip-preview").returncode == 0
    engine("config", "set", "b", "2")
    killed_at(engine, "rename")  # the old one is gone, the new one has no name yet
    assert engine("up", "--yes", "--skip-preview").returncode == 0
    assert engine("preview", "--expect-no-changes").returncode == 0
    (node,) = docker.from_env().containers.list(all=True, filters={"label": f"pulumi.embedded.stack={NAME}/test"})
    assert "B=2" in node.attrs["Config"]["Env"]


def test_of_two_runs_one_is_told_of_the_other_and_a_killed_one_does_not_count(engine: EngineCommand) -> None:
    with (engine.folder / "__main__.py").open("a") as program:
        program.write("\nimport os, time\nwhile os.path.exists('wait'): time.sleep(0.05)\n")
    wait = engine.folder / "wait"
    wait.touch()
    first = engine.begun("up", "--yes", "--skip-preview", XDG_STATE_HOME=str(engine.folder))  # as another user
    client = docker.from_env()
    lock = f"pulumi-embedded.{NAME}.test.lock"
    deadline = time.monotonic() + 60
    while lock not in [volume.name for volume in client.volumes.list()] and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        for command in (["up"], ["destroy"], ["stack", "rm"]):
            refused = engine(*command, "--yes", HOME=str(engine.folder))
            assert refused.returncode == 1
            said = refused.stdout + refused.stderr
            assert "the stack 'test' is currently locked by " in said
            assert f"(process {first.pid}, since " in said
    finally:
        first.kill()
        first.communicate()
        wait.unlink()
    assert engine("up", "--yes", "--skip-preview").returncode == 0
    assert lock not in [volume.name for volume in client.volumes.list()]


def test_destroy_after_a_killed_replacement_of_a_volume(engine: EngineCommand) -> None:
    """The older volume is none of the stack's resources any more, and a container that is one still uses it."""
    (engine.folder / "__main__.py").write_text("""
import pulumi
import pulumi_docker as docker
label = docker.VolumeLabelArgs(label="b", value=pulumi.Config().require("b"))
files = docker.Volume("files", labels=[label])
docker.Container("carrier", name="embedded-preview", image="embedded-preview-base:1", entrypoints=["x"], start=False,
    volumes=[docker.ContainerVolumeArgs(container_path="/files", volume_name=files.name)],
    uploads=[docker.ContainerUploadArgs(file="/files/a", content="a")])
""")
    assert engine("up", "--yes", "--skip-preview").returncode == 0
    engine("config", "set", "b", "2")
    killed_at(engine, "put_archive")
    gone = engine("destroy", "--yes", "--skip-preview")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert held() == []
