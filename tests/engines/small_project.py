"""A project of a few resources, for what differs between the engines and has nothing to do with Redis."""

import subprocess
from pathlib import Path

import docker

from tests.engine_command import EngineCommand

NAME = "two-engines"
STACK = "test"
PROGRAM = """
import time
import pulumi
import pulumi_docker as docker

config = pulumi.Config()
image = docker.Image("image", image_name="two-engines:test", skip_push=True,
    build=docker.DockerBuildArgs(context="app", dockerfile="app/Dockerfile"))
keep = pulumi.ResourceOptions(protect=config.get_bool("protect"), ignore_changes=["labels"])
if not config.get_bool("without"):
    volume = docker.Volume("data", name="two-engines", opts=keep)
slowly = pulumi.ResourceHook("slowly", lambda _: time.sleep(float(config.get("seconds") or 0)))
node = docker.Container("node", name="two-engines", image=image.repo_digest, command=["sleep", "infinity"],
    envs=[f"A={config.get('a') or 1}"], must_run=True, destroy_grace_seconds=0,
    opts=pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(after_create=[slowly])))
pulumi.export("node", node.id)
"""


class SmallProject:
    """It, in a folder of its own, with one of the engines."""

    def __init__(self, folder: Path, engine: str) -> None:
        self.folder = folder / "project"
        self.state = folder / "state"
        self.engine = engine
        self.stack = STACK
        (self.folder / "app").mkdir(parents=True)
        self.state.mkdir()
        (self.folder / "Pulumi.yaml").write_text(f"name: {NAME}\nruntime: python\n")
        (self.folder / "__main__.py").write_text(PROGRAM)
        (self.folder / "app" / "Dockerfile").write_text("FROM redis:8-alpine\nENTRYPOINT []\nSTOPSIGNAL SIGKILL\n")
        self._command = EngineCommand(self.folder, self.state, engine)

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command of the engine; its complaints are among what it printed."""
        with self.begun(*words, **environment) as running:
            said, _ = running.communicate()
        return subprocess.CompletedProcess(running.args, running.returncode, said)

    def begun(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """The same while it runs."""
        return self._command.begun(*words, "--stack", self.stack, "--non-interactive", **environment)

    def does(self, *words: str, **environment: str) -> str:
        """The same, and it succeeds; what it printed."""
        done = self.run(*words, **environment)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def up(self, *words: str) -> str:
        """Deploys."""
        return self.does("up", "--yes", "--skip-preview", *words)

    def unchanged(self, *words: str) -> bool:
        """Whether a preview finds nothing to do."""
        done = self.run("preview", "--expect-no-changes", *words)
        if done.returncode:
            assert "no changes were expected for preview" in done.stdout, done.stdout
        return done.returncode == 0

    def clean(self) -> None:
        """Takes away what Docker holds of it, whoever has made it."""
        client = docker.from_env(timeout=120)
        for container in client.containers.list(all=True, filters={"name": f"^/{NAME}$"}):
            container.remove(force=True, v=True)
        for volume in client.volumes.list():
            if volume.name == NAME or volume.name.startswith(f"pulumi-embedded.{NAME}."):
                volume.remove()
        if client.images.list(name=f"{NAME}:{STACK}"):
            client.images.remove(f"{NAME}:{STACK}", force=True)
