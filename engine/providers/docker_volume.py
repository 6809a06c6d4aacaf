"""docker.Volume on the Docker API. Every change replaces, as in the real provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.providers import common
from engine.providers.docker_client import explained, is_missing
from engine.resources import Drift, Existing, Made, Progress, Prop

if TYPE_CHECKING:
    from docker.api import APIClient


class VolumeHandler:
    """Creates, reads and removes volumes."""

    type = "docker:index/volume:Volume"
    props: Mapping[str, Prop] = {
        "name": Prop(),
        "labels": common.LABELS,
        "driver": Prop(),
        "driverOpts": Prop(),
    }

    def __init__(self, client: APIClient) -> None:
        self._client = client

    def check(self, name: str, inputs: dict[str, Any], existing: Existing | None, preview: bool) -> dict[str, Any]:
        return common.named(name, inputs, existing)

    def held(self, label: str) -> list[Existing]:
        with explained("listing Docker's volumes"):
            found = self._client.volumes(filters={"label": label}).get("Volumes") or []
        return common.existing_of(
            self.type,
            ((item["Name"], item["Name"], item.get("CreatedAt", ""), item.get("Labels"), item) for item in found),
        )

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

    def update(self, existing: Existing, inputs: dict[str, Any], labels: dict[str, str], progress: Progress) -> Made:
        raise EngineError(f"volume '{existing.docker_name}' cannot be changed in place")

    def settle(self, made: Made, inputs: Mapping[str, Any], progress: Progress) -> None:
        return

    def delete(self, existing: Existing, inputs: Mapping[str, Any]) -> None:
        try:
            with explained(f"removing volume '{existing.docker_name}'"):
                self._client.remove_volume(existing.id)
        except EngineError as error:
            if not is_missing(error):
                raise

    def _outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**common.visible(inputs), "driver": raw.get("Driver"), "mountpoint": raw.get("Mountpoint")}
