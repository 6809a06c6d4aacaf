"""Writes what follows from the settings: Pulumi.yaml's config schema, docs/settings.md's table, the arguments.

`python -m redis_ha.settings.reference` rewrites the first two between their markers, and arguments.py; a test checks
that they are up to date.
"""

import json
import textwrap
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from redis_ha.settings.backup import Backup
from redis_ha.settings.hosts import Host, Labels
from redis_ha.settings.loader import SECRET_KEYS
from redis_ha.settings.model import SHAPE, Settings
from redis_ha.settings.notify import Notify
from redis_ha.settings.tls import Tls
from redis_ha.settings.types import Ports, Resources, SettingModel, User

BEGIN = "generated from components/redis_ha/settings/fields.py: begin"
END = "generated from components/redis_ha/settings/fields.py: end"


ARGUMENTS = Path(__file__).with_name("arguments.py")
_HEAD = '''"""The component's arguments. Written by `python -m redis_ha.settings.reference`; change fields.py."""

from typing import Any, NotRequired, TypedDict

import pulumi
'''
_NESTED: list[type[SettingModel]] = [Labels, Host, Notify, Ports, Resources, Tls, User, Backup]


def schema() -> str:
    """The `config:` block of Pulumi.yaml.

    No types: the CLI would then refuse the JSON text that `config set` stores for an object, and
    stop at the first wrong value. The program checks all types, and reports all errors at once.
    Each key has a default, since the CLI takes one without for required.
    """
    lines = ["config:"]
    for key, field in _fields():
        lines.append(f"  {key}:")
        lines.append(f"    description: {json.dumps(field.description)}")
        if key in SECRET_KEYS:
            lines.append("    secret: true")
        lines.append(f"    default: {json.dumps(_default(field))}")
    return "\n".join(lines) + "\n"


def table() -> str:
    """The table of docs/settings.md, in Markdown."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for key, field in _fields():
        default = "" if key in SECRET_KEYS or field.default is None else f"`{_shown(field)}`"
        rows.append(f"| `{key}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def arguments() -> str:
    """The module of the component's arguments: what is an Input may be an Output, all else is known to the program."""
    classes = [_typed_dict(model, f"{model.__name__}Args", set()) for model in _NESTED]
    return "\n\n".join([_HEAD, *classes, _typed_dict(Settings, "RedisHaArgs", set(SHAPE))])


def _typed_dict(model: type[SettingModel], name: str, shape: set[str]) -> str:
    known = set(model.model_fields) if model in (Host, Labels, Ports) else shape | {"client_auth"}
    title = "All arguments of RedisHa." if model is Settings else (model.__doc__ or "").strip().partition("\n")[0]
    lines = [f"class {name}(TypedDict):", f'    """{title}"""', ""]
    for member, field in model.model_fields.items():
        spelled = _spelled(field.annotation, model, member)
        kind = spelled if member in known else f"pulumi.Input[{spelled}]"
        lines.append(f"    {member}: {kind if field.is_required() else f'NotRequired[{kind}]'}")
        text = f'"""{field.description}{_default_words(field)}"""'
        lines += textwrap.wrap(text, 112, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines) + "\n"


def _default_words(field: FieldInfo) -> str:
    default = _default(field)
    if default in ("", {}, []) or isinstance(default, dict) or "default" in (field.description or ""):
        return "."
    return f"; default: {default if isinstance(default, str) else json.dumps(default)}."


def _spelled(annotation: Any, model: type[SettingModel], member: str) -> str:
    """The Python type of a setting as a program writes it."""
    if (model, member) == (Resources, "cpus"):
        return "float"
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _spelled(inside[0], model, member)
    if origin in (types.UnionType, typing.Union):
        return _spelled(next(one for one in inside if one is not type(None)), model, member)
    if origin is typing.Literal or annotation is SecretStr:
        return "str"
    if origin is list:
        return f"list[{_spelled(inside[0], model, member)}]"
    if origin is dict:
        value = inside[1]
        return f"dict[str, {'pulumi.Input[Any]' if value is Any else _spelled(value, model, member)}]"
    if annotation in _NESTED:
        return f"{annotation.__name__}Args"
    return str(annotation.__name__)


def replaced(text: str, block: str) -> str:
    """`text` with what stands between the marker lines replaced by `block`."""
    head, begin, rest = text.partition(BEGIN)
    inside, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("the markers are missing")
    rest_of_begin_line = inside.split("\n", 1)[0]
    end_line_start = inside.rsplit("\n", 1)[1]
    return f"{head}{begin}{rest_of_begin_line}\n{block}{end_line_start}{end}{tail}"


def targets(root: Path) -> dict[Path, str]:
    """Each generated file and the text that it should have."""
    blocks = {root / "Pulumi.yaml": schema(), root / "docs" / "settings.md": f"\n{table()}\n"}
    found = {path: replaced(path.read_text(), block) for path, block in blocks.items()}
    return {**found, ARGUMENTS: arguments()}


def _fields() -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in Settings.model_fields.items()]


def _default(field: FieldInfo) -> Any:
    """The default as Pulumi takes it: an empty text stands for "not set"."""
    value = field.default
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, SettingModel):
        return value.model_dump(exclude_none=True, by_alias=True)
    return value


def _shown(field: FieldInfo) -> str:
    default = _default(field)
    return default if isinstance(default, str) else json.dumps(default)


def main() -> None:
    """Rewrite the generated parts that are not up to date: a run of the program beside it reads Pulumi.yaml whole."""
    for path, text in targets(Path(__file__).parents[3]).items():
        if path.read_text() != text:
            path.write_text(text)


if __name__ == "__main__":
    main()
