"""What resource types have in common of which every change replaces, as in the real provider."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.providers import common
from engine.providers.docker_client import explained, is_missing
from engine.resources import Drift, Existing, Made, Progress, Prop

if TYPE_CHECKING:
    from docker.api import APIClient


class ReplacedHandler(ABC):
    """Networks, volumes and the like: what Docker holds of them is what was created, for good."""

    word: str
    """The type in messages."""
    props: Mapping[str, Prop]

    def __init__(self, client: APIClient) -> None:
        self._client = client

    @abstractmethod
    def _remove(self, identifier: str) -> None:
        """Remove it from Docker."""

    @abstractmethod
    def _outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs, of what Docker says of it."""

    def check(self, name: str, inputs: dict[str, Any], existing: Existing | None, preview: bool) -> dict[str, Any]:
        return common.named(name, inputs, existing)

    def applied(self, existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return dict(existing.applied.inputs)

    def storable(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in inputs.items() if key in self.props}

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        return []

    def preflight(self, inputs: Mapping[str, Any], stack_label: str) -> None:
        return

    def delete_first(self, inputs: Mapping[str, Any]) -> bool:
        return common.AUTONAME not in inputs

    def preview(self, existing: Existing | None, inputs: dict[str, Any], changed: bool) -> Made:
        if existing is None or changed:
            return Made("", common.visible(inputs))
        return Made(existing.id, self._outputs(existing.raw, inputs))

    def update(self, existing: Existing, inputs: dict[str, Any], labels: dict[str, str], progress: Progress) -> Made:
        raise EngineError(f"{self.word} '{existing.docker_name}' cannot be changed in place")

    def settle(self, made: Made, inputs: Mapping[str, Any], progress: Progress) -> None:
        return

    def delete(self, existing: Existing, inputs: Mapping[str, Any]) -> None:
        try:
            with explained(f"removing {self.word} '{existing.docker_name}'"):
                self._remove(existing.id)
        except EngineError as error:
            if not is_missing(error):
                raise
