"""What is wrong with the certificates of the setting `tls`, said before anything is replaced."""

import datetime
import ipaddress
from collections.abc import Iterable

import pulumi
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from pydantic import SecretStr

from components.tls import Tls

SOON = datetime.timedelta(days=21)
_TIME = "%Y-%m-%d %H:%M UTC"
Certificates = list[x509.Certificate]


def check_certificates(tls: Tls, addresses: Iterable[str]) -> None:
    """Check what the nodes at `addresses` are to show to clients and to each other; warns before it expires.

    Raises pulumi.RunError with one line for each error.
    """
    now = datetime.datetime.now(datetime.UTC)
    wrong = problems(tls, addresses, now)
    if wrong:
        lines = "\n".join(f"  {line}" for line in wrong)
        raise pulumi.RunError(f"{len(wrong)} wrong setting{'s' * (len(wrong) > 1)} of TLS:\n{lines}")
    expiry = _certificates(tls.cert)[0].not_valid_after_utc
    if expiry - now < SOON:
        pulumi.log.warn(f"tls.cert: expires on {expiry:{_TIME}}; renew it, and roll it out with `up`")


def problems(tls: Tls, addresses: Iterable[str], now: datetime.datetime) -> list[str]:
    """Each thing that is wrong, named by its setting."""
    found: list[str] = []
    given: dict[str, Certificates] = {}
    for name, secret in (("ca", tls.ca), ("cert", tls.cert)):
        try:
            given[name] = _certificates(secret)
        except ValueError:
            found.append(f"tls.{name}: allowed: certificates in PEM form (-----BEGIN CERTIFICATE-----)")
    try:
        key = load_pem_private_key(tls.key.get_secret_value().encode(), password=None)
    except TypeError:
        return [*found, "tls.key: is protected by a password; allowed: a private key in PEM form without one"]
    except ValueError:
        return [*found, "tls.key: allowed: a private key in PEM form (-----BEGIN PRIVATE KEY-----)"]
    if found:
        return found
    cert, *intermediates = given["cert"]
    found += [f"tls.cert: {text}" for text in _out_of_time(cert, now)]
    found += [f"tls.ca: {text}" for one in given["ca"][:1] for text in _out_of_time(one, now)]
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != cert.public_key().public_bytes(*form):
        found.append("tls.key: does not match tls.cert; allowed: the private key that the certificate was made for")
    if not _signed_by(cert, intermediates, given["ca"]):
        found.append(
            "tls.cert: is not signed by tls.ca; allowed: a certificate of that CA, with intermediate ones after it"
        )
    return found + [f"tls.cert: {text}" for text in (*_names(cert, addresses), *_uses(cert, tls))]


def _certificates(pem: SecretStr) -> Certificates:
    return x509.load_pem_x509_certificates(pem.get_secret_value().encode())


def _out_of_time(cert: x509.Certificate, now: datetime.datetime) -> list[str]:
    if now > cert.not_valid_after_utc:
        return [f"expired on {cert.not_valid_after_utc:{_TIME}}; allowed: one that is valid now"]
    if now < cert.not_valid_before_utc:
        return [f"is not valid before {cert.not_valid_before_utc:{_TIME}}; allowed: one that is valid now"]
    return []


def _signed_by(cert: x509.Certificate, intermediates: Certificates, roots: Certificates) -> bool:
    """Whether a chain leads from `cert` to one of the roots."""
    if any(cert == root or _issued(cert, root) for root in roots):
        return True
    return any(
        _issued(cert, above) and _signed_by(above, [c for c in intermediates if c != above], roots)
        for above in intermediates
    )


def _issued(cert: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        cert.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names(cert: x509.Certificate, addresses: Iterable[str]) -> list[str]:
    """Clients compare the address that a Sentinel gives them with the certificate's alternative names."""
    try:
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        covered = set()
    else:
        covered = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    missing = sorted({a for a in addresses if a not in covered}, key=ipaddress.IPv4Address)
    if not missing:
        return []
    return [f"is not for {', '.join(missing)}; allowed: a subject alternative name (IP) for each node's address"]


def _uses(cert: x509.Certificate, tls: Tls) -> list[str]:
    """A node is a server to clients, and a client to other nodes, with the same certificate."""
    try:
        uses = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return []
    wanted = {ExtendedKeyUsageOID.SERVER_AUTH: "servers"}
    if tls.client_auth != "none":
        wanted[ExtendedKeyUsageOID.CLIENT_AUTH] = "clients (what nodes are to each other)"
    return [
        f"is not for {what}; allowed: extended key usages of servers and clients, or none at all"
        for use, what in wanted.items()
        if use not in uses
    ]
