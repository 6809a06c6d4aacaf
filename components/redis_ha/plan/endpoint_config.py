"""What the endpoint is told: the template configs/haproxy.cfg, filled in, and who its nodes and Sentinels are. Pure."""

import json
import re
from collections.abc import Callable, Iterable
from string import Template

from redis_ha.image_files import root
from redis_ha.plan.acl import derived, endpoint_password
from redis_ha.plan.topology import Endpoint, Node, Topology
from redis_ha.settings.model import Settings

TEMPLATE = "configs/haproxy.cfg"
CONFIG_FILE = "haproxy.cfg"
TOLD_FILE = "endpoint.json"
CA_FILE = "ca.pem"
CLIENT_FILE = "client.pem"
CONNECT_MS = 50


def endpoint_files(settings: Settings, topology: Topology, endpoint: Endpoint) -> dict[str, Callable[[Settings], str]]:
    """The files of one endpoint, by name, and what makes them of the settings: all of them secrets.

    Besides HAProxy's configuration and what its agent is told, what that trusts and, where nodes ask for one, the
    certificate that it shows. Clients see the nodes' own.
    """
    files: dict[str, Callable[[Settings], str]] = {
        CONFIG_FILE: lambda _: haproxy_config(topology, endpoint),
        TOLD_FILE: lambda given: told(given, topology),
    }
    if settings.tls is not None:
        files[CA_FILE] = _authorities
        if settings.tls.client_auth == "required":
            files[CLIENT_FILE] = _certificate_and_key
    return files


def haproxy_config(topology: Topology, endpoint: Endpoint) -> str:
    """HAProxy's configuration: the places that clients may be sent to."""
    nodes = _nodes(topology)
    values = {
        "connect_ms": str(CONNECT_MS),
        "bind_write": _bind(endpoint, endpoint.write),
        "bind_read": _bind(endpoint, endpoint.read),
        "servers": "\n    ".join(map(_server, nodes)),
        "writes": "\n".join(f"backend writes-{node.name}\n    {_server(node)}\n" for node in nodes),
    }
    filled = Template((root() / TEMPLATE).read_text()).substitute(values)
    return re.sub(r"[ \t]+\n", "\n", filled)


def told(settings: Settings, topology: Topology) -> str:
    """What its agent is told, as agent/endpoint/main.py reads it; it holds a password."""
    words = {
        "nodes": {node.name: node.endpoint for node in _nodes(topology)},
        "sentinels": [node.endpoint for node in topology.sentinels],
        "master_name": settings.master_name,
        "durability": settings.durability,
        "down_after": settings.timing.down_after,
        "password": derived(settings, endpoint_password),
    }
    return json.dumps(words, indent=1) + "\n"


def _nodes(topology: Topology) -> Iterable[Node]:
    """The places of further ones, too: so scaling touches no endpoint."""
    return (*topology.data_nodes, *topology.further)


def _server(node: Node) -> str:
    return f"server {node.name} {node.endpoint}"


def _authorities(settings: Settings) -> str:
    return settings.tls.ca.get_secret_value() if settings.tls else ""


def _certificate_and_key(settings: Settings) -> str:
    return settings.tls.cert.get_secret_value() + settings.tls.key.get_secret_value() if settings.tls else ""


def _bind(endpoint: Endpoint, port: int) -> str:
    """Its own address, and loopback for what runs beside it."""
    own = endpoint.fixed_address or endpoint.address
    return ",".join(f"{address}:{port}" for address in dict.fromkeys((own, "127.0.0.1")))
