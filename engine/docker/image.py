"""docker.Image: built by the daemon's own builder when the content of its context (or an argument) has changed.

As in the real provider `repo_digest` is the image id unless the image is pushed, then `name@sha256:...`. Unlike there
an unchanged image keeps being known without any state: the hash of its context is a label on the image itself.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.docker.connect import explained
from engine.docker.image_context import BuildContext
from engine.docker.labels import LABEL_URN, visible
from engine.docker.props import Prop, keys
from engine.docker.resource import Drift, Existing, Handler, Made, Making
from engine.errors import EngineError, NotDone
from engine.values.compare import Change
from engine.values.wire import has_unknown

OUTPUT_LINES = 12
"""Last lines of a failed build that its message shows."""


class ImageHandler(Handler):
    """Builds, pushes and removes images."""

    type = "docker:index/image:Image"
    word = "image"
    props: Mapping[str, Prop] = {
        "imageName": Prop(effect="live"),
        "build": Prop(fields=keys("context", "dockerfile", "args"), effect="live"),
        "skipPush": Prop(effect="live"),
        "buildOnPreview": Prop(effect="engine"),  # the SDK says False where it is not set
        "registry": Prop(fields=keys("server", "username", "password"), effect="live"),
    }

    def check(self, name: str, inputs: dict[str, Any], existing: Existing | None) -> dict[str, Any]:
        if inputs.get("buildOnPreview"):
            raise NotDone(f"image '{name}': property 'buildOnPreview'")
        if not isinstance(inputs.get("build") or {}, Mapping):
            raise EngineError(f"image '{name}': `build` as a whole is a secret or not known yet")
        build = dict(inputs.get("build") or {})
        if not has_unknown(build.get("context")) and not has_unknown(build.get("dockerfile")):
            build.setdefault("context", ".")
            build["contextDigest"] = BuildContext(build).digest()
        return {**inputs, "build": build}

    def storable(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Everything but the registry's credentials: labels travel with a pushed image."""
        kept = {key: value for key, value in inputs.items() if key in self.props}
        if isinstance(kept.get("registry"), Mapping):
            kept["registry"] = {key: value for key, value in kept["registry"].items() if key == "server"}
        return kept

    def held(self, label: str) -> list[Existing]:
        """The stack's images that carry the name they were built for; others are left-overs or derived images."""
        found = super().held(label)
        return [one for one in found if _full(one.applied.inputs["imageName"]) in (one.raw.get("RepoTags") or ())]

    def pulled_digest(self, urn: str, name: str) -> str | None:
        """`name@sha256:...` of the newest copy here of an image that another daemon has built as `urn` and pushed."""
        copies = sorted(super().held(f"{LABEL_URN}={urn}"), key=lambda item: item.created, reverse=True)
        return next((digest for item in copies if (digest := self._pushed_digest(item.raw, name))), None)

    def listed(self, label: str) -> Iterable[Mapping[str, Any]]:
        found: list[dict[str, Any]] = self._client.images(filters={"label": [label]})
        return found

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        if not inputs.get("skipPush") and self._pushed_digest(existing.raw, str(inputs["imageName"])) is None:
            return [Drift([Change(("repoDigest",))], "not pushed yet")]
        return []

    def delete_first(self, inputs: Mapping[str, Any]) -> bool:
        return False

    def preview(self, existing: Existing | None, inputs: dict[str, Any], changed: bool) -> Made:
        if existing is not None and not changed:
            return Made(str(inputs["imageName"]), self.outputs(existing.raw, inputs))
        return Made("", visible(inputs))

    def create(self, inputs: dict[str, Any], making: Making) -> Made:
        name = str(inputs["imageName"])
        identifier = self._build(inputs, making)
        if not inputs.get("skipPush"):
            self._push(name, inputs.get("registry") or {}, making)
        with explained(f"reading image '{name}'"):
            raw: dict[str, Any] = self._client.inspect_image(identifier)  # type: ignore[no-untyped-call]
        return Made(name, self.outputs(raw, inputs))

    def update(self, existing: Existing, inputs: dict[str, Any], making: Making) -> Made:
        return self.create(inputs, making)

    def _build(self, inputs: Mapping[str, Any], making: Making) -> str:
        build = inputs["build"]
        name = str(inputs["imageName"])
        context = BuildContext(build)
        lines: list[str] = []
        stages: list[str] = []
        with explained(f"building image '{name}'"):
            messages = self._client.build(
                fileobj=context.archive(),
                custom_context=True,
                dockerfile=context.dockerfile_name,
                tag=name,
                buildargs={key: str(value) for key, value in (build.get("args") or {}).items()},
                labels=making.marks,
                rm=True,
                forcerm=True,
                decode=True,
            )
            for message in messages:
                making.check()
                if "ID" in (message.get("aux") or {}):
                    stages.append(message["aux"]["ID"])
                if "error" in message:
                    raise EngineError(_build_failure(name, str(message["error"]), lines))
                for line in str(message.get("stream") or message.get("status") or "").splitlines():
                    if line.strip() and " : LABEL pulumi.embedded." not in line:
                        lines.append(line.rstrip())
                        if line.startswith("Step "):
                            making.say(line.strip())
        if not stages:
            raise EngineError(f"building image '{name}': no image id found in build output")
        self._forget_stages(stages)
        return stages[-1]

    def _forget_stages(self, stages: list[str]) -> None:
        """Removes the images of a multi-stage build's earlier stages: nothing else ever would."""
        from docker.errors import APIError

        for identifier in {*stages[:-1]} - {stages[-1]}:
            # Another build may just be using it, or the last stage be built on it.
            with contextlib.suppress(APIError):
                self._client.remove_image(identifier)

    def _push(self, name: str, registry: Mapping[str, Any], making: Making) -> None:
        auth = None
        if registry.get("username"):
            auth = {"username": registry["username"], "password": registry.get("password", "")}
        making.say(f"pushing {name}")
        with explained(f"pushing image '{name}'"):
            for message in self._client.push(name, stream=True, decode=True, auth_config=auth):
                making.check()
                if message.get("error"):
                    raise EngineError(
                        f"pushing image '{name}': {message['error']}\n    See the registry's address and credentials."
                    )

    def delete(self, existing: Existing, inputs: Mapping[str, Any]) -> None:
        """Takes the name off and removes the image, unless something else still uses it."""
        from docker.errors import APIError

        with explained(f"removing image '{existing.docker_name}'"):
            try:
                self.remove(_full(existing.applied.inputs["imageName"]))
            except APIError as error:
                if error.status_code not in (404, 409):
                    raise

    def prune(self, label: str) -> None:
        """Removes earlier builds that nothing uses any more, and what is left of one that was cut off.

        Such a half has not all of the labels: the classic builder writes one after the other.
        """
        from docker.errors import APIError

        with explained("removing earlier images"):
            for item in self._client.images(filters={"label": [label], "dangling": True}):
                with contextlib.suppress(APIError):  # in use, or gone
                    self.remove(item["Id"])

    def _pushed_digest(self, raw: Mapping[str, Any], name: str) -> str | None:
        from docker.utils import parse_repository_tag

        repository = parse_repository_tag(name)[0]
        candidates: Iterator[str] = (item for item in raw.get("RepoDigests") or [] if item.split("@")[0] == repository)
        return next(candidates, None)

    def outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        build = inputs["build"]
        name = str(inputs["imageName"])
        return {
            "dockerfile": build.get("dockerfile") or "Dockerfile",
            "context": build["context"],
            "baseImageName": name,
            "imageName": name,
            "registryServer": (inputs.get("registry") or {}).get("server", ""),
            "repoDigest": raw["Id"] if inputs.get("skipPush") else self._pushed_digest(raw, name),
        }


def _build_failure(name: str, error: str, lines: list[str]) -> str:
    step = next((line for line in reversed(lines) if line.startswith("Step ")), None)
    tail = [line for line in lines if not line.startswith((" --->", "Removing intermediate"))][-OUTPUT_LINES:]
    if step and step not in tail:
        tail.insert(0, step)
    detail = "".join(f"\n      {line}" for line in tail)
    return f"building image '{name}': {error}{detail}"


def _full(name: Any) -> str:
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(str(name))
    return f"{repository}:{tag or 'latest'}"
