"""How long the certificates last that nodes show, and those of the stack's outputs."""

import socket
import ssl
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cryptography import x509

from ops.ask import all_at_once
from ops.status.facts import Certificate, Node
from redis_ha.outputs import Address, Outputs, Tls


def of(outputs: Outputs, nodes: Iterable[Node], within: float) -> tuple[Certificate, ...]:
    """Of each node that shows one, of the CA, and of the clients; empty without TLS."""
    tls = outputs.tls
    if tls is None:
        return ()
    questions: dict[str, Callable[[], float]] = {
        node.name: partial(_shown, node.address, tls, within)
        for node in nodes
        if node.address and node.kind != "endpoint"
    }
    shown = all_at_once(questions, 2 * within)
    found = [Certificate(name, days) for name, days in shown.items() if not isinstance(days, Exception)]
    found.append(Certificate("the CA", min(map(_days, x509.load_pem_x509_certificates(tls.ca.encode())))))
    if tls.cert:
        found.append(Certificate("the clients", _days(x509.load_pem_x509_certificate(Path(tls.cert).read_bytes()))))
    return tuple(found)


def _shown(at: Address, tls: Tls, within: float) -> float:
    """Not verified: also one that has expired is looked at. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if tls.cert:
        context.load_cert_chain(tls.cert, tls.key)
    with socket.create_connection(at, within) as plain, context.wrap_socket(plain) as made:
        return _days(x509.load_der_x509_certificate(made.getpeercert(binary_form=True) or b""))


def _days(certificate: x509.Certificate) -> float:
    return (certificate.not_valid_after_utc - datetime.now(UTC)).total_seconds() / 86400
