"""docker.Network on the Docker API. Every change replaces, as in the real provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.providers import common
from engine.providers.docker_client import explained, is_missing
from engine.resources import Drift, Existing, Made, Progress, Prop

if TYPE_CHECKING:
    from docker.api import APIClient


class NetworkHandler:
    """Creates, reads and removes networks."""

    type = "docker:index/network:Network"
    props: Mapping[str, Prop] = {
        "name": Prop(),
        "labels": common.LABELS,
        "driver": Prop(),
        "options": Prop(),
        "attachable": Prop(),
        "internal": Prop(),
        "ipv6": Prop(),
        "ipamDriver": Prop(),
        "ipamOptions": Prop(),
        "ipamConfigs": Prop(
            fields=frozenset({"subnet", "gateway", "ipRange", "auxAddress"}), identity=common.by_key("subnet")
        ),
    }

    def __init__(self, client: APIClient) -> None:
        self._client = client

    def check(self, name: str, inputs: dict[str, Any], existing: Existing | None, preview: bool) -> dict[str, Any]:
        return common.named(name, inputs, existing)

    def list(self, label: str) -> list[Existing]:
        with explained("listing Docker's networks"):
            found = self._client.networks(filters={"label": [label]})
        return common.existing_of(
            self.type, ((item["Id"], item["Name"], item.get("Created", ""), item.get("Labels"), item) for item in found)
        )

    def applied(self, existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return dict(existing.applied.inputs)

    def storable(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in inputs.items() if key in self.props}

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        return []

    def delete_first(self, inputs: Mapping[str, Any]) -> bool:
        return common.AUTONAME not in inputs

    def preview(self, existing: Existing | None, inputs: dict[str, Any], changed: bool) -> Made:
        if existing is None or changed:
            return Made("", common.visible(inputs))
        return Made(existing.id, self._outputs(existing.raw, inputs))

    def create(self, inputs: dict[str, Any], labels: dict[str, str], progress: Progress) -> Made:
        name = str(inputs["name"])
        body: dict[str, Any] = {
            "Name": name,
            "CheckDuplicate": True,
            "Driver": inputs.get("driver") or "bridge",
            "Options": inputs.get("options"),
            "Attachable": bool(inputs.get("attachable")),
            "Internal": bool(inputs.get("internal")),
            "EnableIPv6": bool(inputs.get("ipv6")),
            "Labels": {**common.label_map(inputs), **labels},
        }
        if inputs.get("ipamConfigs") or inputs.get("ipamDriver") or inputs.get("ipamOptions"):
            body["IPAM"] = {
                "Driver": inputs.get("ipamDriver") or "default",
                "Options": inputs.get("ipamOptions"),
                "Config": [
                    {
                        "Subnet": item.get("subnet", ""),
                        "Gateway": item.get("gateway", ""),
                        "IPRange": item.get("ipRange", ""),
                        "AuxiliaryAddresses": item.get("auxAddress") or {},
                    }
                    for item in inputs.get("ipamConfigs") or []
                ],
            }
        with explained(f"creating network '{name}'"):
            response = self._client._post_json(self._client._url("/networks/create"), data=body)
            identifier = self._client._result(response, json=True)["Id"]
            raw = self._client.inspect_network(identifier)
        return Made(identifier, self._outputs(raw, inputs))

    def update(self, existing: Existing, inputs: dict[str, Any], labels: dict[str, str], progress: Progress) -> Made:
        raise EngineError(f"network '{existing.docker_name}' cannot be changed in place")

    def settle(self, made: Made, inputs: Mapping[str, Any], progress: Progress) -> None:
        return

    def delete(self, existing: Existing, inputs: Mapping[str, Any]) -> None:
        try:
            with explained(f"removing network '{existing.docker_name}'"):
                self._client.remove_network(existing.id)
        except EngineError as error:
            if not is_missing(error):
                raise

    def _outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **common.visible(inputs),
            "driver": raw.get("Driver"),
            "internal": raw.get("Internal"),
            "options": raw.get("Options") or {},
            "scope": raw.get("Scope"),
            "ipamConfigs": [
                {
                    "subnet": item.get("Subnet", ""),
                    "gateway": item.get("Gateway", ""),
                    "ipRange": item.get("IPRange", ""),
                    "auxAddress": item.get("AuxiliaryAddresses") or {},
                }
                for item in (raw.get("IPAM") or {}).get("Config") or []
            ],
        }
