"""The program's after_create and after_update hooks: the SDK serves them over gRPC, the engine calls them by token.

What a resource was before an update they are not told: of secrets only hashes are left of that.
"""

from collections.abc import Mapping
from typing import Any

from engine.docker.resource import Made
from engine.errors import EngineError
from engine.run.declared import Declared, refuse_others
from engine.values.wire import to_wire

HOOK_DONE = frozenset({"name", "callback"})
"""The fields of a RegisterResourceHookRequest that this engine does."""


def register(hooks: dict[str, Any], request: Any) -> None:
    """Takes in a hook, by its name: who serves it (`target`), and what it is called by (`token`)."""
    refuse_others(request, HOOK_DONE, f"resource hook '{request.name}'")
    if hooks.setdefault(request.name, request.callback) != request.callback:
        raise EngineError(f"resource hook already registered for name '{request.name}'")


def call(hook: Any, declared: Declared, inputs: Mapping[str, Any], made: Made) -> str:
    """Runs a hook of a made or changed resource to its end; its error message, empty when it succeeded."""
    import grpc
    from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

    request = resource_pb2.ResourceHookRequest(
        urn=declared.urn,
        id=made.id,
        name=declared.name,
        type=declared.type,
        new_inputs=to_wire(inputs),
        new_outputs=to_wire(made.outputs),
    )
    invoke = callback_pb2.CallbackInvokeRequest(token=hook.token, request=request.SerializeToString())
    try:
        with grpc.insecure_channel(hook.target) as channel:
            answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(invoke)
    except grpc.RpcError as error:
        return str(error.details() if hasattr(error, "details") else error)
    return str(resource_pb2.ResourceHookResponse.FromString(answer.response).error)
