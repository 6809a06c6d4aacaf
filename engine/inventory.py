"""What Docker holds of a stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from engine.resources import LABEL_STACK, Existing, Handler

if TYPE_CHECKING:
    from docker.api import APIClient


def handlers(client: APIClient, logins: Mapping[str, Any] | None = None) -> dict[str, Handler]:
    """The supported resource types at one daemon; `logins` are those at registries, by address."""
    from engine.providers.docker_container import ContainerHandler
    from engine.providers.docker_image import ImageHandler
    from engine.providers.docker_network import NetworkHandler
    from engine.providers.docker_service import ServiceHandler
    from engine.providers.docker_volume import VolumeHandler
    from engine.providers.swarm_objects import SecretHandler, ServiceConfigHandler

    made: list[Handler] = [
        ImageHandler(client),
        NetworkHandler(client),
        VolumeHandler(client),
        ContainerHandler(client, logins or {}),
        SecretHandler(client),
        ServiceConfigHandler(client),
        ServiceHandler(client),
    ]
    return {handler.type: handler for handler in made}


class Inventory:
    """The stack's resources by URN; `surplus` are older twins that an interrupted replacement left behind."""

    def __init__(self, found: Iterable[Existing] = ()) -> None:
        self.by_urn: dict[str, Existing] = {}
        self.surplus: list[Existing] = []
        self.add(found)

    def add(self, found: Iterable[Existing]) -> None:
        """Takes in what one more daemon holds."""
        for item in sorted(found, key=lambda item: item.created, reverse=True):
            if item.urn in self.by_urn:
                self.surplus.append(item)
            else:
                self.by_urn[item.urn] = item

    def __iter__(self) -> Iterator[Existing]:
        return iter(list(self.by_urn.values()))

    def get(self, urns: Iterable[str]) -> Existing | None:
        return next((self.by_urn[urn] for urn in urns if urn in self.by_urn), None)

    @property
    def ancestors(self) -> set[str]:
        """The URNs of the stack and the components that the resources belong to."""
        return {parent for item in self for parent in item.applied.parents}

    @staticmethod
    def held(by_type: dict[str, Handler], stack_id: str, provider: str) -> list[Existing]:
        """Asks one daemon, all types at once."""
        label = f"{LABEL_STACK}={stack_id}"
        with ThreadPoolExecutor(len(by_type)) as pool:
            found = [
                item for items in pool.map(lambda handler: handler.held(label), by_type.values()) for item in items
            ]
        for item in found:
            item.provider = provider
        return found
