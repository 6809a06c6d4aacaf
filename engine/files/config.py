"""The stack's config as the program gets it: stack file and project schema merged and checked as Pulumi does."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import EngineError, NotDone
from engine.files.project import Project
from engine.files.stack_file import full_key
from engine.values.wire import anywhere, transform

SCHEMA_KEYS = {"description", "default", "secret"}


@dataclass
class Config:
    """Plain values by full key, as strings (objects as JSON), and which of them are secret."""

    values: dict[str, str] = field(default_factory=dict)
    secret_keys: set[str] = field(default_factory=set)


def is_secure(value: Any) -> bool:
    """Whether a raw stack file value is or contains an encrypted one."""
    return anywhere(value, _is_encrypted)


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"} and isinstance(value["secure"], str)


def as_text(value: Any) -> str:
    """How a config value reaches the program: scalars as text, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, separators=(",", ":"))


def load(
    project: Project, stack: str, raw: Mapping[str, Any], decrypt: Callable[[str], str], validate: bool = True
) -> Config:
    """Merges and checks; EngineError with Pulumi's own wording for missing or mistyped values."""
    config = Config()
    plain: dict[str, Any] = {}
    for name, value in raw.items():
        key = full_key(project.name, str(name))
        if key.startswith(("pulumi:", "docker:")):
            raise NotDone(f"config '{key}'")
        try:
            plain[key] = transform(value, lambda item: decrypt(item["secure"]) if _is_encrypted(item) else item)
        except EngineError as error:
            raise EngineError(f"could not decrypt configuration value '{key}': {error}") from error
        if is_secure(value):
            config.secret_keys.add(key)
    missing = _apply_schema(project, plain, config)
    if validate and missing:
        *others, last = (f"'{name}'" for name in missing)
        named = f"values {', '.join(others)} and {last}" if others else f"value {last}"
        raise EngineError(f"Stack '{stack}' is missing configuration {named}")
    config.values = {key: as_text(value) for key, value in plain.items()}
    return config


def _apply_schema(project: Project, plain: dict[str, Any], config: Config) -> list[str]:
    missing = []
    for name, given in sorted(project.schema.items()):
        key = full_key(project.name, name)
        entry = given if isinstance(given, Mapping) else {"default": given}  # the short form `key: value`
        unknown = set(entry) - SCHEMA_KEYS
        if unknown:
            raise NotDone(f"Pulumi.yaml: config '{name}': `{min(unknown)}`")
        if key in plain:
            continue
        if entry.get("default") is not None:
            plain[key] = entry["default"]
        elif key.startswith(f"{project.name}:"):
            missing.append(name)
            continue
        if entry.get("secret"):
            config.secret_keys.add(key)
    return missing
