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
    raise EngineError("passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE")


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

        with suppress(ValueError, InvalidTag):
            version, nonce, sealed = value.split(":")
            if version == "v1":
                return AESGCM(self._key).decrypt(_bytes(nonce), _bytes(sealed), None).decode()
        raise EngineError("it is no encrypted value of this passphrase and salt: set it again")

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
            "malformed encryptionsalt: take it from where it is whole, or remove it and set secrets again"
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


def read_salt(file: Path) -> str | None:
    """The salt of a stack whose file has no secrets, as `encryptionsalt` has it in one that has; None: none was made.

    It is kept by this user, to whose passphrase it belongs.
    """
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EngineError(f"{file}: {error.strerror}") from error


def keep_salt(file: Path, salt: str) -> bool:
    """Keeps the salt; False when another run was quicker, whose salt it then is."""
    aside = file.with_suffix(f".{os.getpid()}")
    try:
        aside.write_text(salt + "\n", encoding="utf-8")
        aside.chmod(0o600)
        file.hardlink_to(aside)
    except FileExistsError:
        return False
    except OSError as error:
        raise EngineError(f"could not write {file}: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)
    return True
