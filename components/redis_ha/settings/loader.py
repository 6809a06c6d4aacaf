"""From Pulumi's config to `Settings`: all errors at once, each with key, value and what is allowed."""

import difflib
from collections.abc import Collection, Mapping
from typing import Any, cast

import pulumi
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from redis_ha.settings import generated
from redis_ha.settings.arguments import RedisHaArgs
from redis_ha.settings.model import SHAPE, Settings
from redis_ha.settings.types import SettingModel

_KEYS = {field.alias or name: name for name, field in Settings.model_fields.items()}
SECRET_KEYS = {"password", "previousPassword", "systemPassword", "otherSystemPassword", "registryPassword"}

_WITH_SECRETS = ("users", "tls", "hosts", "backup", "notify")
SECRET_TEXT = "[secret]"  # noqa: S105 - what is shown in a secret's place


def config_arguments() -> RedisHaArgs:
    """The arguments of RedisHa that the running program's stack has in its config.

    Raises pulumi.RunError, which Pulumi prints without a stack trace, naming every wrong key.
    """
    project, stack = pulumi.get_project(), pulumi.get_stack()
    prefix = f"{project}:"
    config = {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    values = {k[len(prefix) :]: v for k, v in config.items() if k.startswith(prefix)}
    if generated.wanted(stack):
        values = {**_generated(project, stack), **_set(values)}
    hidden = [(key,) for key in values if _hidden_as_a_whole(key, f"{prefix}{key}")]
    if parse_settings(values, stack, hidden).system_password is None:
        pulumi.log.warn(
            "systemPassword: not set: what nodes log in to each other with follows from `password`; for rotations "
            f"without downtime, before the first `up`: ./pulumiw config set --secret systemPassword --stack {stack}"
        )
    found = {
        _KEYS.get(key, key): pulumi.Output.secret(value) if (key,) in hidden else value for key, value in values.items()
    }
    return cast(RedisHaArgs, found)


def _hidden_as_a_whole(key: str, full_key: str) -> bool:
    """Whether a setting has been set with `--secret` that the component does not take for a secret by itself."""
    secret = pulumi.runtime.config.is_config_secret(full_key)
    return secret and not (key in SECRET_KEYS or key in _WITH_SECRETS or _KEYS.get(key, key) in SHAPE)


def _generated(project: str, stack: str) -> dict[str, Any]:
    """The settings that were made on this machine; missing passwords are made now."""
    try:
        values, made = generated.passwords(project, stack)
    except generated.GeneratedError as error:
        raise pulumi.RunError(str(error)) from None
    if made:
        pulumi.log.info(f"made {' and '.join(made)} for stack {stack}: {generated.file_of(project, stack)}")
    return values


def _set(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what stands for "not set"."""
    return {key: value for key, value in values.items() if value not in ("", None)}


def parse_settings(values: Mapping[str, Any], stack: str, hidden: Collection[tuple[str, ...]] = ()) -> Settings:
    """Settings from raw config values (texts, as Pulumi hands them over, or JSON values).

    Raises pulumi.RunError with one line for each error; values of what is `hidden` are not in it.
    """
    try:
        return Settings.model_validate(_set(values))
    except ValidationError as error:
        lines = lines_of(error, {}, stack, hidden)
    raise pulumi.RunError(
        f"{len(lines)} wrong setting{'s' * (len(lines) > 1)} in stack {stack}:\n"
        + "\n".join(f"  {line}" for line in lines)
    )


def lines_of(
    error: ValidationError,
    spelled: Mapping[str, str],
    stack: str | None = None,
    hidden: Collection[tuple[str, ...]] = (),
) -> list[str]:
    """A line for each thing that is wrong: the key, as `spelled` by its name, the value, and what is allowed.

    With a `stack` the values are those of its config. What is `hidden`, a setting or a member of one, is shown as
    little as what is a secret in any case.
    """
    return [_line(detail, spelled, stack, hidden) for detail in error.errors()]


def _line(
    detail: ErrorDetails, spelled: Mapping[str, str], stack: str | None, hidden: Collection[tuple[str, ...]]
) -> str:
    path = [str(part) for part in detail["loc"]]
    key = ".".join([spelled.get(_KEYS.get(path[0], path[0]), path[0]), *path[1:]] if path else [])
    if detail["type"] == "missing":
        if path[0] == "hosts":
            return f"{key}: missing; each host needs a name, a docker and an address"
        if stack is None:
            return f"{key}: missing"
        words = f"--secret {'--path ' * (len(path) > 1)}{key}"
        return f"{key}: missing; set it with: ./pulumiw config set {words} --stack {stack} (it asks for the value)"
    if detail["type"] == "extra_forbidden":
        return f"{key}: unknown setting{_nearest(path)}"
    message = detail["msg"].removeprefix("Value error, ")
    if not path:  # found by comparing settings: the message names them
        return message
    value = SECRET_TEXT if _is_secret(path, hidden) else repr(detail["input"])
    return f"{key}: {value}: {_allowed(detail, message)}"


def _is_secret(path: list[str], hidden: Collection[tuple[str, ...]]) -> bool:
    """Whether what is at `path`, or around it, or in it, must not be shown."""
    plain_of_host = path[0] == "hosts" and path[-1] in ("name", "docker", "address", "drain", "zone", "rack")
    secrets = [*((key,) for key in SECRET_KEYS), *hidden]
    return (path[0] in _WITH_SECRETS and not plain_of_host) or any(
        all(_bare(part) == _bare(other) for part, other in zip(path, each, strict=False)) for each in secrets
    )


def _bare(name: str) -> str:
    """A setting's name, however it is spelled: programs say system_password, a stack's config systemPassword."""
    return name.replace("_", "").lower()


def _allowed(detail: ErrorDetails, message: str) -> str:
    if detail["type"] == "value_error":  # our own validators' words
        return message
    return f"allowed: {message.removeprefix('Input should be ')}"


def _nearest(path: list[str]) -> str:
    known = list(_KEYS) if len(path) == 1 else _nested_keys(path[0])
    near = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known: {', '.join(sorted(known))}"


def _nested_keys(key: str) -> list[str]:
    name = _KEYS.get(key)
    default = Settings.model_fields[name].default if name else None
    return list(type(default).model_fields) if isinstance(default, SettingModel) else []
