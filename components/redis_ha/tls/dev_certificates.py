"""Makes certificates for a development stack: `python -m redis_ha.tls.dev_certificates --stack S`.

A CA, one certificate for the nodes and one for clients. Those of `dev` lie with its passwords in the user's
configuration folder; those of other stacks are stored encrypted in the stack's config. Run again, it makes new
certificates of the same CA, which `up` rolls out node by node. For production take certificates of a CA of your own.
"""

import argparse
import datetime
import ipaddress
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pulumi
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from redis_ha.plan.identity import Identity
from redis_ha.plan.layout import FIRST_DATA_ADDRESS
from redis_ha.settings import generated
from redis_ha.settings.loader import parse_settings

PROJECT = "redis-ha"
CA_DAYS = 3650
CERTIFICATE_DAYS = 397
LAST_ADDRESS = 250  # the last that a node of the stack's /24, or its endpoint, can get
_NOT_BEFORE = datetime.timedelta(hours=1)  # clocks differ


def make_ca(name: str, days: int = CA_DAYS) -> tuple[str, str]:
    """A CA's certificate and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, days).public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    cert = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem(cert), _key_pem(key)


def make_certificate(
    ca: str,
    ca_key: str,
    addresses: Sequence[str],
    days: int = CERTIFICATE_DAYS,
    start: datetime.timedelta = -_NOT_BEFORE,
) -> tuple[str, str]:
    """A certificate signed by the CA, and its key, in PEM: a node's for `addresses`, a client's where there are none.

    `start` is relative to now.
    """
    issuer = x509.load_pem_x509_certificate(ca.encode())
    signer = load_pem_private_key(ca_key.encode(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("the CA's key is none that this command has made")
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_name = str(issuer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    uses = [ExtendedKeyUsageOID.SERVER_AUTH] * bool(addresses) + [ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = _builder(f"{PROJECT} {'node' if addresses else 'client'}", issuer_name, days, start)
    if addresses:
        names = x509.SubjectAlternativeName([_name(a) for a in addresses])
        builder = builder.add_extension(names, critical=False)
    cert = (
        builder.public_key(key.public_key())
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return _pem(cert), _key_pem(key)


def addresses_of(config: dict[str, Any], stack: str) -> list[str]:
    """Every address that a node of the stack has or can get by scaling, and where ports are published."""
    settings = parse_settings({**config, "password": "not-needed", "tls": None}, stack)
    found = ["127.0.0.1"]
    if settings.published not in (None, "0.0.0.0", *found):  # noqa: S104 - any address of the machine: not known here
        found.append(str(settings.published))
    found += [host.address for host in settings.hosts]
    if settings.bridged:
        subnet = Identity(PROJECT, stack).subnet(settings.subnet)
        found += [str(subnet[i]) for i in range(FIRST_DATA_ADDRESS, LAST_ADDRESS + 1)]
    return found


def _builder(name: str, issuer: str, days: int, start: datetime.timedelta = -_NOT_BEFORE) -> x509.CertificateBuilder:
    begin = datetime.datetime.now(datetime.UTC) + start
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=days))
    )


def _name(address: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(address))


def _pem(cert: x509.Certificate) -> str:
    return cert.public_bytes(Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _pulumiw(*words: str, stack: str, text: str | None = None) -> str:
    done = subprocess.run(
        ["./pulumiw", *words, "--stack", stack], input=text or "", stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.returncode)  # it has said why
    return done.stdout


class NotOursError(Exception):
    """The stack has certificates that are of another CA than one made here."""


def renewed(stack: str) -> tuple[dict[str, Any], bool]:
    """New certificates for the stack, as its setting `tls`, and whether they belong beside its passwords.

    Nothing is stored. Raises NotOursError, pulumi.RunError for wrong settings, SystemExit when the config cannot be
    read.
    """
    listed = json.loads(_pulumiw("config", "--json", "--show-secrets", stack=stack))
    prefix = f"{PROJECT}:"
    config = {key.removeprefix(prefix): one["value"] for key, one in listed.items() if key.startswith(prefix)}
    raw = config.pop("tls", None)
    here = not raw and generated.wanted(stack)
    if here:
        raw = generated.read(PROJECT, stack).get("tls")
    kept: dict[str, Any] = json.loads(raw) if isinstance(raw, str) and raw else raw or {}
    if "cert" in kept and "caKey" not in kept:
        raise NotOursError
    plain = {key: value for key, value in config.items() if key not in ("previousPassword", "systemPassword")}
    addresses = addresses_of(plain, stack)
    if "caKey" not in kept:
        kept["ca"], kept["caKey"] = make_ca(f"{PROJECT} {stack} CA")
    kept["cert"], kept["key"] = make_certificate(kept["ca"], kept["caKey"], addresses)
    kept["clientCert"], kept["clientKey"] = make_certificate(kept["ca"], kept["caKey"], [])
    return kept, here


def main() -> None:
    """Make certificates for the stack that is named, and store them in its config."""
    parser = argparse.ArgumentParser(prog="python -m redis_ha.tls.dev_certificates", description=__doc__)
    parser.add_argument("--stack", default="dev")
    stack = parser.parse_args().stack
    # Pulumi's `config` wants the stack to exist; where it does, this fails and nothing is said.
    subprocess.run(
        ["./pulumiw", "stack", "init", "--no-select", stack], input="", capture_output=True, text=True, check=False
    )
    try:
        made, here = renewed(stack)
    except pulumi.RunError as error:
        sys.exit(f"error: {error}")
    except NotOursError:
        sys.exit(f"error: the certificates of stack {stack} are not of this command's making; remove its `tls` first")
    if here:
        generated.store(PROJECT, stack, {"tls": made})
        where = f" in {generated.file_of(PROJECT, stack)} (without its `tls`, connections are plain)"
    else:
        _pulumiw("config", "set", "--secret", f"{PROJECT}:tls", stack=stack, text=json.dumps(made))
        where = ""
    sys.stdout.write(
        f"stack {stack} has new certificates for {CERTIFICATE_DAYS} days{where}; roll it out: make up STACK={stack}\n"
    )


if __name__ == "__main__":
    main()
