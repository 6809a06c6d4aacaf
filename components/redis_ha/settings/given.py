"""What a program gives a cluster: settings that are known now, and Outputs that will be known later.

Whatever reads a setting that comes later becomes an Output itself: secret when that is, unknown in a preview as long as
that is. What only reads the others stays a plain value. So a password of another stack neither hides the other settings
of a container in the diff, nor makes them secrets.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import pulumi
from pydantic import ValidationError

from redis_ha.settings.backup import Backup
from redis_ha.settings.loader import SECRET_TEXT, lines_of
from redis_ha.settings.model import SHAPE, Settings
from redis_ha.settings.notify import Notify
from redis_ha.settings.tls import Tls
from redis_ha.settings.types import NotYetError, Ports, Resources, SettingModel, from_json

T = TypeVar("T")
Setting = tuple[type[SettingModel], str]
Path = tuple[str, ...]

# Settings that are objects: each of their members may come later on its own.
_MEMBERS: dict[str, type[SettingModel]] = {
    "tls": Tls,
    "notify": Notify,
    "resources": Resources,
    "ports": Ports,
    "backup": Backup,
}
# Stands for a text that comes later while everything else is checked.
_SAMPLE = "not-known-yet"
_ALIASES = {field.alias or name: name for name, field in Settings.model_fields.items()}


class Given:
    """The settings of one cluster."""

    def __init__(self, cluster: str, arguments: Mapping[str, Any]) -> None:
        """`arguments` by snake_case or camelCase names, texts or values; None stands for "not given".

        Raises pulumi.RunError with a line for each argument that is wrong.
        """
        self._cluster = cluster
        self._spelled = {_ALIASES.get(key, key): key for key in arguments}
        self._later: dict[Setting, tuple[Path, pulumi.Output[Any]]] = {}
        self._values: dict[str, Any] = {}
        wrong = []
        for key, value in arguments.items():
            name = _ALIASES.get(key, key)
            if value is None or (isinstance(value, str) and value == ""):
                continue
            if name in SHAPE and _has_output(value):
                wrong.append(f"{key}: is an Output; allowed: a plain value, since it decides which resources there are")
                continue
            if name in _MEMBERS and _has_output(value) and not isinstance(value, Mapping | pulumi.Output):
                wrong.append(f"{key}: {SECRET_TEXT}: allowed: an object")
                continue
            self._take(name, value)
        self.now = self._checked({}, wrong)
        """What is known now. Reading what is not raises NotYetError."""

    def has(self, name: str) -> bool:
        """Whether a setting is given, now or later."""
        return name in self._values or (Settings, name) in self._later

    def of(self, read: Callable[[Settings], T]) -> pulumi.Input[T]:
        """What `read` makes of the settings: its value, or an Output when one that it reads comes later.

        It is called again when that is known, and must have no effects.
        """
        return self._of(read, {})

    def output(self, read: Callable[[Settings], T]) -> pulumi.Output[T]:
        """As `of`, and an Output in any case."""
        return pulumi.Output.from_input(self.of(read))

    def _of(self, read: Callable[[Settings], T], known: Mapping[Setting, Any]) -> pulumi.Input[T]:
        settings = self._checked(known) if known else self.now
        try:
            return read(settings)
        except NotYetError as missing:
            setting = cast(Setting, missing.setting)
        _, output = self._later[setting]
        return cast(pulumi.Output[T], output.apply(lambda value: self._of(read, {**known, setting: value})))

    def _take(self, name: str, value: Any) -> None:
        members = _MEMBERS.get(name)
        if not _has_output(value):
            self._values[name] = value
        elif members is None or name not in Settings.model_fields:
            self._later[Settings, name] = ((name,), pulumi.Output.from_input(value))
        else:
            self._values[name] = {}
            self._take_members(name, members, value)

    def _take_members(self, name: str, members: type[SettingModel], value: Any) -> None:
        aliases = {field.alias or member: member for member, field in members.model_fields.items()}
        if isinstance(value, pulumi.Output):
            found = value.apply(lambda later: self._object(name, later))
            for alias, member in aliases.items():
                self._later[members, member] = ((name, member), found.apply(_member(alias, member)))
            return
        for key, one in value.items():
            member = aliases.get(key, key)
            if _has_output(one) and member in members.model_fields:
                self._later[members, member] = ((name, member), pulumi.Output.from_input(one))
            else:
                self._values[name][member] = one

    def _object(self, name: str, value: Any) -> Mapping[str, Any]:
        """A setting that is an object and comes later: as such, or as JSON text. Raises pulumi.RunError."""
        why = "allowed: an object"
        try:
            found = from_json(value)
        except ValueError as error:
            found, why = value, str(error)
        if isinstance(found, Mapping | None):
            return found or {}
        raise self._error([f"{self._spelled[name]}: {SECRET_TEXT}: {why}"])

    def _error(self, lines: list[str]) -> pulumi.RunError:
        return pulumi.RunError(
            f"{len(lines)} wrong argument{'s' * (len(lines) > 1)} of RedisHa {self._cluster!r}:\n"
            + "\n".join(f"  {line}" for line in lines)
        )

    def _checked(self, known: Mapping[Setting, Any], wrong: list[str] | None = None) -> Settings:
        """The settings with those later ones that are `known`; the others are taken out after the check."""
        values = {name: dict(value) if name in _MEMBERS and isinstance(value, dict) else value
                  for name, value in self._values.items()}  # fmt: skip
        for setting, (path, _) in self._later.items():
            value = known[setting] if setting in known else _sample(*setting)
            if value is None:
                continue
            inside = values
            for step in path[:-1]:
                inside = inside[step]
            inside[path[-1]] = value
        lines = list(wrong or [])
        try:
            settings = Settings.model_validate(_whole(values), context=self._later.keys() - known.keys())
        except ValidationError as error:
            # An Output may be a secret, which nobody is told in time: none is shown.
            lines += lines_of(error, self._spelled, hidden=[path for path, _ in self._later.values()])
        if lines:
            raise self._error(lines)
        for setting, (path, _) in self._later.items():
            if setting not in known:
                owner: SettingModel = settings
                for step in path[:-1]:
                    owner = getattr(owner, step)
                owner.__dict__.pop(path[-1], None)
        return settings


def _member(alias: str, member: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda value: value.get(alias, value.get(member))


def _sample(model: type[SettingModel], name: str) -> str | None:
    """A text where one has to be given, or where others depend on there being one; else the default."""
    field = model.model_fields[name]
    kind = str(field.annotation)
    secret = "SecretStr" in kind and not kind.startswith("dict")
    return _SAMPLE if field.is_required() or secret else None


def _whole(value: Any) -> Any:
    """Whole numbers as such: programs in other languages, and Outputs of other stacks, know floats only."""
    if isinstance(value, Mapping):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _has_output(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_output(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_has_output(one) for one in value)
    return isinstance(value, pulumi.Output)
