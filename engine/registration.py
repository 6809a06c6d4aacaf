"""A resource as the program declares it: the SDK's request, checked for what this engine does not do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.callbacks import HOOK_KINDS
from engine.errors import EngineError
from engine.values import from_wire

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPES = "pulumi:providers:"


@dataclass
class Registration:
    """What the program wants of one resource."""

    urn: str
    type: str
    name: str
    custom: bool
    parent: str
    inputs: dict[str, Any]
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    hooks: dict[str, list[str]] = field(default_factory=dict)
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    retain: bool = False
    delete_before_replace: bool | None = None
    aliases: list[str] = field(default_factory=list)
    secret_outputs: list[str] = field(default_factory=list)
    provider: str = ""
    """URN of its explicit provider."""

    @property
    def is_provider(self) -> bool:
        return self.type.startswith(PROVIDER_TYPES)

    @property
    def depends_on(self) -> list[str]:
        """URNs of all that it depends on in any way."""
        inside = (urn for urns in self.property_dependencies.values() for urn in urns)
        return [urn for urn in (*self.dependencies, *inside, self.provider, self.parent) if urn]


def make_urn(project: str, stack: str, parent: str, kind: str, name: str) -> str:
    """Pulumi's URN; the stack itself does not show in its children's types."""
    prefix = ""
    if parent:
        parent_type = parent.split("::")[2]
        if parent_type != STACK_TYPE:
            prefix = parent_type + "$"
    return f"urn:pulumi:{stack}::{project}::{prefix}{kind}::{name}"


def read(request: Any, project: str, stack: str) -> Registration:
    """The registration of a RegisterResourceRequest; EngineError naming the first option that is not implemented."""
    where = f"{request.type} '{request.name}'"
    for option, given in {
        "remote components": request.remote,
        "protect": request.protect,
        "import": bool(request.importId),
        "custom_timeouts": request.HasField("customTimeouts"),
        "deleted_with": bool(request.deletedWith),
        "replace_with": bool(request.replace_with),
        "replacement_trigger": request.HasField("replacement_trigger"),
        "transforms": bool(request.transforms),
        "hide_diffs": bool(request.hideDiffs),
        "env_var_mappings": bool(request.envVarMappings),
        "plugin_download_url": bool(request.pluginDownloadURL),
        "alias specifications": bool(request.aliases),
        "error hooks": bool(request.hooks.on_error),
    }.items():
        if given:
            raise EngineError(f"{where}: option '{option}' is not implemented by the embedded engine")
    hooks = {kind: list(getattr(request.hooks, kind)) for kind in HOOK_KINDS}
    if hooks["before_delete"] or hooks["after_delete"] or (not request.custom and any(hooks.values())):
        raise EngineError(f"{where}: delete hooks and hooks of components are not implemented by the embedded engine")
    return Registration(
        urn=make_urn(project, stack, request.parent, request.type, request.name),
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        inputs=from_wire(request.object, "") if request.custom else {},
        dependencies=sorted(request.dependencies),
        property_dependencies={key: sorted(value.urns) for key, value in request.propertyDependencies.items()},
        hooks=hooks,
        ignore_changes=list(request.ignoreChanges),
        replace_on_changes=list(request.replaceOnChanges),
        retain=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        aliases=list(request.aliasURNs),
        secret_outputs=list(request.additionalSecretOutputs),
        provider=request.provider.rpartition("::")[0] if request.custom else "",
    )
