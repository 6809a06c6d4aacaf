"""docker.Secret and docker.ServiceConfig on the Docker API: pieces of data that Swarm hands to tasks.

Every change replaces, as in the real provider; without a name of its own the new one stands beside the old one.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from engine.docker.connect import explained
from engine.docker.labels import label_map, visible
from engine.docker.props import LABELS, Prop
from engine.docker.resource import Handler, Made, Making
from engine.errors import EngineError


def of_swarm(listing: Any, label: str) -> list[dict[str, Any]]:
    """What `listing` (a method of the client) holds with a label; nothing where the daemon manages no Swarm."""
    from docker.errors import APIError

    try:
        found: list[dict[str, Any]] = listing(filters={"label": label})
    except APIError as error:
        if "not a swarm manager" in str(error):
            return []
        raise
    return found


class _SwarmObject(Handler):
    """What both kinds have in common; `word` is the kind in messages, and in the names of the client's methods."""

    props: Mapping[str, Prop] = {"name": Prop(), "labels": LABELS, "data": Prop()}

    def _method(self, verb: str) -> Any:
        return getattr(self._client, f"{verb}_{self.word}")

    def remove(self, identifier: str) -> None:
        self._method("remove")(identifier)

    def outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return visible(inputs)

    def listed(self, label: str) -> Iterable[Mapping[str, Any]]:
        return of_swarm(getattr(self._client, f"{self.word}s"), label)

    def create(self, inputs: dict[str, Any], making: Making) -> Made:
        making.make_room()
        name = str(inputs["name"])
        try:
            data = base64.b64decode(str(inputs.get("data", "")), validate=True)
        except binascii.Error as error:
            raise EngineError(f"{self.word} '{name}': `data` is not Base64") from error
        with explained(f"creating {self.word} '{name}'"):
            made = self._method("create")(name, data, labels={**label_map(inputs), **making.marks})
        return Made(str(made["ID"]), visible(inputs))


class SecretHandler(_SwarmObject):
    """Creates, reads and removes Swarm secrets."""

    type = "docker:index/secret:Secret"
    word = "secret"


class ServiceConfigHandler(_SwarmObject):
    """Creates, reads and removes Swarm configs."""

    type = "docker:index/serviceConfig:ServiceConfig"
    word = "config"
