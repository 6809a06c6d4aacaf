"""Property values between the SDK's wire form (protobuf Struct) and plain Python.

Plain Python here means dict, list, str, int, float, bool and None, with two marks: `Secret(value)` around what must
not be shown, and `UNKNOWN` for what is only known after a step that a preview does not take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.errors import EngineError

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a type tag)
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
ASSET_SIGNATURES: Final = {"c44067f5952c0a294b673a41bacd8c17": "asset", "0def7320c3a5731c473e5ecbe6d01bc7": "archive"}
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True)
class Secret:
    """A value that is never shown, stored or hashed without a key."""

    value: Any


class _Unknown:
    """A value that only an update makes known."""

    def __repr__(self) -> str:
        return "[unknown]"


UNKNOWN: Final = _Unknown()


def from_wire(value: Any, where: str) -> Any:
    """Plain Python of one protobuf Value/Struct/ListValue; `where` names it in errors."""
    from google.protobuf import struct_pb2

    if isinstance(value, struct_pb2.Struct):
        return _from_object(dict(value.fields), where)
    if isinstance(value, struct_pb2.ListValue):
        return [from_wire(item, f"{where}[{index}]") for index, item in enumerate(value.values)]
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _from_object(dict(value.struct_value.fields), where)
    if kind == "list_value":
        return from_wire(value.list_value, where)
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    return None


def _from_object(fields: dict[str, Any], where: str) -> Any:
    if SIGNATURE not in fields:
        named = ((key, from_wire(value, f"{where}.{key}" if where else key)) for key, value in fields.items())
        return {key: value for key, value in named if value is not None}
    signature = fields[SIGNATURE].string_value
    if signature == SECRET_SIGNATURE:
        inner = from_wire(fields["value"], where)
        return inner if isinstance(inner, Secret) else Secret(inner)
    if signature == OUTPUT_SIGNATURE:
        inner = from_wire(fields["value"], where) if "value" in fields else UNKNOWN
        return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
    if signature == RESOURCE_SIGNATURE:
        identifier = from_wire(fields["id"], where) if "id" in fields else None
        return identifier if identifier not in (None, "") else from_wire(fields["urn"], where)
    kind = ASSET_SIGNATURES.get(signature, f"special value {signature}")
    raise EngineError(f"property '{where}' is an {kind}: the embedded engine does not implement that kind of value")


def to_wire(values: Mapping[str, Any]) -> Any:
    """A protobuf Struct of plain Python values."""
    from google.protobuf import struct_pb2

    result = struct_pb2.Struct()
    result.update({key: to_json(value) for key, value in values.items()})
    return result


def to_json(value: Any) -> Any:
    """The JSON form, with Pulumi's marks around secrets and for what is not known."""

    def marked(item: Any) -> Any:
        if isinstance(item, Secret):
            return {SIGNATURE: SECRET_SIGNATURE, "value": to_json(item.value)}
        return UNKNOWN_TEXT if item is UNKNOWN else item

    return transform(value, marked)


def from_json(value: Any) -> Any:
    """What `to_json` was given."""

    def unmarked(item: Any) -> Any:
        secret = isinstance(item, Mapping) and item.get(SIGNATURE) == SECRET_SIGNATURE
        return Secret(from_json(item["value"])) if secret else item

    return transform(value, unmarked)


def transform(value: Any, replaced: Callable[[Any], Any]) -> Any:
    """A copy of `value`, in which each part is what `replaced` makes of it; what that leaves alone is looked into."""
    new = replaced(value)
    if new is not value:
        return new
    if isinstance(value, Mapping):
        return {key: transform(item, replaced) for key, item in value.items()}
    return [transform(item, replaced) for item in value] if isinstance(value, list | tuple) else value


def anywhere(value: Any, is_it: Callable[[Any], bool]) -> bool:
    """Whether `value`, or any part of it, is such a one."""
    if is_it(value):
        return True
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return any(anywhere(item, is_it) for item in inside)


def reveal(value: Any) -> Any:
    """The value with its secrets laid open; only for what goes to Docker or is asked for with --show-secrets."""
    return transform(value, lambda item: reveal(item.value) if isinstance(item, Secret) else item)


def blind(value: Any) -> Any:
    """The value as it may be shown: secrets as `[secret]`."""
    return transform(value, lambda item: "[secret]" if isinstance(item, Secret) else item)


def has_secret(value: Any) -> bool:
    """Whether anything inside is a secret."""
    return anywhere(value, lambda item: isinstance(item, Secret))


def has_unknown(value: Any) -> bool:
    """Whether anything inside is not known yet."""
    return anywhere(value, lambda item: item is UNKNOWN or (isinstance(item, Secret) and has_unknown(item.value)))
