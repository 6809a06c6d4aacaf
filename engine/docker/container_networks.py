"""How containers hang on networks, and putting that right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.docker.connect import explained
from engine.docker.resource import Drift, Existing
from engine.values.compare import Change
from engine.values.wire import has_unknown

if TYPE_CHECKING:
    from docker.api import APIClient


class Attachments:
    """Connects containers to networks; finds and mends what was changed by hand."""

    def __init__(self, client: APIClient) -> None:
        self._client = client
        self._networks: dict[str, str] | None = None

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        found = []
        attached = (existing.raw.get("NetworkSettings") or {}).get("Networks") or {}
        for index, network in enumerate(inputs.get("networksAdvanced") or []):
            if has_unknown(network):
                continue
            name = network["name"]
            held = attached.get(name) or next((item for item in attached.values() if item["NetworkID"] == name), None)
            path = ("networksAdvanced", index)
            current = self._ids().get(name)
            if held and current and held.get("NetworkID") not in ("", current):
                found.append(Drift([Change(path, "update", name, name)], f"its network {name} was made anew", True))
            elif held and not current:
                found.append(Drift([Change(path, "update", name, name)], f"its network {name} is gone", True))
            elif not held:
                found.append(Drift([Change(path, "add", None, dict(network))], f"not connected to network {name}"))
            else:
                address = (held.get("IPAMConfig") or {}).get("IPv4Address")
                if network.get("ipv4Address") and address != network["ipv4Address"]:
                    change = Change((*path, "ipv4Address"), "update", address, network["ipv4Address"])
                    found.append(Drift([change], f"has another address on network {name}"))
        return found

    def _ids(self) -> dict[str, str]:
        if self._networks is None:
            with explained("listing Docker's networks"):
                networks = self._client.networks()
            self._networks = {item["Name"]: item["Id"] for item in networks}
            self._networks.update({item["Id"]: item["Id"] for item in networks})
        return self._networks

    def forget(self) -> None:
        """Networks have changed: look again."""
        self._networks = None

    def connect_rest(self, identifier: str, inputs: Mapping[str, Any]) -> None:
        networks = list(inputs.get("networksAdvanced") or [])
        if inputs.get("networkMode"):
            if networks and inputs["networkMode"] == "bridge":
                self._client.disconnect_container_from_network(identifier, "bridge")
        else:
            networks = networks[1:]
        for network in networks:
            self._connect(identifier, network)

    def _connect(self, identifier: str, network: Mapping[str, Any]) -> None:
        self._client.connect_container_to_network(identifier, network["name"], network.get("ipv4Address"))

    def mend(self, existing: Existing, inputs: Mapping[str, Any]) -> None:
        for drift in self.drift(existing, inputs):
            network = inputs["networksAdvanced"][drift.changes[0].path[1]]
            if drift.changes[0].kind == "update":
                self._client.disconnect_container_from_network(existing.id, network["name"], force=True)
            self._connect(existing.id, network)
