"""docker.Volume on the Docker API. Every change replaces, as in the real provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import EngineError
from engine.providers import common
from engine.providers.docker_client import explained
from engine.providers.replaced import ReplacedHandler
from engine.resources import Existing, Made, Progress, Prop


class VolumeHandler(ReplacedHandler):
    """Creates, reads and removes volumes."""

    type = "docker:index/volume:Volume"
    word = "volume"
    props: Mapping[str, Prop] = {
        "name": Prop(),
        "labels": common.LABELS,
        "driver": Prop(),
        "driverOpts": Prop(),
    }

    def held(self, label: str) -> list[Existing]:
        with explained("listing Docker's volumes"):
            found = self._client.volumes(filters={"label": label}).get("Volumes") or []
        return common.existing_of(
            self.type,
            ((item["Name"], item["Name"], item.get("CreatedAt", ""), item.get("Labels"), item) for item in found),
        )

    def create(self, inputs: dict[str, Any], labels: dict[str, str], progress: Progress) -> Made:
        name = str(inputs["name"])
        with explained(f"creating volume '{name}'"):
            self._refuse_foreign(name)
            raw = self._client.create_volume(
                name=name,
                driver=inputs.get("driver"),
                driver_opts=inputs.get("driverOpts"),
                labels={**common.label_map(inputs), **labels},
            )
        return Made(name, self._outputs(raw, inputs))

    def _refuse_foreign(self, name: str) -> None:
        """Docker answers "created" for a volume that is there already; taking over someone's data is not wanted."""
        from docker.errors import NotFound

        try:
            raw = self._client.inspect_volume(name)
        except NotFound:
            return
        raise EngineError(
            f"creating volume '{name}': a volume of this name is there that this stack does not manage (made "
            f"{raw.get('CreatedAt', 'at an unknown time')}).\n"
            f"    Remove it (`docker volume rm {name}`) or choose another name."
        )

    def _remove(self, identifier: str) -> None:
        self._client.remove_volume(identifier)

    def _outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**common.visible(inputs), "driver": raw.get("Driver"), "mountpoint": raw.get("Mountpoint")}
