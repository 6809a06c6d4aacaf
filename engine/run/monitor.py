"""What the SDK talks to, in process: it takes the place of the stubs that would call Pulumi's engine.

It is a subclass of the SDK's stub because the SDK serves hooks only to one; nothing of the stub's own is used.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, resource_pb2, resource_pb2_grpc

from engine.errors import NotDone
from engine.run import hooks
from engine.run.carry_out import Run
from engine.run.declared import Declared
from engine.run.steps import Diagnostic
from engine.values.urns import STACK_TYPE, urn_type
from engine.values.wire import from_wire, to_wire

FEATURES = (resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS, resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS)
"""What the SDK may use; for anything else it says itself, by name, that the engine does not support it."""


class EmbeddedMonitor(resource_pb2_grpc.ResourceMonitorStub):
    """Answers the SDK's calls from a run: those to the resource monitor, and those to the engine."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: N802 (the protocol's names)
        return resource_pb2.DeploymentInfo(supportedFeatures=list(FEATURES))

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        with self._run.rejecting():
            declared = Declared(request, self._run.context.project, self._run.context.stack)
        made = self._run.register(declared)
        return resource_pb2.RegisterResourceResponse(
            urn=declared.urn, id=made.id, object=to_wire(made.outputs), result=resource_pb2.Result.SUCCESS
        )

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if urn_type(request.urn) == STACK_TYPE:
            self._run.outputs = from_wire(request.outputs)
        return empty_pb2.Empty()

    def RegisterResourceHook(self, request: Any) -> Any:  # noqa: N802
        with self._run.rejecting():
            hooks.register(self._run.hooks, request)
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, request: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def Log(self, request: Any) -> Any:  # noqa: N802
        if request.severity != engine_pb2.DEBUG and not request.ephemeral:
            severity = {engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error"}.get(request.severity, "info")
            self._run.context.listener.said(Diagnostic(severity, request.message, request.urn))  # type: ignore[arg-type]
        return empty_pb2.Empty()


def _refused(what: str) -> Callable[[EmbeddedMonitor, Any], Any]:
    def refuse(self: EmbeddedMonitor, request: Any) -> Any:
        with self._run.rejecting():
            raise NotDone(what.format(request))

    return refuse


for _call, _what in {
    "Invoke": "function '{0.tok}'",
    "Call": "method '{0.tok}'",
    "ReadResource": "reading an existing {0.type} (`.get()`)",
    "ExistsResource": "asking whether a resource exists",
    "SupportsFeature": "asking for one feature",
    "RegisterPackage": "parameterized package '{0.name}'",
    "RegisterStackTransform": "a stack transform",
    "RegisterStackInvokeTransform": "an invoke transform",
    "RegisterErrorHook": "an error hook",
    "RequirePulumiVersion": "asking for a version of Pulumi (but for `requiredPulumiVersion` in Pulumi.yaml)",
    "GetRootResource": "asking the engine for the root resource",
    "SetRootResource": "telling the engine the root resource",
    "StartDebugging": "debugging a program",
}.items():
    setattr(EmbeddedMonitor, _call, _refused(_what))
