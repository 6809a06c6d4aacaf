"""Which cluster this is: what all that belongs to it is called and labelled. Pure."""

import ipaddress
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from redis_ha.plan import labels

OWN = "redis-ha"
"""The cluster of this project's own program. A name or project of that kind is left out of what Docker sees."""
BESIDE = ("-backup", "-endpoint", "-exporter")
"""With these at their end, what runs beside the nodes is called after their cluster."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Identity:
    """The project and stack of the program, and the name that the cluster has in it."""

    project: str
    stack: str
    name: str = OWN

    def __post_init__(self) -> None:
        """Raises ValueError where Docker would refuse the name."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name: {self.name!r}: allowed: letters, digits, and then also _ . and -")

    @property
    def prefix(self) -> str:
        """What the names of its containers, volumes and networks begin with."""
        return "-".join((self.project, self.stack, *([] if self.name == OWN else [self.name])))

    @property
    def key(self) -> str:
        """Like no other cluster's on the same Docker: the stack's name alone in this project's own program."""
        if self.project == OWN and self.name != OWN:  # else as that of the project that is called so
            return "/".join((self.project, self.name, self.stack))
        return "/".join([*(part for part in (self.project, self.name) if part != OWN), self.stack])

    @property
    def repository(self) -> str:
        """What its images are called, as Docker allows it: like no other cluster's, nor what stands beside one."""
        parts = [self.project, *([] if self.name == OWN else [self.name])]
        found = [re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts]
        plain = ".".join(found)  # a dash may be in either part
        if found == parts and not plain.endswith(BESIDE):
            return plain
        return f"{plain}-{zlib.crc32('/'.join(parts).encode()):08x}"

    def subnet(self, setting: str | None) -> ipaddress.IPv4Network:
        """The bridge's /24: as set, or one that the key leads to.

        That is one of 256 for this project's own program, of 16384 for all others.
        """
        if setting is not None:
            return ipaddress.IPv4Network(setting)
        number = zlib.crc32(self.key.encode())
        if self.key == self.stack:
            return ipaddress.IPv4Network(f"10.213.{number % 256}.0/24")
        return ipaddress.IPv4Network(f"10.{128 + number // 256 % 64}.{number % 256}.0/24")

    def resource(self, what: str, host: str | None = None) -> str:
        """The name of a Pulumi resource. With the host in it, `--exclude '**.HOST'` means what is on that host."""
        return _on(host, f"{self.name}-{what}")

    def former(self, what: str, host: str | None = None) -> list[str]:
        """The names that the resource had before clusters had one."""
        return [_on(host, what)] if self.name == OWN else []

    def labels(self, kind: str, node: str | None = None) -> dict[str, str]:
        """Those of one of its containers, volumes or networks."""
        found = {labels.STACK: self.stack, labels.PROJECT: self.project, labels.NAME: self.name, labels.KIND: kind}
        return found if node is None else {**found, labels.NODE: node}

    def owns(self, found: Mapping[str, str] | None, docker_name: str) -> bool:
        """Whether what has these labels and this name in Docker is of this cluster.

        What was made before there were labels of project and name is told by its own name.
        """
        marks = found or {}
        if marks.get(labels.STACK) != self.stack:
            return False
        if labels.PROJECT in marks:
            return (marks[labels.PROJECT], marks.get(labels.NAME)) == (self.project, self.name)
        docker_name = docker_name.removeprefix("/")
        return self.name == OWN and (docker_name == self.prefix or docker_name.startswith(f"{self.prefix}-"))


def _on(host: str | None, name: str) -> str:
    return name if host is None else f"{name}.{host}"
