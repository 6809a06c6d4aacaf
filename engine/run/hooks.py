"""The program's after_create and after_update hooks: the SDK serves them over gRPC, the engine calls them by token.

What a resource was before an update they are not told: of secrets only hashes are left of that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.errors import EngineError, StepFailed
from engine.run.declared import Declared, refuse_others
from engine.values.wire import to_wire

HOOK_DONE = frozenset({"name", "callback"})
"""The fields of a RegisterResourceHookRequest that this engine does."""


class Hooks:
    """The registered hooks, and the channels to whoever serves them."""

    def __init__(self, over: Callable[[], bool]) -> None:
        """`over` says whether the run has failed elsewhere."""
        self._over = over
        self._hooks: dict[str, Any] = {}
        """By name: who serves it (`target`), and what it is called by (`token`)."""
        self._channels: dict[str, Any] = {}
        self._lock = threading.Lock()

    def register(self, request: Any) -> None:
        """Takes in a hook; EngineError naming an option that is not implemented."""
        refuse_others(request, HOOK_DONE, f"resource hook '{request.name}'")
        with self._lock:
            if request.name in self._hooks:
                raise EngineError(f"resource hook already registered for name '{request.name}'")
            self._hooks[request.name] = request.callback

    def run(
        self,
        names: Iterable[str],
        declared: Declared,
        identifier: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
    ) -> None:
        """Runs these hooks of a made or changed resource one after the other; EngineError when one fails."""
        for name in names:
            if name not in self._hooks:
                raise EngineError(f'hook "{name}" was not registered')
            error = self._call(self._hooks[name], declared, identifier, inputs, outputs)
            if error and self._over():  # the program is being taken down because of another step: no news
                raise StepFailed("an earlier step failed")
            if error:
                raise EngineError(f'after hook "{name}" failed: {error}')

    def _call(
        self,
        hook: Any,
        declared: Declared,
        identifier: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
    ) -> str:
        """Runs a hook to its end; its error message, empty when it succeeded."""
        import grpc
        from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

        request = resource_pb2.ResourceHookRequest(
            urn=declared.urn,
            id=identifier,
            name=declared.name,
            type=declared.type,
            new_inputs=to_wire(inputs),
            new_outputs=to_wire(outputs),
        )
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
        """Ends the channels, before the SDK stops serving."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()
