"""Property values between the SDK's wire form (protobuf Struct) and plain Python.

Plain Python here means dict, list, str, int, float, bool and None, with two marks: `Secret(value)` around what must
not be shown, and `UNKNOWN` for what is only known after a step that a preview does not take.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.errors import EngineError

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a type tag)
SPECIAL: Final = {"c44067f5952c0a294b673a41bacd8c17": "an asset", "0def7320c3a5731c473e5ecbe6d01bc7": "an archive"}
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


def from_wire(values: Any) -> Any:
    """Plain Python of a protobuf Struct. EngineError naming the property that is none of the kinds above."""
    from google.protobuf.json_format import MessageToDict

    return from_json(MessageToDict(values))


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


def from_json(value: Any, where: str = "") -> Any:
    """What `to_json` was given. Numbers are whole where they can be; what an object has no value for it has not."""
    if isinstance(value, list):
        return [from_json(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, dict):
        whole = isinstance(value, float) and value.is_integer()
        return UNKNOWN if value == UNKNOWN_TEXT else int(value) if whole else value
    kind = value.get(SIGNATURE)
    if kind is None:
        named = ((key, from_json(item, f"{where}.{key}".lstrip("."))) for key, item in value.items())
        return {key: item for key, item in named if item is not None}
    if kind != SECRET_SIGNATURE:
        what = SPECIAL.get(kind, f"a special value {kind}")
        raise EngineError(f"property '{where}' is {what}: the embedded engine does not implement that kind of value")
    inner = from_json(value["value"], where)
    return inner if isinstance(inner, Secret) else Secret(inner)


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
    """The value as it may be shown: secrets as `[secret]`, what is not known as `[unknown]`."""
    words = {Secret: "[secret]", _Unknown: "[unknown]"}
    return transform(value, lambda item: words.get(type(item), item))


def has_secret(value: Any) -> bool:
    """Whether anything inside is a secret."""
    return anywhere(value, lambda item: isinstance(item, Secret))


def has_unknown(value: Any) -> bool:
    """Whether anything inside is not known yet."""
    return anywhere(value, lambda item: item is UNKNOWN or (isinstance(item, Secret) and has_unknown(item.value)))
