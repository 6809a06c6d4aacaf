"""Pulumi's passphrase secrets provider: key derivation, encrypted values, and the engine's keyed hashes.

The format is Pulumi's own (sdk/go/common/resource/config/crypt.go, pkg/secrets/passphrase), so stack files are
readable by both engines.
"""

import base64
import hashlib
import hmac
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.errors import EngineError, WrongPassphraseError

ITERATIONS = 1_000_000
KEY_BYTES = 32
SALT_BYTES = 8
NONCE_BYTES = 12
CHECK_VALUE = "pulumi"
NOT_READ = "it is no encrypted value of this passphrase and salt: set it again"


def read_passphrase() -> str:
    """The passphrase from the environment or its file, in Pulumi's order."""
    if "PULUMI_CONFIG_PASSPHRASE" in os.environ:
        return os.environ["PULUMI_CONFIG_PASSPHRASE"]
    file = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EngineError(f"unable to read PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from error
    raise EngineError(
        "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables"
    )


def derive_key(passphrase: str, salt: bytes) -> bytes:
    """PBKDF2-SHA256 as Pulumi does it; takes a good third of a second and releases the GIL meanwhile."""
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ITERATIONS, KEY_BYTES)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


class Crypter:
    """Encrypts and decrypts config values (AES-256-GCM) and hashes secrets with a key of the stack's own."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._hash_key = hmac.digest(key, b"embedded engine: hashes of applied secrets", "sha256")

    def encrypt(self, plaintext: str) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self._key).encrypt(nonce, plaintext.encode(), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, value: str) -> str:
        """The plain text of a `v1:nonce:ciphertext` value; EngineError when it is malformed or not of this key."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            version, nonce, sealed = value.split(":")
            if version == "v1":
                return AESGCM(self._key).decrypt(_bytes(nonce), _bytes(sealed), None).decode()
        except (ValueError, InvalidTag) as error:
            raise EngineError(NOT_READ) from error
        raise EngineError(NOT_READ)

    def hash(self, value: Any) -> str:
        """A keyed hash of any JSON value: equal values compare equal, and nothing can be guessed from it."""
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        return hmac.new(self._hash_key, text.encode(), "sha256").hexdigest()


def open_crypter(salt_state: str, passphrase: str) -> Crypter:
    """The crypter of a stack file's `encryptionsalt`; WrongPassphraseError when it does not fit."""
    try:
        version, text, check = salt_state.split(":", 2)
        salt = _bytes(text) if version == "v1" else b""
    except ValueError:
        salt = b""
    if not salt:
        raise EngineError(
            "malformed encryptionsalt in the stack file: take it from where it is whole, or remove it and set the "
            "secrets again"
        )
    crypter = Crypter(derive_key(passphrase, salt))
    with suppress(EngineError):
        if crypter.decrypt(check) == CHECK_VALUE:
            return crypter
    raise WrongPassphraseError("incorrect passphrase")


def new_crypter(passphrase: str) -> tuple[str, Crypter]:
    """A fresh salt: the `encryptionsalt` to store and its crypter."""
    salt = os.urandom(SALT_BYTES)
    crypter = Crypter(derive_key(passphrase, salt))
    return f"v1:{base64.b64encode(salt).decode()}:{crypter.encrypt(CHECK_VALUE)}", crypter
