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

from redis_ha.settings.tls import Tls

SOON = datetime.timedelta(days=21)
_NO_CERTIFICATES = "allowed: certificates in PEM form (-----BEGIN CERTIFICATE-----)"
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
    try:
        roots = _certificates(tls.ca)
    except ValueError:
        return [f"tls.ca: {_NO_CERTIFICATES}"]
    found = [f"tls.ca: {text}" for one in roots[:1] for text in _out_of_time(one, now)]
    wrong, cert = _pair_problems(("cert", tls.cert), ("key", tls.key), roots, now)
    found += wrong
    if cert is not None:
        found += [f"tls.cert: {text}" for text in (*_names(cert, addresses), *_uses(cert, tls))]
    if tls.client_cert and tls.client_key:
        found += _pair_problems(("clientCert", tls.client_cert), ("clientKey", tls.client_key), roots, now)[0]
    return found


def _pair_problems(
    of_cert: tuple[str, SecretStr], of_key: tuple[str, SecretStr], roots: Certificates, now: datetime.datetime
) -> tuple[list[str], x509.Certificate | None]:
    """What is wrong with a certificate (and intermediate ones) and its key, given by the names of their settings."""
    (cert_name, cert_text), (key_name, key_text) = of_cert, of_key
    try:
        cert, *intermediates = _certificates(cert_text)
    except ValueError:
        return [f"tls.{cert_name}: {_NO_CERTIFICATES}"], None
    found = [f"tls.{cert_name}: {text}" for text in _out_of_time(cert, now)]
    try:
        key = load_pem_private_key(key_text.get_secret_value().encode(), password=None)
    except TypeError:
        return [
            *found,
            f"tls.{key_name}: is protected by a password; allowed: a private key in PEM form without one",
        ], cert
    except ValueError:
        return [*found, f"tls.{key_name}: allowed: a private key in PEM form (-----BEGIN PRIVATE KEY-----)"], cert
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != cert.public_key().public_bytes(*form):
        found.append(
            f"tls.{key_name}: does not match tls.{cert_name}; "
            "allowed: the private key that the certificate was made for"
        )
    if not _signed_by(cert, intermediates, roots):
        found.append(
            f"tls.{cert_name}: is not signed by tls.ca; allowed: a certificate of that CA, with intermediate ones "
            "after it"
        )
    return found, cert


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
