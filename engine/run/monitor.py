"""The resource monitor the SDK talks to, in process: it takes the place of the stub that would call Pulumi's engine.

It is a subclass of the SDK's stub because the SDK serves hooks only to one; nothing of the stub's own is used.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, resource_pb2, resource_pb2_grpc

from engine.errors import EngineError, NotDone
from engine.files.project import check_version
from engine.run.carry_out import Run
from engine.run.declared import Declared
from engine.run.steps import Diagnostic
from engine.values.urns import STACK_TYPE, urn_type
from engine.values.wire import from_wire, to_wire

FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
)
"""What the SDK may use; for anything else it says itself, by name, that the engine does not support it."""


class EmbeddedMonitor(resource_pb2_grpc.ResourceMonitorStub):
    """Answers the SDK's calls from a deployment."""

    def __init__(self, run: Run) -> None:
        self._run = run
        context = run.context
        self._project, self._stack = context.project, context.stack

    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: N802 (the protocol's names)
        return resource_pb2.DeploymentInfo(supportedFeatures=list(FEATURES))

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        try:
            declared = Declared(request, self._project, self._stack)
        except EngineError as error:
            raise self._run.reject(str(error)) from error
        made = self._run.register(declared)
        return resource_pb2.RegisterResourceResponse(
            urn=declared.urn, id=made.id, object=to_wire(made.outputs), result=resource_pb2.Result.SUCCESS
        )

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if urn_type(request.urn) == STACK_TYPE:
            self._run.outputs = from_wire(request.outputs)
        return empty_pb2.Empty()

    def RegisterResourceHook(self, request: Any) -> Any:  # noqa: N802
        try:
            self._run.hooks.register(request)
        except EngineError as error:
            raise self._run.reject(str(error)) from error
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, request: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


class EmbeddedEngine:
    """Takes the program's log messages (`pulumi.log`)."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._listener = run.context.listener

    def Log(self, request: Any) -> Any:  # noqa: N802
        if request.severity == engine_pb2.DEBUG or request.ephemeral:
            return empty_pb2.Empty()
        severity = {engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error"}.get(request.severity, "info")
        self._listener.said(Diagnostic(severity, request.message, request.urn))  # type: ignore[arg-type]
        return empty_pb2.Empty()

    def RequirePulumiVersion(self, request: Any) -> Any:  # noqa: N802
        try:
            check_version(request.pulumi_version_range, "the program")
        except EngineError as error:
            raise self._run.reject(str(error)) from error
        return engine_pb2.RequirePulumiVersionResponse()


def _refused(what: str) -> Callable[[EmbeddedMonitor | EmbeddedEngine, Any], Any]:
    def refuse(self: EmbeddedMonitor | EmbeddedEngine, request: Any) -> Any:
        raise self._run.reject(str(NotDone(what.format(request))))

    return refuse


for _server, _call, _what in (
    (EmbeddedMonitor, "Invoke", "function '{0.tok}'"),
    (EmbeddedMonitor, "Call", "method '{0.tok}'"),
    (EmbeddedMonitor, "ReadResource", "reading an existing {0.type} (`.get()`)"),
    (EmbeddedMonitor, "ExistsResource", "asking whether a resource exists"),
    (EmbeddedMonitor, "SupportsFeature", "asking for one feature"),
    (EmbeddedMonitor, "RegisterPackage", "parameterized package '{0.name}'"),
    (EmbeddedMonitor, "RegisterStackTransform", "a stack transform"),
    (EmbeddedMonitor, "RegisterStackInvokeTransform", "an invoke transform"),
    (EmbeddedMonitor, "RegisterErrorHook", "an error hook"),
    (EmbeddedEngine, "GetRootResource", "asking the engine for the root resource"),
    (EmbeddedEngine, "SetRootResource", "telling the engine the root resource"),
    (EmbeddedEngine, "StartDebugging", "debugging a program"),
):
    setattr(_server, _call, _refused(_what))
