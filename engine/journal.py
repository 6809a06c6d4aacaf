"""A notebook beside Docker's labels for the little that labels, once written, cannot follow.

It holds which steps were begun and not seen to their end (so that the next `up` runs their after-hooks), the last
declared `retain_on_delete` of resources, and where the providers lead to, for what is no longer declared. That it is
there says that the stack's last update was made on this machine. It is no state: losing it loses only those.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from engine.errors import EngineError


class Journal:
    """One stack's notebook; every note is on disk before the step goes on."""

    def __init__(self, directory: Path, stack: str) -> None:
        self._path = directory / f"{stack}.journal.json"
        self._lock = threading.Lock()
        self.is_there = self._path.exists()
        try:
            data: Any = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            data = {}
        self._unfinished: dict[str, str] = dict(data.get("unfinished") or {})
        self._retain: dict[str, bool] = dict(data.get("retain") or {})
        self.providers: dict[str, dict[str, Any]] = dict(data.get("providers") or {})
        """By URN: what each declared provider was last given (`inputs`, encrypted) and its `parents`."""

    def open(self) -> None:
        """An update begins: from now on the notebook is there."""
        with self._lock:
            self._save()

    def remove(self) -> None:
        """With the stack's file: there is no stack to keep it for."""
        self._path.unlink(missing_ok=True)

    def begin(self, urn: str, why: str) -> None:
        with self._lock:
            self._unfinished[urn] = why
            self._save()

    def end(self, urn: str) -> None:
        with self._lock:
            if self._unfinished.pop(urn, None) is not None:
                self._save()

    def unfinished(self, urn: str) -> str | None:
        """What was begun with this resource and not finished."""
        return self._unfinished.get(urn)

    def set_retain(self, urn: str, retain: bool, recorded: bool) -> None:
        """Notes the declared retention where it differs from what is recorded with the resource."""
        with self._lock:
            before = self._retain.get(urn)
            if retain == recorded:
                self._retain.pop(urn, None)
            else:
                self._retain[urn] = retain
            if self._retain.get(urn) != before:
                self._save()

    def retain(self, urn: str, recorded: bool) -> bool:
        return self._retain.get(urn, recorded)

    def set_provider(self, urn: str, noted: dict[str, Any] | None) -> None:
        """Notes where a provider leads to; None forgets it."""
        with self._lock:
            if noted is None:
                self.providers.pop(urn, None)
            else:
                self.providers[urn] = noted
            self._save()

    def forget(self, urn: str) -> None:
        with self._lock:
            known = urn in self._unfinished or urn in self._retain
            self._unfinished.pop(urn, None)
            self._retain.pop(urn, None)
            if known:
                self._save()

    def _save(self) -> None:
        temporary = self._path.with_suffix(".tmp")
        try:
            # Providers are registered in whatever order the program gets to them.
            providers = dict(sorted(self.providers.items()))
            notes = {"unfinished": self._unfinished, "retain": self._retain, "providers": providers}
            temporary.write_text(json.dumps(notes), encoding="utf-8")
            temporary.replace(self._path)
        except OSError as error:
            raise EngineError(f"could not write {self._path}: {error.strerror}") from error
