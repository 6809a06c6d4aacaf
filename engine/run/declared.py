"""A resource as the program declares it. What is done of the SDK's request is listed; the rest is refused by name."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from engine.errors import NotDone
from engine.values.urns import make_urn
from engine.values.wire import from_wire

PROVIDER_TYPES = "pulumi:providers:"
_IGNORING = ("image:Image", "network:Network", "service:Service", "volume:Volume")
IGNORING: Final = frozenset(f"docker:index/{kind}" for kind in _IGNORING)
"""The types whose changes can be ignored: containers have secrets among their properties, which labels do not hold."""
DONE: Final = frozenset({
    "type", "name", "parent", "custom", "object", "dependencies", "provider", "propertyDependencies", "version",
    "deleteBeforeReplace", "deleteBeforeReplaceDefined", "ignoreChanges", "additionalSecretOutputs", "aliasURNs",
    "replaceOnChanges", "retainOnDelete", "protect", "hooks",
})  # fmt: skip
"""The fields of a RegisterResourceRequest that this engine does."""
SAID: Final = frozenset({
    "acceptSecrets", "acceptResources", "supportsPartialValues", "supportsResultReporting", "accepts_byte_string",
    "aliasSpecs", "sourcePosition", "stackTrace", "parentStackTraceHandle", "providers",
})  # fmt: skip
"""Those in which the SDK says what it understands, where a line of the program is, and what it hands on to children
itself: nothing follows from them here."""
HOOKS_DONE: Final = frozenset({"after_create", "after_update"})
"""The hooks of a resource that this engine runs."""
OPTIONS: Final = {"importId": "import", "customTimeouts": "custom_timeouts", "remote": "remote"}
"""Refused fields that the program knows by another name."""


class Declared:
    """What the program wants of one resource, by a RegisterResourceRequest."""

    def __init__(self, request: Any, project: str, stack: str) -> None:
        """EngineError naming the first option that is not implemented."""
        where = f"{request.type} '{request.name}'"
        refuse_others(request, DONE | SAID, where, OPTIONS)
        refuse_others(request.hooks, HOOKS_DONE, f"{where}: hooks")
        self.urn = make_urn(project, stack, request.parent, request.type, request.name)
        self.type: str = request.type
        self.name: str = request.name
        self.custom: bool = request.custom
        self.parent: str = request.parent
        self.inputs: dict[str, Any] = from_wire(request.object) if request.custom else {}
        self.dependencies: list[str] = sorted(request.dependencies)
        self.property_dependencies = {key: sorted(one.urns) for key, one in request.propertyDependencies.items()}
        self.after_create: list[str] = list(request.hooks.after_create)
        self.after_update: list[str] = list(request.hooks.after_update)
        self.ignore_changes: list[str] = list(request.ignoreChanges)
        self.replace_on_changes: list[str] = list(request.replaceOnChanges)
        # None: as its parent. A run knows it as soon as it takes the declaration in.
        self.retain: bool | None = request.retainOnDelete if request.HasField("retainOnDelete") else None
        self.protect: bool | None = request.protect if request.HasField("protect") else None
        self.delete_before_replace = request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
        self.aliases: list[str] = list(request.aliasURNs)
        self.secret_outputs: list[str] = list(request.additionalSecretOutputs)
        self.provider: str = request.provider.rpartition("::")[0] if request.custom else ""
        """URN of its explicit provider."""
        _refuse_misplaced(self, request.version, where)

    def inherit(self, parent: "Declared | None") -> None:
        """What is not said here is as the parent has it."""
        if self.retain is None:
            self.retain = bool(parent and parent.retain)
        if self.protect is None:
            self.protect = bool(parent and parent.protect)

    @property
    def is_provider(self) -> bool:
        return self.type.startswith(PROVIDER_TYPES)

    @property
    def depends_on(self) -> list[str]:
        """URNs of all that it depends on in any way."""
        inside = (urn for urns in self.property_dependencies.values() for urn in urns)
        return [urn for urn in (*self.dependencies, *inside, self.provider, self.parent) if urn]


def refuse_others(message: Any, done: frozenset[str], where: str, words: Mapping[str, str] | None = None) -> None:
    """EngineError naming the first field of a protobuf message that is set and not `done`."""
    for one, _ in message.ListFields():
        if one.name not in done:
            option = (words or {}).get(one.name, one.name)
            raise NotDone(f"{where}: option '{option}'")


def _refuse_misplaced(declared: Declared, wanted: str, where: str) -> None:
    """EngineError for options that are done, but not for this kind of resource or this value."""
    custom, provider = declared.custom, declared.is_provider
    ignored, hooks = declared.ignore_changes, declared.after_create or declared.after_update
    of_docker = custom and declared.type.startswith(("docker:", f"{PROVIDER_TYPES}docker"))
    refused = {
        "hooks of components and providers": (provider or not custom) and hooks,
        "ignore_changes": (provider or not custom) and ignored,
        "ignore_changes (but for images, networks, services and volumes)": declared.type not in IGNORING and ignored,
        "wildcards in ignore_changes": [path for path in ignored if "*" in path],
        "replace_on_changes": (provider or not custom) and declared.replace_on_changes,
        "replace_on_changes inside of a property": [one for one in declared.replace_on_changes if not one.isalpha()],
        "retain_on_delete of providers": provider and declared.retain,
        "protect of providers": provider and declared.protect,
        "delete_before_replace of providers": provider and declared.delete_before_replace is not None,
        f"version {wanted}": of_docker and wanted not in ("", version("pulumi-docker")),
    }
    for option, given in refused.items():
        if given:
            raise NotDone(f"{where}: option '{option}'")
