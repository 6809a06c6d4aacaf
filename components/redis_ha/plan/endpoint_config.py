"""The endpoint's HAProxy configuration: the template configs/haproxy.cfg, filled in. Pure."""

import math
import re
from collections.abc import Callable, Iterable
from string import Template

from redis_ha.image_files import root
from redis_ha.plan.acl import endpoint_password
from redis_ha.plan.layout import DATA_SLOTS
from redis_ha.plan.topology import FOLDER, Endpoint, Node, Topology
from redis_ha.settings.model import Settings

TEMPLATE = "configs/haproxy.cfg"
CONFIG_FILE = "haproxy.cfg"
CA_FILE = "ca.pem"
CLIENT_FILE = "client.pem"
GATE_ADDRESS = "127.0.0.2"
# Milliseconds between two checks of a node, up to DATA_SLOTS of them; with more, in proportion.
ROLE_MS = 50
GATE_MS = 25
RELAXED_MS = 250
# The same for what is awaited when a master has died: that another node says that it is the master, and then that the
# gate lets its clients in.
CLAIM_MS = 25
LET_IN_MS = 12
# How long an answer may take. Three times this and ROLE_MS must be less than what Sentinel needs to find a master down.
PATIENCE_MS = 150


def endpoint_config(settings: Settings, topology: Topology, endpoint: Endpoint) -> str:
    """The configuration of one endpoint; it holds a password."""
    nodes, sentinels = (*topology.data_nodes, *topology.further), topology.sentinels
    scale = math.ceil(len(nodes) / DATA_SLOTS)
    majority = len(sentinels) // 2 + 1
    secret, system = settings.password, settings.system_password
    password = endpoint_password(secret.get_secret_value(), system.get_secret_value() if system else None)
    slower = 1 if settings.tls is None else 2
    login = f"AUTH\\ endpoint\\ {password}\\r\\n"
    over_tls = _over_tls(settings)
    values = {
        "patience_ms": str(min(PATIENCE_MS, settings.timing.down_after // 8)),
        "bind_write": _bind(endpoint, endpoint.write),
        "bind_read": _bind(endpoint, endpoint.read),
        "gate_port": str(endpoint.write),
        "gate_ms": str(GATE_MS * scale),
        "let_in_ms": str(LET_IN_MS * scale),
        # HAProxy gives a connection, with its TLS handshake, no longer than the time between two checks.
        "role_ms": str(ROLE_MS * scale * slower),
        "claim_ms": str(CLAIM_MS * scale * slower),
        "connect_ms": str(ROLE_MS * scale),
        "to_the_master": _lines(
            f"use_backend writes-{node.name} if {{ nbsrv(incumbent-{node.name}) gt 0 }}" for node in nodes
        ),
        "relaxed_ms": str(RELAXED_MS * scale),
        "falls_in_a_second": str(math.ceil(1000 / (RELAXED_MS * scale))),
        "login": login,
        "over_tls": over_tls,
        "master_name": settings.master_name,
        "majority": str(majority),
        "servers": _servers(nodes),
        "awaited": _lines((_servers(topology.data_nodes), *(_later(node, scale) for node in topology.further))),
        "sentinels": _servers(sentinels),
        "any_named": "\n    acl any-named     ".join(f"nbsrv(named-{node.name}) ge {majority}" for node in nodes),
        "disputed": _lines(
            f"http-request set-var(txn.disputed) bool(true) if !{{ path /{node.name} }} "
            f"{{ nbsrv(claims-{node.name}) gt 0 }} {{ nbsrv(living-{node.name}) gt 0 }}"
            for node in nodes
        ),
        "newly": _lines(
            f"http-request set-var(txn.newly) bool(true) if {{ nbsrv(master) eq 1 }} "
            f"{{ nbsrv(incumbent-{node.name}) gt 0 }} {{ nbsrv(settled-{node.name}) eq 0 }}"
            for node in nodes
        ),
        "need_majority": "http-request deny unless majority" if settings.durability == "consistent" else "",
        "per_node": "\n".join(
            _follows("claims", node, "claim-master")
            + _follows("living", node, "living")
            + _follows("incumbent", node, "master")
            + _follows("settled", node, "settled")
            + _writes(node, endpoint, scale, later=node in topology.further)
            + _named(node, settings, login, over_tls, scale, sentinels)
            for node in nodes
        ),
    }
    filled = Template((root() / TEMPLATE).read_text()).substitute(values)
    return re.sub(r"[ \t]+\n", "\n", filled)


def endpoint_files(settings: Settings, topology: Topology, endpoint: Endpoint) -> dict[str, Callable[[Settings], str]]:
    """The files of one endpoint, by name, and what makes them of the settings: all of them secrets.

    Besides its configuration what its checks trust and, where nodes ask for one, the certificate that they show.
    Clients see the nodes' own.
    """
    files: dict[str, Callable[[Settings], str]] = {
        CONFIG_FILE: lambda given: endpoint_config(given, topology, endpoint)
    }
    if settings.tls is not None:
        files[CA_FILE] = _authorities
        if settings.tls.client_auth == "required":
            files[CLIENT_FILE] = _certificate_and_key
    return files


def _authorities(settings: Settings) -> str:
    return settings.tls.ca.get_secret_value() if settings.tls else ""


def _certificate_and_key(settings: Settings) -> str:
    return settings.tls.cert.get_secret_value() + settings.tls.key.get_secret_value() if settings.tls else ""


def _lines(lines: Iterable[str]) -> str:
    return "\n    ".join(lines)


def _servers(nodes: Iterable[Node]) -> str:
    return _lines(f"server {node.name} {node.endpoint}" for node in nodes)


def _later(node: Node, scale: int) -> str:
    """A node that may not be there yet is looked for less often."""
    return f"{_servers([node])} downinter {RELAXED_MS * scale}"


def _bind(endpoint: Endpoint, port: int) -> str:
    """Its own address, and loopback for what runs beside it."""
    own = endpoint.fixed_address or endpoint.address
    return ",".join(f"{address}:{port}" for address in dict.fromkeys((own, "127.0.0.1")))


def _over_tls(settings: Settings) -> str:
    """How checks speak to nodes with TLS. HAProxy compares host names only, no addresses: so the CA is what counts."""
    if settings.tls is None:
        return ""
    certificate = f" crt {FOLDER}/{CLIENT_FILE}" if settings.tls.client_auth == "required" else ""
    return f"check-ssl verify required ca-file {FOLDER}/{CA_FILE}{certificate}"


def _follows(what: str, node: Node, backend: str) -> str:
    """A backend of one server, which is up when that of another backend is: only they can be asked for by a path."""
    return f"backend {what}-{node.name}\n    server {node.name} {node.endpoint} track {backend}/{node.name}\n\n"


def _writes(node: Node, endpoint: Endpoint, scale: int, *, later: bool) -> str:
    """The backend that has the clients of a node, as long as the gate lets it.

    They come to it only while it is the incumbent. It goes down later than that ends: by the time of the two attempts
    that a connection has (`retries 1`), so that it breaks none off that is still being made.
    """
    every, down = ROLE_MS * scale, (RELAXED_MS if later else LET_IN_MS) * scale
    lines = [
        "option httpchk",
        f"http-check send meth GET uri /{node.name}",
        "http-check expect status 200",
        "timeout check 2s",
        f"default-server check addr {GATE_ADDRESS} port {endpoint.write} inter {every} downinter {down} rise 1 fall 4",
        # A node that vanishes as it gets a connection does not close it: what it does not confirm is given up.
        "default-server on-marked-down shutdown-sessions tcp-ut 2s",
        _servers([node]),
    ]
    return f"backend writes-{node.name}\n    {_lines(lines)}\n\n"


def _named(node: Node, settings: Settings, login: str, over_tls: str, scale: int, sentinels: Iterable[Node]) -> str:
    question = f"SENTINEL\\ GET-MASTER-ADDR-BY-NAME\\ {settings.master_name}\\r\\n"
    answer = f"\\r\\n{node.address}\\r\\n${len(str(node.port))}\\r\\n{node.port}\\r\\n"
    lines = [
        "option tcp-check",
        f"tcp-check send {login}",
        "tcp-check expect min-recv 0 string +OK",
        f"tcp-check send {question}",
        f"tcp-check expect min-recv 0 string {answer}",
        f"default-server check {over_tls} inter {RELAXED_MS * scale} rise 1 fall 1",
        _servers(sentinels),
    ]
    return f"backend named-{node.name}\n    {_lines(lines)}\n"
