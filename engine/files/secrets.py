"""Pulumi's passphrase secrets provider: key derivation, encrypted values, and the engine's keyed hashes.

The format is Pulumi's own (sdk/go/common/resource/config/crypt.go, pkg/secrets/passphrase), so stack files are
readable by both engines.
"""

from __future__ import annotations

import base64
import binascii
import getpass
import hashlib
import hmac
import json
import os
import sys
from pathlib import Path
from typing import Any

from engine.errors import EngineError, WrongPassphraseError

ITERATIONS = 1_000_000
KEY_BYTES = 32
SALT_BYTES = 8
NONCE_BYTES = 12
CHECK_VALUE = "pulumi"


def read_passphrase(stack: str) -> str:
    """The passphrase from the environment, its file, or the terminal, in Pulumi's order."""
    if "PULUMI_CONFIG_PASSPHRASE" in os.environ:
        return os.environ["PULUMI_CONFIG_PASSPHRASE"]
    file = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EngineError(f"unable to read PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from error
    if not sys.stdin.isatty():
        raise EngineError(
            "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE "
            "environment variables"
        )
    print(
        f"Enter your passphrase to unlock config/secrets for stack {stack}\n"
        "    (set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to remember)",
        file=sys.stderr,
    )
    return getpass.getpass("passphrase: ")


def derive_key(passphrase: str, salt: bytes) -> bytes:
    """PBKDF2-SHA256 as Pulumi does it; takes a good third of a second and releases the GIL meanwhile."""
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ITERATIONS, KEY_BYTES)


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

        parts = value.split(":")
        if len(parts) != 3:
            raise EngineError("bad value")
        if parts[0] != "v1":
            raise EngineError("unknown value version")
        try:
            nonce = base64.b64decode(parts[1], validate=True)
            sealed = base64.b64decode(parts[2], validate=True)
        except binascii.Error as error:
            raise EngineError(f"bad value: {error}") from error
        if len(nonce) != NONCE_BYTES:
            raise EngineError("bad value: nonce size is incorrect")
        try:
            return AESGCM(self._key).decrypt(nonce, sealed, None).decode()
        except InvalidTag as error:
            raise EngineError("cipher: message authentication failed") from error

    def hash(self, value: Any) -> str:
        """A keyed hash of any JSON value: equal values compare equal, and nothing can be guessed from it."""
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        return hmac.new(self._hash_key, text.encode(), "sha256").hexdigest()


def open_crypter(salt_state: str, passphrase: str) -> Crypter:
    """The crypter of a stack file's `encryptionsalt`; WrongPassphraseError when it does not fit."""
    parts = salt_state.split(":", 2)
    if len(parts) != 3:
        raise EngineError("malformed encryptionsalt in the stack file")
    if parts[0] != "v1":
        raise EngineError("unknown encryptionsalt version in the stack file")
    try:
        salt = base64.b64decode(parts[1], validate=True)
    except binascii.Error as error:
        raise EngineError("malformed encryptionsalt in the stack file") from error
    crypter = Crypter(derive_key(passphrase, salt))
    try:
        fits = crypter.decrypt(parts[2]) == CHECK_VALUE
    except EngineError:
        fits = False
    if not fits:
        raise WrongPassphraseError("incorrect passphrase")
    return crypter


def new_crypter(passphrase: str) -> tuple[str, Crypter]:
    """A fresh salt: the `encryptionsalt` to store and its crypter."""
    salt = os.urandom(SALT_BYTES)
    crypter = Crypter(derive_key(passphrase, salt))
    return f"v1:{base64.b64encode(salt).decode()}:{crypter.encrypt(CHECK_VALUE)}", crypter
