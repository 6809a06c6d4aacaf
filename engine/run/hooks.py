"""The program's after_create and after_update hooks: the SDK serves them over gRPC, the engine calls them by token.

What a resource was before an update they are not told: of secrets only hashes are left of that.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.docker.resource import Made
from engine.errors import EngineError, StepFailed
from engine.run.declared import Declared, refuse_others
from engine.values.wire import to_wire

HOOK_DONE = frozenset({"name", "callback"})
"""The fields of a RegisterResourceHookRequest that this engine does."""


class Hooks:
    """The registered hooks."""

    def __init__(self, over: Callable[[], bool]) -> None:
        """`over` says whether the run has failed elsewhere."""
        self._over = over
        self._hooks: dict[str, Any] = {}
        """By name: who serves it (`target`), and what it is called by (`token`)."""
        self._lock = threading.Lock()

    def register(self, request: Any) -> None:
        """Takes in a hook; EngineError naming an option that is not implemented."""
        refuse_others(request, HOOK_DONE, f"resource hook '{request.name}'")
        with self._lock:
            if request.name in self._hooks:
                raise EngineError(f"resource hook already registered for name '{request.name}'")
            self._hooks[request.name] = request.callback

    def run(self, names: Iterable[str], declared: Declared, inputs: Mapping[str, Any], made: Made) -> None:
        """Runs these hooks of a made or changed resource one after the other; EngineError when one fails."""
        from pulumi.runtime.proto import resource_pb2

        request = resource_pb2.ResourceHookRequest(
            urn=declared.urn,
            id=made.id,
            name=declared.name,
            type=declared.type,
            new_inputs=to_wire(inputs),
            new_outputs=to_wire(made.outputs),
        )
        for name in names:
            if name not in self._hooks:
                raise EngineError(f'hook "{name}" was not registered')
            error = _call(self._hooks[name], request)
            if error and self._over():  # the program is being taken down because of another step: no news
                raise StepFailed("an earlier step failed")
            if error:
                raise EngineError(f'after hook "{name}" failed: {error}')


def _call(hook: Any, request: Any) -> str:
    """Runs a hook to its end; its error message, empty when it succeeded."""
    import grpc
    from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

    call = callback_pb2.CallbackInvokeRequest(token=hook.token, request=request.SerializeToString())
    try:
        with grpc.insecure_channel(hook.target) as channel:
            answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(call)
    except grpc.RpcError as error:
        return str(error.details() if hasattr(error, "details") else error)
    return str(resource_pb2.ResourceHookResponse.FromString(answer.response).error)
