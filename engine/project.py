"""The project (Pulumi.yaml), which stack is meant, and where things lie."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from engine.errors import EXIT_STACK_NOT_FOUND, EngineError

STACK_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,100}$")


@dataclass(frozen=True)
class Project:
    """What Pulumi.yaml says: name, entry point and config schema (raw, as configschema reads it)."""

    name: str
    root: Path
    main: Path
    schema: dict[str, Any] = field(default_factory=dict)

    def stack_file(self, stack: str) -> Path:
        return self.root / f"Pulumi.{stack}.yaml"


def load_yaml(path: Path) -> Any:
    """A YAML file as plain Python, read as Pulumi does; EngineError with position when it does not parse."""
    import yaml

    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())  # noqa: S506 (derived from a safe one)
    except yaml.YAMLError as error:
        raise EngineError(f"could not read {path.name}: {error}") from error


@functools.cache
def _loader() -> Any:
    """A safe loader that, as Pulumi's, takes only true and false for booleans and no `12:30` for a number."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    for tag, pattern, first in (
        ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
        ("int", r"^[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+)$", "-+0123456789"),
        ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
        ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("merge", r"^<<$", "<"),
    ):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))
    return Loader


def find_project(start: Path) -> Project:
    """The project of `start` or the nearest directory above it."""
    for directory in (start, *start.parents):
        for name in ("Pulumi.yaml", "Pulumi.yml"):
            if (directory / name).is_file():
                return _read(directory / name)
    raise EngineError(
        f"no Pulumi.yaml project file found (searching upwards from {start}). Run this in the project's directory."
    )


def _read(path: Path) -> Project:
    raw = load_yaml(path)
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
        raise EngineError(f"{path.name} must have a `name`")
    runtime = raw.get("runtime")
    runtime_name = runtime.get("name") if isinstance(runtime, dict) else runtime
    if runtime_name != "python":
        raise EngineError(f"{path.name}: the embedded engine runs Python programs only, not runtime '{runtime_name}'")
    main = path.parent / str(raw.get("main", "."))
    if main.is_dir():
        main = main / "__main__.py"
    schema = raw.get("config") or {}
    if not isinstance(schema, dict):
        raise EngineError(f"{path.name}: `config` must be a mapping of keys to their schema")
    return Project(raw["name"], path.parent, main, schema)


def state_dir(project: Project) -> Path:
    """The user's directory for locks and journals of this project (0700, made if missing).

    It goes by the project's name, as what Docker holds does: two checkouts of a project share its stacks.
    """
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    directory = base / "pulumi-embedded" / project.name
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            f"cannot make {directory}: {error.strerror}. Set XDG_STATE_HOME to a writable directory."
        ) from error
    return directory


def check_stack_name(name: str) -> str:
    """`name`, without an `organization/[project/]` prefix; EngineError when it cannot be a stack's name."""
    short = name.rsplit("/", 1)[-1]
    if not STACK_NAME.match(short):
        raise EngineError(
            f"invalid stack name '{name}': a stack name may only contain alphanumeric, hyphens, underscores, "
            "and periods"
        )
    return short


def selected_stack(project: Project, option: str | None) -> str:
    """The stack of `--stack`, PULUMI_STACK or the last `stack select`; EngineError when there is none."""
    if option:
        return check_stack_name(option)
    if os.environ.get("PULUMI_STACK"):
        return check_stack_name(os.environ["PULUMI_STACK"])
    current = current_stack(project)
    if current is None:
        raise EngineError(
            "no stack selected; please use `stack select` or `stack init` to choose one, or pass --stack <name>",
            EXIT_STACK_NOT_FOUND,
        )
    return current


def _selection(project: Project) -> Path:
    mark = hashlib.sha256(str(project.root.resolve()).encode()).hexdigest()[:12]
    return state_dir(project) / f"selected-{mark}"


def current_stack(project: Project) -> str | None:
    """The stack chosen by the last `stack select`, if it is still there."""
    file = _selection(project)
    if file.is_file():
        name = file.read_text(encoding="utf-8").strip()
        if STACK_NAME.match(name):
            return name
    return None


def select_stack(project: Project, stack: str | None) -> None:
    """Remembers `stack` as the one meant when none is named (None: forget)."""
    file = _selection(project)
    if stack is None:
        file.unlink(missing_ok=True)
    else:
        file.write_text(stack + "\n", encoding="utf-8")


def stack_names(project: Project) -> list[str]:
    """The stacks that have a stack file, sorted."""
    names = (path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in project.root.glob("Pulumi.*.yaml"))
    return sorted(name for name in names if STACK_NAME.match(name))
