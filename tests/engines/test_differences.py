"""What differs between the embedded engine and Pulumi: each row of the table in docs/engines.md, by its name there."""

import os
import shutil
import signal

import docker
import pytest
from docker.errors import NotFound

from drills.target.waiting import until
from tests.engines.small_project import NAME, STACK, SmallProject


class TestOnOneProject:
    """What leaves the project as it was."""

    def test_healing(self, shared: SmallProject) -> None:
        """What was stopped by hand is started by `up`; by Pulumi's only after a look at what is there."""
        container = docker.from_env().containers.get(NAME)
        container.stop(timeout=0)
        assert shared.unchanged() == (shared.engine == "pulumi")
        shared.up()
        container.reload()
        assert (container.status == "running") == (shared.engine == "embedded")
        shared.up("--refresh")
        assert docker.from_env().containers.get(NAME).status == "running"
        assert shared.unchanged("--refresh")

    def test_refresh(self, shared: SmallProject) -> None:
        """What was removed by hand is missed by a refresh: Pulumi writes it down, and previews it from then on."""
        docker.from_env().containers.get(NAME).remove(force=True, v=True)
        assert shared.unchanged() == (shared.engine == "pulumi")
        shared.does("refresh", "--yes", "--skip-preview") if shared.engine == "pulumi" else shared.does("refresh")
        assert not shared.unchanged()
        shared.up()
        assert docker.from_env().containers.get(NAME).status == "running"

    def test_without_docker(self, shared: SmallProject) -> None:
        """A preview that reaches no Docker shows all as new, and says so; Pulumi's provider wants one."""
        done = shared.run("preview", DOCKER_HOST="tcp://127.0.0.1:1")
        said = done.stdout
        if shared.engine == "embedded":
            assert done.returncode == 0, said
            assert "to create" in said
            assert "not looked at" in said
        else:
            assert done.returncode != 0
            assert "failed to connect to any docker daemon" in said

    def test_commands(self, shared: SmallProject) -> None:
        """`stack rename` and the like are Pulumi's alone: the embedded engine names what it does not do."""
        done = shared.run("stack", "rename", "other")
        assert (done.returncode == 0) == (shared.engine == "pulumi"), done.stdout
        if shared.engine == "embedded":
            assert "does not implement" in done.stdout
        else:
            shared.stack = "other"
            shared.does("stack", "rename", STACK)
            shared.stack = STACK


def test_state(project: SmallProject) -> None:
    """Pulumi knows what is in its backend; the embedded engine asks Docker, from wherever it is run."""
    shutil.rmtree(project.state)
    project.state.mkdir()
    project.run("stack", "init")
    assert project.unchanged() == (project.engine == "embedded")


def test_image(project: SmallProject) -> None:
    """An image that was removed by hand is built again; Pulumi takes it for there."""
    client = docker.from_env()
    client.containers.get(NAME).remove(force=True, v=True)
    client.images.remove(f"{NAME}:test", force=True)
    done = project.run("up", "--yes", "--skip-preview", "--refresh")
    assert (done.returncode == 0) == (project.engine == "embedded"), done.stdout


def test_destroy(project: SmallProject) -> None:
    """The image goes too; Pulumi leaves it (`make destroy` removes it)."""
    project.does("destroy", "--yes", "--skip-preview")
    client = docker.from_env()
    with pytest.raises(NotFound):
        client.containers.get(NAME)
    assert bool(client.images.list(name=f"{NAME}:test")) == (project.engine == "pulumi")


def test_protect(project: SmallProject) -> None:
    """What is protected is refused before anything is done; Pulumi does first what comes first."""
    project.does("config", "set", "protect", "true")
    project.up()
    before = docker.from_env().containers.get(NAME).id
    project.does("config", "set", "without", "true")
    project.does("config", "set", "a", "2")
    done = project.run("up", "--yes", "--skip-preview")
    assert done.returncode != 0
    assert "protect" in done.stdout
    assert (docker.from_env().containers.get(NAME).id == before) == (project.engine == "embedded")
    assert docker.from_env().volumes.get(NAME).name == NAME


def test_strangers(undeployed: SmallProject) -> None:
    """A volume that is there already is nobody's business here; Pulumi takes it over, with what is in it."""
    docker.from_env().volumes.create(NAME)
    done = undeployed.run("up", "--yes", "--skip-preview")
    assert (done.returncode == 0) == (undeployed.engine == "pulumi"), done.stdout
    assert ("a volume of this name is there" in done.stdout) == (undeployed.engine == "embedded")


def test_killed(project: SmallProject) -> None:
    """After a run that was killed, the next `up` goes on; Pulumi knows nothing of what was being made."""
    before = docker.from_env().containers.get(NAME).id
    project.does("config", "set", "a", "2")
    project.does("config", "set", "seconds", "60")
    with project.begun("up", "--yes", "--skip-preview") as running:
        until(lambda: _id() not in ("", before), "the new container", 60)
        os.killpg(running.pid, signal.SIGKILL)
    project.does("config", "set", "seconds", "0")
    done = project.run("up", "--yes", "--skip-preview")
    assert (done.returncode == 0) == (project.engine == "embedded"), done.stdout
    if project.engine == "pulumi":
        assert "the stack is currently locked" in done.stdout
        project.does("cancel", "--yes")
        assert "is already in use by container" in project.run("up", "--yes", "--skip-preview", "--refresh").stdout
        docker.from_env().containers.get(NAME).remove(force=True, v=True)
        project.up("--refresh")
    assert docker.from_env().containers.get(NAME).status == "running"
    assert project.unchanged()


def _id() -> str:
    # The engine may remove it between the list and the look at each.
    found = docker.from_env().containers.list(filters={"name": f"^/{NAME}$"}, ignore_removed=True)
    return str(found[0].id) if found else ""
