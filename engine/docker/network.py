"""docker.Network on the Docker API. Every change replaces, as in the real provider."""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from engine.docker.connect import explained
from engine.docker.labels import LABEL_STACK, label_map, visible
from engine.docker.props import LABELS, Prop, told
from engine.docker.resource import Existing, Handler, Made, Making
from engine.errors import EngineError

_POOL = {"subnet": Prop("Subnet"), "gateway": Prop("Gateway"), "ipRange": Prop("IPRange")}


class NetworkHandler(Handler):
    """Creates, reads and removes networks."""

    type = "docker:index/network:Network"
    word = "network"
    props: Mapping[str, Prop] = {
        "name": Prop(),
        "labels": LABELS,
        "driver": Prop(),
        "ipamConfigs": Prop(fields=_POOL, any_order=True),
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
        from docker.types import IPAMConfig

        making.make_room()
        name = str(inputs["name"])
        pools = told(_POOL, inputs.get("ipamConfigs") or [])
        with explained(f"creating network '{name}'"):
            made = self._client.create_network(
                name,
                driver=inputs.get("driver") or "bridge",
                ipam=IPAMConfig(pool_configs=pools) if pools else None,  # None: the daemon chooses
                check_duplicate=True,
                labels={**label_map(inputs), **making.marks},
            )
            raw = self._client.inspect_network(made["Id"])
        return Made(str(made["Id"]), self.outputs(raw, inputs))

    def outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **visible(inputs),
            "driver": raw.get("Driver"),
            "internal": raw.get("Internal"),
            "options": raw.get("Options") or {},
            "scope": raw.get("Scope"),
            "ipamConfigs": [
                {key: pool.get(to.name, "") for key, to in _POOL.items()}
                | {"auxAddress": pool.get("AuxiliaryAddresses") or {}}
                for pool in (raw.get("IPAM") or {}).get("Config") or []
            ],
        }


def _overlap(one: str, other: str) -> bool:
    try:
        first, second = ipaddress.ip_network(one, strict=False), ipaddress.ip_network(other, strict=False)
    except ValueError:
        return False
    return first.version == second.version and first.overlaps(second)
