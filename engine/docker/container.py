"""docker.Container on the Docker API, with the real provider's rules for what replaces and what changes in place.

Beyond the real provider: Docker's own state is always looked at. A container that was stopped though it must run, was
cut off its network or had its limits changed by hand is put right by a plain `up`. One is made under a name that says
so, filled, and gets its own name when nothing is missing: whatever cuts the run off, no half of one is taken for whole.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from engine.docker import container_spec
from engine.docker.connect import Client, explained, unless_gone
from engine.docker.container_spec import PROPS
from engine.docker.labels import LABEL_STACK, visible
from engine.docker.props import Prop
from engine.docker.resource import MAKING, Drift, Existing, Handler, Made, Making
from engine.errors import EngineError, NotDone
from engine.values.compare import Change
from engine.values.wire import has_unknown

REMOVAL_WAIT = 30
"""Seconds to wait for a removal that is under way already."""
LOG_LINES = 15


class ContainerHandler(Handler):
    """Creates, mends and removes containers."""

    type = "docker:index/container:Container"
    word = "container"
    props: Mapping[str, Prop] = PROPS

    def __init__(self, client: Client, logins: Mapping[str, Any]) -> None:
        super().__init__(client)
        self._logins = logins

    def listed(self, label: str) -> Iterable[Mapping[str, Any]]:
        found = self._client.containers(all=True, filters={"label": label})
        with ThreadPoolExecutor(8) as pool:
            return [raw for raw in pool.map(self._inspect, (item["Id"] for item in found)) if raw]

    def _inspect(self, name: str) -> Mapping[str, Any] | None:
        """None: it is not there, or was removed since it was listed."""
        result: Mapping[str, Any] | None = None
        with unless_gone(f"looking at container '{name}'"):
            result = self._client.inspect_container(name)
        return result  # noqa: RET504 (None where the block has ended early)

    def applied(self, existing: Existing, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs in force: the label's, but Docker's own word for what changes in place: labels cannot follow."""
        recorded = existing.applied.inputs
        old = {key: value for key, value in recorded.items() if key in PROPS and PROPS[key].effect != "live"}
        actual = container_spec.live_inputs(existing.raw.get("HostConfig") or {})

        def counts(key: str, value: Any) -> bool:
            return key in inputs or (value not in (0, "", "no", -1) and (key in recorded or key == "restart"))

        old.update({key: value for key, value in actual.items() if counts(key, value)})
        return old

    def replaces(self, change: Change, inputs: Mapping[str, Any]) -> bool:
        # Docker takes an empty limit in an update for "leave as it is": lifting one takes a new container.
        return super().replaces(change, inputs) or (
            change.key in ("memory", "memorySwap") and not inputs.get(change.key)
        )

    def drift(self, existing: Existing, inputs: Mapping[str, Any]) -> list[Drift]:
        state = existing.raw.get("State") or {}
        found = []
        if inputs.get("start", True):
            status = state.get("Status")
            if status in ("created", "removing", "dead"):
                note = "was created but never started" if status == "created" else f"is {status}"
                return [Drift([Change(("start",))], note, replace=True)]
            if inputs.get("mustRun", True) and (status == "exited" or state.get("Paused")):
                found.append(Drift([Change(("mustRun",))], "stopped" if status == "exited" else "paused"))
        changes = [Change(("networksAdvanced",))]
        return found + [Drift(changes, note, anew) for _, _, note, anew in self._wrong_networks(existing, inputs)]

    def _wrong_networks(
        self, existing: Existing, inputs: Mapping[str, Any]
    ) -> Iterator[tuple[Mapping[str, Any], Any, str, bool]]:
        """Each declared network that it hangs on otherwise: how it does, what is wrong, whether a new one is needed."""
        attached = (existing.raw.get("NetworkSettings") or {}).get("Networks") or {}
        declared = [network for network in inputs.get("networksAdvanced") or [] if not has_unknown(network)]
        with explained("listing Docker's networks"):
            there = self._client.networks() if declared else []
        ids = {item[key]: item["Id"] for item in there for key in ("Name", "Id")}
        for network in declared:
            name, address = network["name"], network.get("ipv4Address")
            held = attached.get(name) or next((item for item in attached.values() if item["NetworkID"] == name), None)
            if not held:
                yield network, held, f"not connected to network {name}", False
            elif name not in ids:
                yield network, held, f"its network {name} is gone", True
            elif held.get("NetworkID") not in ("", ids[name]):
                yield network, held, f"its network {name} was made anew", True
            elif address and address != (held.get("IPAMConfig") or {}).get("IPv4Address"):
                yield network, held, f"has another address on network {name}", False

    def _connect(self, identifier: str, network: Mapping[str, Any]) -> None:
        self._client.connect_container_to_network(identifier, network["name"], network.get("ipv4Address"))

    def preflight(self, inputs: Mapping[str, Any], existing: Existing | None, stack_label: str) -> None:
        name = inputs.get("name")
        if inputs.get("networkMode") and inputs.get("networksAdvanced"):
            raise NotDone(f"container '{name}': networks beside a `network_mode`")
        if existing is not None or not isinstance(name, str):
            return
        raw = self._inspect(name)
        if raw and (raw["Config"].get("Labels") or {}).get(LABEL_STACK) != stack_label:
            raise EngineError(
                f"creating container '{name}': a container named '{name}' is there that this stack does not manage: "
                "remove or rename it."
            )

    def delete_first(self, inputs: Mapping[str, Any]) -> bool:
        return True  # as in the real provider: names, ports and addresses are taken by the old one

    def create(self, inputs: dict[str, Any], making: Making) -> Made:
        name = str(inputs["name"])
        self._pull_if_missing(str(inputs["image"]), making)
        with explained(f"creating container '{name}'"):
            body = container_spec.create_body(inputs, making.marks)
            for_now = f"{name}{MAKING}{secrets.token_hex(4)}"
            created: dict[str, Any] = self._client.create_container_from_config(body, for_now)  # type: ignore[no-untyped-call]
            identifier = str(created["Id"])
        try:
            with explained(f"creating container '{name}'"):
                for network in (inputs.get("networksAdvanced") or [])[1:]:
                    self._connect(identifier, network)
                uploads = inputs.get("uploads") or []
                if uploads:
                    self._client.put_archive(identifier, "/", container_spec.upload_archive(uploads))
            making.make_room()
            with explained(f"creating container '{name}'"):
                self._client.rename(identifier, name)
            if inputs.get("start", True):
                with explained(f"starting container '{name}'"):
                    self._client.start(identifier)
        except BaseException:
            # Where that fails, the next `up` knows it by its name, or as created but never started.
            with suppress(EngineError), explained("removing a half-made container"):
                self.remove(identifier)
            raise
        return self._made(identifier, inputs)

    def _pull_if_missing(self, image: str, making: Making) -> None:
        from docker.errors import ImageNotFound

        with explained(f"looking for image '{image}'"):
            try:
                self._client.inspect_image(image)  # type: ignore[no-untyped-call]
                return
            except ImageNotFound:
                if image.startswith("sha256:"):
                    raise EngineError(f"image {image[:19]} is gone from Docker: run `up` again to build it") from None
        with explained(f"pulling image '{image}'"):
            login = self._logins.get(image.partition("/")[0])
            for message in self._client.pull(image, stream=True, decode=True, auth_config=login):
                making.check()
                if message.get("error"):
                    raise EngineError(f"pulling image '{image}': {message['error']}")
                if message.get("status"):
                    making.say(f"{image}: {message['status']}")

    def _made(self, identifier: str, inputs: Mapping[str, Any]) -> Made:
        """EngineError when it does not run though it must."""
        with explained(f"looking at container '{inputs['name']}'"):
            raw = self._client.inspect_container(identifier)
        state, must_run = raw["State"], inputs.get("start", True) and inputs.get("mustRun", True)
        if must_run and state["Status"] in ("exited", "dead"):
            logs = self._last_logs(identifier)
            raise EngineError(f"container '{inputs['name']}' stopped with exit code {state['ExitCode']}{logs}")
        return Made(identifier, self.outputs(raw, inputs))

    def update(self, existing: Existing, inputs: dict[str, Any], making: Making) -> Made:
        name = existing.docker_name
        before = container_spec.live_inputs(existing.raw.get("HostConfig") or {})
        state = existing.raw.get("State") or {}
        with explained(f"updating container '{name}'"):
            if any(inputs.get(key, before[key]) != before[key] for key in before) or "restart" not in inputs:
                wanted = container_spec.live_config(inputs)
                memory = wanted.get("Memory")
                # Docker itself takes twice the memory as swap at creation, and refuses memory above the swap it has.
                swap = wanted.get("MemorySwap") or (2 * memory if memory else None)
                self._client.update_container(
                    existing.id, restart_policy=wanted["RestartPolicy"], mem_limit=memory, memswap_limit=swap
                )
            for network, held, _, _ in self._wrong_networks(existing, inputs):
                if held:
                    self._client.disconnect_container_from_network(existing.id, network["name"], force=True)
                self._connect(existing.id, network)
            if state.get("Paused"):
                self._client.unpause(existing.id)
        if inputs.get("start", True) and inputs.get("mustRun", True) and not state.get("Running"):
            with explained(f"starting container '{name}'"):
                self._client.start(existing.id)
        return self._made(existing.id, inputs)

    def _last_logs(self, identifier: str) -> str:
        """The container's last log lines, indented, for an error message."""
        try:
            with explained("reading logs"):
                text = self._client.logs(identifier, tail=LOG_LINES).decode(errors="replace").rstrip()
        except EngineError:
            return ""
        return "; its last log lines:\n" + "\n".join(f"      {line}" for line in text.splitlines()) if text else ""

    def delete(self, existing: Existing, inputs: Mapping[str, Any]) -> None:
        """Stops (at most `destroy_grace_seconds`, at once when unset) and removes the container."""
        grace = int(inputs.get("destroyGraceSeconds") or 0)
        try:
            with unless_gone(f"removing container '{existing.docker_name}'"):
                if (existing.raw.get("State") or {}).get("Status") in ("running", "restarting", "paused"):
                    self._client.stop(existing.id, timeout=grace)
                self.remove(existing.id)
        except EngineError as error:
            if "is already in progress" not in str(error):
                raise
            deadline = time.monotonic() + REMOVAL_WAIT
            while self._inspect(existing.id) and time.monotonic() < deadline:
                time.sleep(0.25)

    def remove(self, identifier: str) -> None:
        self._client.remove_container(identifier, v=True, force=True)

    def prune(self, label: str) -> None:
        """Removes what Docker has gone on making for a run that was killed just then."""
        with explained("removing half-made containers"):
            for item in self._client.containers(all=True, filters={"label": label, "name": MAKING}):
                self.remove(item["Id"])

    def outputs(self, raw: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **visible(inputs),
            "hostname": raw["Config"].get("Hostname", ""),
            "exitCode": (raw.get("State") or {}).get("ExitCode", 0),
        }
