"""docker.Volume on the Docker API. Every change replaces, as in the real provider."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.docker.connect import explained, unless_gone
from engine.docker.labels import label_map, visible
from engine.docker.props import LABELS, Prop
from engine.docker.resource import Existing, Handler, Made, Making
from engine.errors import EngineError


class VolumeHandler(Handler):
    """Creates, reads and removes volumes."""

    type = "docker:index/volume:Volume"
    word = "volume"
    props: Mapping[str, Prop] = {"name": Prop(), "labels": LABELS, "driver": Prop(), "driverOpts": Prop()}

    def listed(self, label: str) -> Iterable[Mapping[str, Any]]:
        return self._client.volumes(filters={"label": label}).get("Volumes") or []

    def preflight(self, inputs: Mapping[str, Any], existing: Existing | None, stack_label: str) -> None:
        """Docker answers "created" for a volume that is there already; taking over someone's data is not wanted."""
        name = inputs.get("name")
        if not isinstance(name, str) or (existing and existing.docker_name == name):
            return
        with unless_gone(f"looking for volume '{name}'"):
            raw = self._client.inspect_volume(name)
            raise EngineError(
                f"creating volume '{name}': a volume of this name is there that this stack does not manage (made "
                f"{raw.get('CreatedAt', 'at an unknown time')}).\n"
                f"    Remove it (`docker volume rm {name}`) or choose another name."
            )

    def create(self, inputs: dict[str, Any], making: Making) -> Made:
        making.make_room()
        name = str(inputs["name"])
        with explained(f"creating volume '{name}'"):
            raw = self._client.create_volume(
                name=name,
                driver=inputs.get("driver"),
                driver_opts=inputs.get("driverOpts"),
                labels={**label_map(inputs), **making.marks},
            )
        return Made(name, self.outputs(raw, inputs))

    def outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**visible(inputs), "driver": raw.get("Driver"), "mountpoint": raw.get("Mountpoint")}
