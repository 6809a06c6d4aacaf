"""How containers hang on networks, and putting that right."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.docker.connect import Client, explained
from engine.docker.resource import Drift, Existing
from engine.values.compare import Change
from engine.values.wire import has_unknown


class Attachments:
    """Connects containers to networks; finds and mends what was changed by hand."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._networks: dict[str, str] | None = None

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        changes = [Change(("networksAdvanced",))]
        return [Drift(changes, note, replace) for _, _, note, replace in self._wrong(existing, inputs)]

    def _wrong(
        self, existing: Existing, inputs: Mapping[str, Any]
    ) -> Iterator[tuple[Mapping[str, Any], Any, str, bool]]:
        """Each declared network that it hangs on otherwise: how it does, what is wrong, whether a new one is needed."""
        attached = (existing.raw.get("NetworkSettings") or {}).get("Networks") or {}
        for network in inputs.get("networksAdvanced") or []:
            if has_unknown(network):
                continue
            name, address = network["name"], network.get("ipv4Address")
            held = attached.get(name) or next((item for item in attached.values() if item["NetworkID"] == name), None)
            current = self._ids().get(name)
            if not held:
                yield network, held, f"not connected to network {name}", False
            elif not current:
                yield network, held, f"its network {name} is gone", True
            elif held.get("NetworkID") not in ("", current):
                yield network, held, f"its network {name} was made anew", True
            elif address and address != (held.get("IPAMConfig") or {}).get("IPv4Address"):
                yield network, held, f"has another address on network {name}", False

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
        for network, held, _, _ in self._wrong(existing, inputs):
            if held:
                self._client.disconnect_container_from_network(existing.id, network["name"], force=True)
            self._connect(existing.id, network)
