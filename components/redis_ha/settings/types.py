"""The value types of the settings: what each accepts, and how it says what is allowed."""

import ipaddress
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from redis_ha.settings.channels import reaches_own_channel
from redis_ha.settings.posix_tz import posix_tz

_SIZE = re.compile(r"^([1-9][0-9]*)(b|k|kb|m|mb|g|gb)?$", re.IGNORECASE)
# Of a container: what tests have shown a node to need when it is full and written to as fast as that goes.
LEAST_MEMORY = "96m"
LEAST_SENTINEL_MEMORY = "48m"
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def size_in_bytes(text: str) -> int:
    """The bytes that a size such as `512mb` or `1g` stands for (powers of 1024).

    Raises ValueError when it is not a size.
    """
    match = _SIZE.match(text.strip())
    if match is None:
        raise ValueError("allowed: a size such as 256mb or 1g")
    unit = (match.group(2) or "").lower()
    return int(match.group(1)) * _UNITS[unit[:1]]


def _size(text: str) -> str:
    size_in_bytes(text)
    return text.strip().lower()


def _at_least(least: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if size_in_bytes(text) < size_in_bytes(least):
            raise ValueError(f"allowed: {least} and up; with less, a node would not outlive a burst of writes")
        return text

    return check


def from_json(value: Any) -> Any:
    """`pulumi config set` stores an object as a JSON string; `--path` stores a real object."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return {}
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"allowed: an object, or its JSON text ({error.msg})") from None


def _ipv4(text: str) -> str:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError("allowed: an IPv4 address (Sentinel must not be given host names)") from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError("allowed: an IPv4 address that clients and nodes can connect to")
    return str(address)


def _publish(text: str) -> str:
    return text if text == "none" else str(ipaddress.IPv4Address(text))


def _subnet(text: str) -> str:
    try:
        subnet = ipaddress.IPv4Network(text)
    except ValueError:
        raise ValueError("allowed: an IPv4 subnet such as 10.213.7.0/24") from None
    if subnet.prefixlen != 24 or not subnet.is_private:
        raise ValueError("allowed: a private IPv4 subnet with prefix length 24")
    return str(subnet)


def _time_zone(name: str) -> str:
    posix_tz(name)
    return name


def _cpus(text: Any) -> str:
    try:
        cpus = float(text)
    except (TypeError, ValueError):
        cpus = 0.0
    if not 0.01 <= cpus <= 1024:
        raise ValueError("allowed: a number of CPUs, 0.01 or more")
    return str(cpus)  # "1.0", not "1": as the provider reads it back


def _directives(directives: dict[str, Any]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in directives.items():
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise ValueError(f"{name!r} is not a directive name; allowed: lower-case words with -")
        if not isinstance(value, str | int | float):
            raise ValueError(f"the value of {name}: allowed: a text, a number, true or false")  # noqa: TRY004 - pydantic's
        text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        if text.splitlines() != [text]:  # by all that the agent takes for the end of a line
            raise ValueError(f"the value of {name} is empty or has a line break")
        texts[name] = text
    return texts


Size = Annotated[str, AfterValidator(_size)]
Ipv4 = Annotated[str, AfterValidator(_ipv4)]
Publish = Annotated[str, AfterValidator(_publish)]
Subnet = Annotated[str, AfterValidator(_subnet)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Directives = Annotated[dict[str, Any], BeforeValidator(from_json), AfterValidator(_directives)]
RESERVED_USERS = frozenset(
    ["default", "replication", "sentinel", "handover", "endpoint", "exporter", "operator", "backup", "restore"]
)
Port = Annotated[int, Field(ge=1, le=65535)]
Network = Literal["bridge", "host"]
Durability = Literal["available", "consistent"]
Fsync = Literal["always", "everysec", "no"]
Restart = Literal["no", "on-failure", "always", "unless-stopped"]


class NotYetError(Exception):
    """A setting is an Output: its value is known later, or in a preview perhaps not at all."""

    def __init__(self, model: type[BaseModel], name: str) -> None:
        super().__init__(f"{name} (of {model.__name__}) is an Output")
        self.setting = (model, name)


class SettingModel(BaseModel):
    """Base of the settings: camelCase keys as in Pulumi's config, unknown ones refused.

    Reading one that given.py has taken out, because it is known later, raises NotYetError.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in type(self).model_fields:
                raise NotYetError(type(self), name)
            return super().__getattr__(name)


class Ports(SettingModel):
    """First port of each role; a further node of a role on the same host gets +10. The last four: see there."""

    master: Port = Field(default=16379, description="The first master's")
    replica: Port = Field(
        default=16380, description="The first replica's; `slave` is accepted for it in a stack's config"
    )
    sentinel: Port = Field(default=16381, description="The first Sentinel's")
    write: Port = Field(default=16378, description="The endpoint's for writes")
    read: Port = Field(default=16377, description="The endpoint's for reads")
    metrics: Port = Field(default=16376, description="The redis_exporter's, with `metrics`")
    figures: Port = Field(default=16375, description="Of what redis_exporter cannot tell, with `metrics`")

    @model_validator(mode="before")
    @classmethod
    def _accept_slave(cls, given: Any) -> Any:
        """`slave` is the source document's word for replica."""
        if isinstance(given, dict) and "slave" in given and "replica" not in given:
            return {("replica" if key == "slave" else key): port for key, port in given.items()}
        return given


class Resources(SettingModel):
    """Limits of each container: `memory` and `cpus` of a data node's, `sentinelMemory` of a Sentinel's."""

    memory: Annotated[Size, AfterValidator(_at_least(LEAST_MEMORY))] | None = Field(
        default=None, description=f"Memory of a data node, such as 1g; {LEAST_MEMORY} and up; default: no limit"
    )
    cpus: Annotated[str, BeforeValidator(_cpus)] | None = Field(
        default=None, description="CPUs of a data node, such as 1.5; default: no limit"
    )
    sentinel_memory: Annotated[Size, AfterValidator(_at_least(LEAST_SENTINEL_MEMORY))] = Field(
        default="128m", alias="sentinelMemory", description=f"Memory of a Sentinel; {LEAST_SENTINEL_MEMORY} and up"
    )


class User(SettingModel):
    """A further user of the data nodes: its password, and its Redis ACL rules."""

    password: SecretStr = Field(min_length=1, max_length=128, description="Secret. What the user logs in with")
    rules: str = Field(description="Redis ACL rules for keys, channels and commands, such as `~app:* +@read`")

    @field_validator("rules")
    @classmethod
    def _only_permissions(cls, rules: str) -> str:
        if re.search(r"(^|\s)\(.*[\"']", rules, re.DOTALL):
            raise ValueError("Redis takes quotes in (...) away, and reads other rules then; allowed: none after a (")
        for rule in rules.split():
            word = rule.lower()  # as Redis compares them
            if rule[0] in "><#!":
                raise ValueError(f"'{rule[0]}...' is about login; allowed: keys, channels and commands")
            if word in ("on", "off", "nopass", "reset", "resetpass"):
                raise ValueError(f"{rule!r} is about login; allowed: keys, channels and commands")
            if word.strip("()") == "skip-sanitize-payload":
                raise ValueError(f"{rule!r} would let RESTORE take a payload that ends the server; allowed: without it")
            if reaches_own_channel(rule):
                raise ValueError(
                    f"{rule!r} would reach the Sentinels' channel, or the agents'; allowed: channels by name, or "
                    "patterns such as &news.*"
                )
        return " ".join(rules.split())


def _users(users: dict[str, User]) -> dict[str, User]:
    for name in users:
        if name in RESERVED_USERS or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise ValueError(
                f"{name!r} cannot be a user's name; allowed: letters, digits, - and _, "
                f"and none of {', '.join(sorted(RESERVED_USERS))}"
            )
    return users


PortsSetting = Annotated[Ports, BeforeValidator(from_json)]
ResourcesSetting = Annotated[Resources, BeforeValidator(from_json)]
Users = Annotated[dict[str, User], BeforeValidator(from_json), AfterValidator(_users)]
