"""docker.Network on the Docker API. Every change replaces, as in the real provider."""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from engine.docker.connect import explained
from engine.docker.labels import LABEL_STACK, label_map, visible
from engine.docker.props import LABELS, Prop, keys
from engine.docker.resource import Existing, Handler, Made, Making
from engine.errors import EngineError


class NetworkHandler(Handler):
    """Creates, reads and removes networks."""

    type = "docker:index/network:Network"
    word = "network"
    props: Mapping[str, Prop] = {
        "name": Prop(),
        "labels": LABELS,
        "driver": Prop(),
        "ipamConfigs": Prop(fields=keys("subnet", "gateway", "ipRange"), any_order=True),
    }

    def listed(self, label: str) -> Iterable[Mapping[str, Any]]:
        found: list[dict[str, Any]] = self._client.networks(filters={"label": [label]})
        return found

    def preflight(self, inputs: Mapping[str, Any], existing: Existing | None, stack_label: str) -> None:
        """Refuses a subnet that another network holds: found out only by the create, the old network would be gone."""
        wanted = [item["subnet"] for item in inputs.get("ipamConfigs") or [] if isinstance(item.get("subnet"), str)]
        if not wanted:
            return
        with explained("listing Docker's networks"):
            others = self._client.networks()
        for other in others:
            if (other.get("Labels") or {}).get(LABEL_STACK) == stack_label:
                continue
            for held in (other.get("IPAM") or {}).get("Config") or []:
                for subnet in wanted:
                    if _overlap(subnet, str(held.get("Subnet", ""))):
                        raise EngineError(
                            f"network '{inputs.get('name')}': its subnet {subnet} overlaps with {held['Subnet']} of "
                            f"the Docker network '{other['Name']}': remove that network, or choose another subnet."
                        )

    def create(self, inputs: dict[str, Any], making: Making) -> Made:
        making.make_room()
        name = str(inputs["name"])
        with explained(f"creating network '{name}'"):
            identifier = str(
                self._client.create_network(
                    name,
                    driver=inputs.get("driver") or "bridge",
                    ipam=_ipam(inputs),
                    check_duplicate=True,
                    labels={**label_map(inputs), **making.marks},
                )["Id"]
            )
            raw = self._client.inspect_network(identifier)
        return Made(identifier, self.outputs(raw, inputs))

    def remove(self, identifier: str) -> None:
        self._client.remove_network(identifier)

    def outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **visible(inputs),
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


def _ipam(inputs: Mapping[str, Any]) -> Any:
    """Docker's IPAM of the inputs; None: the daemon chooses."""
    from docker.types import IPAMConfig, IPAMPool

    if not inputs.get("ipamConfigs"):
        return None
    pools = [IPAMPool(item.get("subnet"), item.get("ipRange"), item.get("gateway")) for item in inputs["ipamConfigs"]]
    return IPAMConfig(pool_configs=pools)


def _overlap(one: str, other: str) -> bool:
    try:
        first, second = ipaddress.ip_network(one, strict=False), ipaddress.ip_network(other, strict=False)
    except ValueError:
        return False
    return first.version == second.version and first.overlaps(second)
