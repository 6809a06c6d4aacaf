"""Certificates: what is wrong with them is said before anything is replaced."""

import datetime
import json
from datetime import timedelta
from typing import Any

import pulumi
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from redis_ha.plan.directives import redis_directives, sentinel_directives
from redis_ha.settings.loader import parse_settings
from redis_ha.settings.tls import Tls
from redis_ha.tls.certificates import check_certificates, problems
from redis_ha.tls.dev_certificates import addresses_of, make_ca, make_certificate

ADDRESSES = ["10.1.2.10", "10.1.2.130"]
CA, CA_KEY = make_ca("a CA")
OTHER_CA, OTHER_CA_KEY = make_ca("a CA")  # of the same name: only the signature tells
CERT, KEY = make_certificate(CA, CA_KEY, ADDRESSES)
OTHER_CERT, OTHER_KEY = make_certificate(CA, CA_KEY, ADDRESSES)
FOREIGN_CERT, FOREIGN_KEY = make_certificate(OTHER_CA, OTHER_CA_KEY, ADDRESSES)
EXPIRED_CERT, EXPIRED_KEY = make_certificate(CA, CA_KEY, ADDRESSES, 1, -timedelta(days=3))
EARLY_CERT, EARLY_KEY = make_certificate(CA, CA_KEY, ADDRESSES, 1, timedelta(days=3))
NARROW_CERT, NARROW_KEY = make_certificate(CA, CA_KEY, ADDRESSES[:1])
LOCKED_KEY = (
    load_pem_private_key(KEY.encode(), None)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"locked"))
    .decode()
)


def tls(**changed: Any) -> Tls:
    return Tls.model_validate({"ca": CA, "cert": CERT, "key": KEY, **changed})


def found(**changed: Any) -> list[str]:
    return problems(tls(**changed), ADDRESSES, datetime.datetime.now(datetime.UTC))


def test_a_certificate_that_fits() -> None:
    assert found() == []
    assert found(clientAuth="required") == []


def test_a_bundle_with_the_next_ca_fits() -> None:
    assert found(ca=OTHER_CA + CA) == []
    assert found(ca=OTHER_CA + CA, cert=FOREIGN_CERT, key=FOREIGN_KEY) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"cert": EXPIRED_CERT, "key": EXPIRED_KEY}, "tls.cert: expired on 20"),
        ({"cert": EARLY_CERT, "key": EARLY_KEY}, "tls.cert: is not valid before 20"),
        ({"key": OTHER_KEY}, "tls.key: does not match tls.cert"),
        ({"ca": OTHER_CA}, "tls.cert: is not signed by tls.ca"),
        ({"cert": FOREIGN_CERT, "key": FOREIGN_KEY}, "tls.cert: is not signed by tls.ca"),
        ({"cert": NARROW_CERT, "key": NARROW_KEY}, "tls.cert: is not for 10.1.2.130; allowed: a subject alternative"),
        ({"cert": "none"}, "tls.cert: allowed: certificates in PEM form"),
        ({"ca": "none"}, "tls.ca: allowed: certificates in PEM form"),
        ({"key": "none"}, "tls.key: allowed: a private key in PEM form"),
        ({"key": CERT}, "tls.key: allowed: a private key in PEM form"),
        ({"key": LOCKED_KEY}, "tls.key: is protected by a password"),
    ],
)
def test_each_mistake_is_one_error(changed: dict[str, str], expected: str) -> None:
    (line,) = found(**changed)
    assert line.startswith(expected)


def test_a_certificate_for_clients_is_checked_too() -> None:
    cert, key = make_certificate(CA, CA_KEY, [])
    assert found(clientCert=cert, clientKey=key) == []
    for changed, expected in (
        ({"clientCert": cert, "clientKey": KEY}, "tls.clientKey: does not match tls.clientCert"),
        ({"clientCert": EXPIRED_CERT, "clientKey": EXPIRED_KEY}, "tls.clientCert: expired on 20"),
        ({"clientCert": FOREIGN_CERT, "clientKey": FOREIGN_KEY}, "tls.clientCert: is not signed by tls.ca"),
    ):
        (line,) = found(**changed)
        assert line.startswith(expected)
    with pytest.raises(pulumi.RunError, match="clientCert and clientKey belong together"):
        parse_settings({"password": "pw", "tls": {"ca": CA, "cert": CERT, "key": KEY, "clientCert": cert}}, "dev")


def test_an_expired_ca_is_named() -> None:
    ca, ca_key = make_ca("short", days=0)
    cert, key = make_certificate(ca, ca_key, ADDRESSES)
    (line,) = found(ca=ca, cert=cert, key=key)
    assert line.startswith("tls.ca: expired on")


def test_errors_stop_the_program_with_one_message_and_no_key() -> None:
    with pytest.raises(pulumi.RunError) as caught:
        check_certificates(tls(key=OTHER_KEY, cert=EXPIRED_CERT), ADDRESSES)
    assert str(caught.value).startswith("2 wrong settings of TLS:\n  tls.cert: expired")
    assert "PRIVATE KEY" not in str(caught.value)


def test_soon_to_expire_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    check_certificates(tls(), ADDRESSES)
    assert not said
    cert, key = make_certificate(CA, CA_KEY, ADDRESSES, 10)
    check_certificates(tls(cert=cert, key=key), ADDRESSES)
    assert "tls.cert: expires on" in said[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"cert": "x", "key": "x"},
            "tls.ca: missing; set it with: ./pulumiw config set --secret --path tls.ca --stack dev",
        ),
        ({"ca": "x", "cert": "x", "key": "x", "clientAuth": "maybe"}, "tls.clientAuth: [secret]: allowed: 'none', "),
        ({"ca": "x", "cert": "x", "key": "x", "cacert": "x"}, "tls.cacert: unknown setting"),
        ("{bad", "tls: [secret]: allowed: an object, or its JSON text"),
    ],
)
def test_wrong_forms_are_named_without_their_text(value: Any, expected: str) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        parse_settings({"password": "pw", "tls": value}, "dev")
    assert str(caught.value).splitlines()[1].strip().startswith(expected)


def test_the_setting_reaches_nodes_and_sentinels_only_where_it_is_set() -> None:
    given = {"ca": CA, "cert": CERT, "key": KEY, "clientAuth": "required"}
    settings = parse_settings({"password": "pw", "tls": json.dumps(given)}, "dev")
    assert "tls-auth-clients yes\n" in redis_directives(settings)
    assert "tls-auth-clients yes\n" in sentinel_directives(settings)
    assert KEY not in repr(settings)
    for off in (None, ""):
        assert "tls" not in redis_directives(parse_settings({"password": "pw", "tls": off}, "dev"))


def test_development_certificates_are_for_every_address_that_scaling_can_bring() -> None:
    for config in ({"subnet": "10.1.2.0/24"}, {"subnet": "10.1.2.0/24", "advertise": "192.0.2.7"}, {"network": "host"}):
        addresses = addresses_of(config, "dev")
        assert "127.0.0.1" in addresses
        assert ("10.1.2.10" in addresses) == ("subnet" in config)
        assert ("192.0.2.7" in addresses) == ("advertise" in config)
    cert, key = make_certificate(CA, CA_KEY, addresses_of({"subnet": "10.1.2.0/24"}, "dev"))
    assert found(cert=cert, key=key) == []
