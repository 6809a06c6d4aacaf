"""The outputs of a stack, read back and typed: all that drills and an operator's tools know about a cluster.

resources/outputs.py is where the program makes them.
"""

import atexit
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Address = tuple[str, int]


class OutputsError(ValueError):
    """A stack's outputs are not what a cluster has: it is not up, or they are of something else."""


@dataclass(frozen=True)
class Tls:
    """What a client of a cluster that speaks TLS has: the CA's certificate in PEM, and files with its own, if any."""

    ca: str
    cert: str | None = None
    key: str | None = None

    @classmethod
    def of(cls, outputs: dict[str, Any]) -> "Tls | None":
        """From a stack's outputs. OpenSSL takes a client's certificate from files only: private ones, for now."""
        if not outputs.get("ca"):
            return None
        if not outputs.get("client_cert"):
            return cls(outputs["ca"])
        folder = Path(tempfile.mkdtemp(prefix="redis-ha-client-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        cert, key = folder / "cert.pem", folder / "key.pem"
        cert.write_text(outputs["client_cert"])
        key.write_text(outputs["client_key"])
        return cls(outputs["ca"], str(cert), str(key))


@dataclass(frozen=True)
class Node:
    """A data node (master or replica) or a Sentinel, with the address that it announces."""

    name: str
    host: str
    port: int
    container: str
    host_name: str | None = None
    """The host that it is on, where a stack has several."""

    @property
    def address(self) -> Address:
        """Host and port, as Sentinel and redis-py write them."""
        return (self.host, self.port)


@dataclass(frozen=True)
class Host:
    """A machine: how its Docker is reached (a URL or a context's name), and the address that its nodes announce."""

    name: str
    docker: str
    address: str


@dataclass(frozen=True)
class Outputs:
    """What `stack output --json --show-secrets` says of one stack."""

    stack: str
    master_name: str
    nodes: tuple[Node, ...]
    sentinels: tuple[Address, ...]
    image: str
    password: str | None = field(repr=False, default=None)
    operator_password: str | None = field(repr=False, default=None)
    """Of the user `operator` at the Sentinels, who may ask for a failover; None on a plain cluster."""
    url: str | None = field(repr=False, default=None)
    tls: Tls | None = field(repr=False, default=None)
    write: Address | None = None
    """The endpoint for writes, where the stack has one; `read` is the one for reads."""
    read: Address | None = None
    hosts: tuple[Host, ...] = ()
    """Empty: all is on one machine, with the Docker of the environment."""
    sentinel_hosts: tuple[str, ...] = ()
    """The host of each Sentinel, where there are hosts."""

    @classmethod
    def from_json(cls, stack: str, text: str) -> "Outputs":
        """Read the JSON of `stack output --json --show-secrets`. Raises OutputsError, naming what is missing."""
        try:
            raw: dict[str, Any] = json.loads(text)
        except json.JSONDecodeError as error:
            raise OutputsError(f"the outputs of stack {stack} are not JSON: {error}") from None
        missing = [key for key in ("master_name", "nodes", "sentinels") if key not in raw]
        if missing:
            raise OutputsError(f"stack {stack} has no output {', '.join(missing)}: is it up?")
        try:
            nodes = tuple(
                Node(str(n["name"]), str(n["host"]), int(n["port"]), str(n["container"]), n.get("host_name"))
                for n in raw["nodes"]
            )
            sentinels = tuple(_address(text) for text in raw["sentinels"])
            endpoint = {way: _address(text) for way, text in raw.get("endpoint", {}).items()}
            hosts = tuple(Host(name, str(h["docker"]), str(h["address"])) for name, h in raw.get("hosts", {}).items())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise OutputsError(f"stack {stack} has an output of an unexpected form: {error!r}") from None
        return cls(
            stack=stack,
            master_name=str(raw["master_name"]),
            nodes=nodes,
            sentinels=sentinels,
            image=str(raw.get("image", "")),
            password=raw.get("password") or None,
            operator_password=raw.get("operator_password") or None,
            url=raw.get("url") or None,
            tls=Tls.of(raw),
            write=endpoint.get("write"),
            read=endpoint.get("read"),
            hosts=hosts,
            sentinel_hosts=tuple(str(name) for name in raw.get("sentinel_hosts", ())),
        )


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return (host.strip("[]"), int(port))
