"""Stack files (Pulumi.<stack>.yaml): Pulumi's own format, edited in place so that comments stay."""

import io
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import EngineError, NotDone
from engine.values import paths

_AMBIGUOUS = re.compile(r"^(?:y|n|yes|no|on|off|true|false|null|~|[-+0-9.:_]*)$", re.IGNORECASE)
"""Texts that some YAML reader takes for something else than a text."""
_INTEGER = re.compile(r"^(0|-?[1-9][0-9]*)$")


DONE = {"config", "encryptionsalt", "secretsprovider", "encryptedkey"}
"""The keys of a stack file that this engine does; of the last two only what says: the passphrase provider."""


class Editable:
    """A stack file of either engine and any secrets provider, edited in place; each change is one write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._document: Any = None

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Sets each full key to its raw value, and removes those whose value is None: all of it or nothing."""
        config = self._config()
        for key, value in values.items():
            if value is None:
                config.pop(key, None)
            else:
                config[key] = _written(value)
        self._save()

    def _config(self) -> Any:
        document = self._edit()
        if not isinstance(document.get("config"), dict):
            document["config"] = {}
        return document["config"]

    def _edit(self) -> Any:
        if self._document is None:
            from ruamel.yaml.comments import CommentedMap

            text = self.path.read_text(encoding="utf-8") if self.path.is_file() else ""
            self._document = _yaml().load(text) or CommentedMap()
        return self._document

    def _save(self) -> None:
        out = io.StringIO()
        if self._document:
            _yaml().dump(self._document, out)
        try:
            # Written aside and moved into place, so that a full disk or a kill never leaves half a file.
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(out.getvalue())
            Path(temporary).chmod(self.path.stat().st_mode & 0o777 if self.path.is_file() else 0o644)
            Path(temporary).replace(self.path)
        except OSError as error:
            raise EngineError(f"could not write {self.path.name}: {error.strerror}") from error
        self.__init__(self.path)  # type: ignore[misc]  # read back what is there now


class StackFile(Editable):
    """One stack's file. Reading needs no passphrase; values keep their `secure:` form here."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.data: dict[str, Any] = {}
        if path.is_file():
            from engine.files.project import load_yaml

            data = load_yaml(path) or {}
            if not isinstance(data, dict) or not isinstance(data.get("config") or {}, dict):
                raise EngineError(f"{path.name}: expected a mapping with `config:`")
            for key in data:
                if key not in DONE:
                    raise NotDone(f"{path.name}: `{key}`")
            for key in ("secretsprovider", "encryptedkey"):
                if data.get(key) not in (None, "", "default", "passphrase"):
                    more = "; it reads the passphrase secrets provider only"
                    raise NotDone(f"{path.name}: `{key}: {data[key]}`", more)
            self.data = data

    @property
    def salt(self) -> str | None:
        salt = self.data.get("encryptionsalt")
        return str(salt) if salt else None

    @property
    def config(self) -> dict[str, Any]:
        """Full key (`namespace:name`) to raw value (scalars, lists, mappings, `{secure: ...}`)."""
        return dict(self.data.get("config") or {})

    def set_salt(self, salt: str) -> None:
        document = self._edit()
        if "encryptionsalt" in document:
            document["encryptionsalt"] = salt
        else:
            document.insert(0, "encryptionsalt", salt)
        self._save()

    def set_value(self, key: str, path: paths.Path, value: Any) -> None:
        """Sets `key` (or what lies at `path` inside it) and saves the file."""
        paths.put(self._config(), (key, *path), _written(value))
        self._save()


def _written(value: Any) -> Any:
    """A text in quotes where some YAML reader would take it for something else."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    return DoubleQuotedScalarString(value) if isinstance(value, str) and _AMBIGUOUS.match(value) else value


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def typed_scalar(text: str) -> Any:
    """How Pulumi stores a value given with --path or for typed keys: true/false and integers get their type."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _INTEGER.match(text) else text


def full_key(project: str, key: str) -> str:
    """`namespace:name`, with the project as the default namespace; EngineError for a malformed key."""
    parts = key.split(":")
    if len(parts) > 2 or not all(parts):
        raise EngineError(
            f"could not parse {key} as a configuration key: it should be of the form `<namespace>:<name>`"
        )
    return f"{project}:{key}" if len(parts) == 1 else ":".join(parts)
