"""Calls back into the program: the SDK serves its hooks over gRPC, the engine calls them by token."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError
from engine.values import to_wire

HOOK_KINDS = ("before_create", "after_create", "before_update", "after_update", "before_delete", "after_delete")


@dataclass(frozen=True)
class Hook:
    """A hook as the program registered it."""

    name: str
    target: str
    token: str
    on_dry_run: bool
    ignore_errors: bool


@dataclass(frozen=True)
class HookCall:
    """What a hook is told about the step."""

    urn: str
    id: str
    name: str
    type: str
    new_inputs: Mapping[str, Any] | None = None
    old_inputs: Mapping[str, Any] | None = None
    new_outputs: Mapping[str, Any] | None = None
    old_outputs: Mapping[str, Any] | None = None


class Callbacks:
    """The registered hooks, and the channels to whoever serves them."""

    def __init__(self) -> None:
        self._hooks: dict[str, Hook] = {}
        self._channels: dict[str, Any] = {}
        self._lock = threading.Lock()

    def register(self, request: Any) -> None:
        with self._lock:
            if request.name in self._hooks:
                raise EngineError(f"resource hook already registered for name '{request.name}'")
            self._hooks[request.name] = Hook(
                request.name,
                request.callback.target,
                request.callback.token,
                request.on_dry_run,
                request.ignore_errors,
            )

    def hook(self, name: str) -> Hook:
        if name not in self._hooks:
            raise EngineError(f'hook "{name}" was not registered')
        return self._hooks[name]

    def run(self, hook: Hook, call: HookCall) -> str:
        """Runs a hook to its end; its error message, empty when it succeeded."""
        import grpc
        from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

        given = {
            key: to_wire(value)
            for key in ("new_inputs", "old_inputs", "new_outputs", "old_outputs")
            if (value := getattr(call, key)) is not None
        }
        request = resource_pb2.ResourceHookRequest(urn=call.urn, id=call.id, name=call.name, type=call.type, **given)
        with self._lock:
            if hook.target not in self._channels:
                self._channels[hook.target] = grpc.insecure_channel(hook.target)
            stub = callback_pb2_grpc.CallbacksStub(self._channels[hook.target])
        try:
            answer = stub.Invoke(
                callback_pb2.CallbackInvokeRequest(token=hook.token, request=request.SerializeToString())
            )
        except grpc.RpcError as error:
            return str(error.details() if hasattr(error, "details") else error)
        return str(resource_pb2.ResourceHookResponse.FromString(answer.response).error)

    def close(self) -> None:
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()
