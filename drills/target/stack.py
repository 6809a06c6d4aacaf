"""A stack, handled as a user handles it: by `./pulumiw` and the stack's own config file."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from drills.target.errors import DrillError
from drills.target.plain import avoid_default_route
from redis_ha.outputs import Outputs, OutputsError
from redis_ha.settings import generated

T = TypeVar("T")
PROJECT_DIR = Path(__file__).resolve().parents[2]
PROJECT = "redis-ha"
NAMESPACE = "redis-ha-drill"  # of the drills' own settings in a stack's config


class StackCommandError(DrillError):
    """A command of `./pulumiw` failed. `output` is all that it printed."""

    def __init__(self, command: str, code: int, output: str) -> None:
        super().__init__(f"`{command}` ended with exit code {code}:\n{output.strip()[-4000:]}")
        self.code = code
        self.output = output


class Stack:
    """One stack of this project."""

    def __init__(
        self, name: str, project_dir: Path = PROJECT_DIR, environment: Mapping[str, str] | None = None
    ) -> None:
        """`environment` is added to that of every command."""
        self.name = name
        self.environment = dict(environment or {})
        self.project_dir = project_dir
        self.config_file = project_dir / f"Pulumi.{name}.yaml"

    def run(self, *words: str, timeout: float = 600, stdin: str = "") -> str:
        """Run `./pulumiw WORDS --stack NAME` and return its standard output. Raises StackCommandError."""
        command = ["./pulumiw", *words, "--stack", self.name]
        shown = " ".join(command)
        try:
            done = subprocess.run(
                command,
                cwd=self.project_dir,
                env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", **self.environment},
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                input=stdin,
            )
        except subprocess.TimeoutExpired as expired:
            said = f"{_text(expired.stdout)}{_text(expired.stderr)}"
            raise DrillError(f"`{shown}` did not end within {timeout:g} s; it said:\n{said[-4000:]}") from None
        except OSError as error:
            raise DrillError(f"`{shown}` could not be started: {error}") from None
        if done.returncode != 0:
            raise StackCommandError(shown, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def up(self, *words: str, timeout: float = 600) -> str:
        """Deploy."""
        return self.run("up", "--yes", "--skip-preview", *words, timeout=timeout)

    def destroy(self, timeout: float = 120) -> str:
        """Remove all that the stack made."""
        return self.run("destroy", "--yes", "--skip-preview", timeout=timeout)

    def expect_no_changes(self, *words: str) -> str:
        """A preview that fails when something would change. Raises StackCommandError."""
        return self.run("preview", "--expect-no-changes", *words)

    def outputs(self) -> Outputs:
        """The outputs, with their secrets in plain text. Raises DrillError where the stack is not up."""
        try:
            return Outputs.from_json(self.name, self.run("stack", "output", "--json", "--show-secrets"))
        except OutputsError as error:
            raise DrillError(str(error)) from None

    def _content(self) -> dict[str, Any]:
        return (yaml.safe_load(self.config_file.read_text()) or {}) if self.config_file.exists() else {}

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Set settings by editing the stack file, as a person would; None removes one. Secrets in it stay."""
        content = self._content()
        config = content.setdefault("config", {})
        for key, value in settings.items():
            full = key if ":" in key else f"{PROJECT}:{key}"
            if value is None:
                config.pop(full, None)
            else:
                config[full] = value
        self.config_file.write_text(yaml.safe_dump(content, sort_keys=False))

    def config(self, key: str) -> Any:
        """A plain value of the stack file; None when it is not there."""
        return (self._content().get("config") or {}).get(key)

    def drill_setting(self, key: str, kind: type[T], allowed: str) -> T | None:
        """One of the drills' own settings. Raises DrillError, saying what is `allowed`, where it is not of its kind."""
        value = self.config(f"{NAMESPACE}:{key}")
        try:
            return None if value is None else TypeAdapter(kind).validate_python(value)
        except ValidationError:
            raise DrillError(f"{NAMESPACE}:{key}: {value!r}: allowed: {allowed}") from None

    @contextmanager
    def changed(self, settings: Mapping[str, Any]) -> Iterator[None]:
        """Other settings for a while; afterwards the stack file is as it was. Deploying is the caller's."""
        kept = self.config_file.read_bytes() if self.config_file.exists() else None
        try:
            self.configure(settings)
            yield
        finally:
            if kept is None:
                self.config_file.unlink(missing_ok=True)
            else:
                self.config_file.write_bytes(kept)

    def create(self, settings: Mapping[str, Any]) -> None:
        """Begin a stack of one's own: its file holds these settings only; an old one of the name is overwritten.

        Its passwords are made on this machine, as dev's are.
        """
        self.environment |= {"REDIS_HA_GENERATE_PASSWORD": "1"}
        self.config_file.unlink(missing_ok=True)
        try:
            self.run("stack", "init")
        except StackCommandError as error:
            if "already exists" not in error.output:
                raise
        self.configure(settings)

    def forget(self) -> None:
        """Remove the stack's record, its file and its passwords, after a destroy."""
        # The embedded engine keeps no record of its own beside what Docker holds.
        with suppress(StackCommandError):
            self.run("stack", "rm", "--yes")
        self.config_file.unlink(missing_ok=True)
        generated.file_of(PROJECT, self.name).unlink(missing_ok=True)


def _text(captured: str | bytes | None) -> str:
    return captured.decode(errors="replace") if isinstance(captured, bytes) else captured or ""


@contextmanager
def own_stack(name: str, settings: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """A stack of one's own with these settings, not up yet; removed at the end.

    So is what a run of the same name has left that was cut off. `settings` have a `subnet`. Raises StackCommandError.
    """
    made = Stack(name, environment=environment)
    avoid_default_route(str(settings["subnet"]))
    if made.config_file.exists():
        made.destroy()
    made.create(settings)
    try:
        yield made
    finally:
        made.destroy()
        made.forget()
