"""The project (Pulumi.yaml), which stack is meant, and where things lie."""

import functools
import os
import re
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from engine.errors import EXIT_STACK_NOT_FOUND, EngineError, NotDone

STACK_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,100}$")


@dataclass(frozen=True)
class Project:
    """What Pulumi.yaml says: name, entry point and config schema (raw, as files/config.py reads it)."""

    name: str
    root: Path
    main: Path
    schema: dict[str, Any] = field(default_factory=dict)

    def stack_file(self, stack: str) -> Path:
        return self.root / f"Pulumi.{stack}.yaml"

    def salt_file(self, stack: str) -> Path:
        """In the user's directory for the salts of this project's stacks (0700, made if missing)."""
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        directory = base / "pulumi-embedded" / self.name
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            more = "Set XDG_STATE_HOME to a writable directory."
            raise EngineError(f"cannot make {directory}: {error.strerror}. {more}") from error
        return directory / f"{stack}.salt"


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
        if (directory / "Pulumi.yaml").is_file():
            return _read(directory / "Pulumi.yaml")
    raise EngineError(f"no Pulumi.yaml found (searching upwards from {start}): run this in the project's directory")


DONE = {"name", "runtime", "config", "requiredPulumiVersion"}
"""The keys of Pulumi.yaml that this engine does."""
SAID = {"description", "author", "website", "license", "template"}
"""Those that say something to people, and to `pulumi new`."""
RUNTIME_OPTIONS = {"toolchain", "virtualenv"}


def _read(path: Path) -> Project:
    raw = load_yaml(path)
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
        raise EngineError(f"{path.name} must have a `name`")
    for key in raw:
        if key not in DONE | SAID:
            raise NotDone(f"{path.name}: `{key}`")
    _check_runtime(path, raw.get("runtime"))
    check_version(str(raw.get("requiredPulumiVersion") or ""), path.name)
    schema = raw.get("config") or {}
    if not isinstance(schema, dict):
        raise EngineError(f"{path.name}: `config` must be a mapping of keys to their schema")
    return Project(raw["name"], path.parent, path.parent / "__main__.py", schema)


def _check_runtime(path: Path, runtime: Any) -> None:
    """EngineError for what is not this very Python: the program runs in it."""
    given = runtime if isinstance(runtime, dict) else {"name": runtime}
    if given.get("name") != "python":
        raise EngineError(f"{path.name}: the embedded engine runs Python programs only, not '{given.get('name')}'")
    options = given.get("options") or {}
    unknown = [f"runtime.{key}" for key in given if key not in ("name", "options")]
    unknown += [f"runtime.options.{key}" for key in options if key not in RUNTIME_OPTIONS]
    if options.get("toolchain", "pip") != "pip":
        unknown.append(f"runtime.options.toolchain: {options['toolchain']}")
    if unknown:
        raise NotDone(f"{path.name}: `{unknown[0]}`")
    wanted = options.get("virtualenv")
    if wanted and (path.parent / wanted).resolve() != Path(sys.prefix).resolve():
        raise EngineError(
            f"{path.name}: the program wants the virtualenv {wanted}, and the engine runs in {sys.prefix}"
        )


def check_version(wanted: str, who: str) -> None:
    """EngineError when the pulumi package is not of the versions that `who` asks for, such as `>=3.200.0 <4.0.0`."""
    from semver import Version

    have = version("pulumi")
    for one in wanted.split():
        try:
            fits = Version.parse(have).match(one)
        except ValueError as error:
            raise NotDone(f"{who}: the version range '{wanted}'") from error
        if not fits:
            raise EngineError(f"{who} requires Pulumi {wanted}; the embedded engine is that of {have}")


def check_stack_name(name: str) -> str:
    """`name`, without an `organization/[project/]` prefix; EngineError when it cannot be a stack's name."""
    short = name.rsplit("/", 1)[-1]
    if not STACK_NAME.match(short):
        raise EngineError(
            f"invalid stack name '{name}': it may contain letters, digits, hyphens, underscores and periods"
        )
    return short


def selected_stack(option: str | None) -> str:
    """The stack of `--stack` or PULUMI_STACK; EngineError when there is none."""
    name = option or os.environ.get("PULUMI_STACK")
    if not name:
        raise EngineError("no stack selected; please pass --stack <name>, or set PULUMI_STACK", EXIT_STACK_NOT_FOUND)
    return check_stack_name(name)
