"""The setting `hosts`: the machines of a stack, how the Docker of each is reached, what each announces."""

import ipaddress
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints, model_validator

from redis_ha.settings.types import Ipv4, SettingModel, from_json

CONTEXT = "context:"
_ENDPOINT = re.compile(r"(unix:///.+|ssh://[^/\s]+|tcp://[^/\s:]+:[0-9]+)")
_CONTEXT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]+")

HostName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
SentinelPlacement = Literal["hard", "soft"]


def _docker(text: str) -> str:
    if _ENDPOINT.fullmatch(text) or _CONTEXT_NAME.fullmatch(text.removeprefix(CONTEXT)):
        return text
    raise ValueError("allowed: ssh://user@host, tcp://host:port, unix:///path, or the name of a Docker context")


class Labels(SettingModel):
    """Where a host stands: nodes are spread over zones first, then over racks, then over hosts."""

    zone: str = Field(default="", description="What fails as a whole, such as a data centre")
    rack: str = Field(default="", description="What fails as a whole inside a zone")


class Host(SettingModel):
    """One machine. Its place in the list is its place in the history of placement: see plan/placement.py."""

    name: HostName = Field(description="Names its resources; in a Swarm the node's hostname")
    docker: Annotated[str, AfterValidator(_docker)] = Field(
        default="",
        description="How its Docker is reached: `ssh://user@host`, `tcp://host:port`, `unix:///path` or a context; "
        "left out in a Swarm",
    )
    address: Ipv4 = Field(description="The address that its nodes announce")
    labels: Annotated[Labels, BeforeValidator(from_json)] = Field(default=Labels(), description="Where it stands")
    drain: bool = Field(default=False, description="Take all nodes off it")
    ca: SecretStr | None = Field(default=None, description="The CA of a Docker at `tcp://`, in PEM")
    cert: SecretStr | None = Field(default=None, description="What is shown to it, in PEM")
    key: SecretStr | None = Field(default=None, description="Secret. Its private key, in PEM")

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        given = [name for name in ("ca", "cert", "key") if getattr(self, name) is not None]
        if given and (len(given) < 3 or not self.docker.startswith("tcp://")):
            raise ValueError(
                f"{', '.join(given)}: allowed: ca, cert and key together, for a docker: of tcp://host:port"
            )
        return self

    @property
    def zone(self) -> str:
        return self.labels.zone

    @property
    def rack(self) -> str:
        return self.labels.rack

    @property
    def context(self) -> str | None:
        """The Docker context's name, where that is how the host is reached."""
        return None if "://" in self.docker else self.docker.removeprefix(CONTEXT)


def _distinct(hosts: list[Host]) -> list[Host]:
    for what in ("name", "docker", "address"):
        values = [value for host in hosts if (value := getattr(host, what))]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f"{what}: {', '.join(twice)} is there twice; allowed: one of its own for each host")
    if len(hosts) > 1 and any(ipaddress.IPv4Address(host.address).is_loopback for host in hosts):
        raise ValueError("address: allowed: an address that the other hosts can reach, not a loopback one")
    if hosts and all(host.drain for host in hosts):
        raise ValueError("drain: is set on every host; allowed: at least one without it")
    return hosts


def _list_from_json(value: Any) -> Any:
    return from_json(value) or []


def check_for_swarm(hosts: list[Host], swarm: bool) -> None:
    """Raises ValueError: a Swarm needs hosts, and without one each host needs its `docker`."""
    if swarm and not hosts:
        raise ValueError("swarm: needs `hosts`: a list with the `name` and `address` of each of the Swarm's nodes")
    missing = ", ".join(host.name for host in hosts if not host.docker)
    if missing and not swarm:
        raise ValueError(
            f"hosts: {missing}: docker: missing; allowed: how its Docker is reached, as in ssh://user@host"
        )


HostsSetting = Annotated[list[Host], BeforeValidator(_list_from_json), AfterValidator(_distinct)]


def refuse_single_machine_settings(given: dict[str, Any]) -> None:
    """What only one machine has: `given` are such settings by name, None where not set.

    Raises ValueError naming the first that is set.
    """
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"{name}: {value!r} cannot be had beside `hosts`: nodes on several hosts use host networking, and "
                "announce the host's address; remove the setting"
            )
