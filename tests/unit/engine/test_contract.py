"""What can be said to the engine is done, or refused by its name: every field, key, flag and property there is.

The lists of what is refused are written out here. A new SDK's new field is in neither list, and fails the test: then it
is decided what becomes of it.
"""

import argparse
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi_docker
import pytest
from pulumi.runtime.proto import engine_pb2, resource_pb2

from engine import cli
from engine.docker.container_spec import PROPS, create_body
from engine.docker.image import ImageHandler
from engine.docker.network import NetworkHandler
from engine.docker.props import Prop, check_supported
from engine.docker.swarm import SecretHandler, ServiceConfigHandler, ServiceHandler
from engine.docker.volume import VolumeHandler
from engine.errors import EngineError
from engine.files import project, stack_file
from engine.files.project import check_version, find_project
from engine.files.stack_file import StackFile
from engine.run import monitor
from engine.run.declared import DONE, HOOKS_DONE, SAID, Declared
from engine.run.hooks import HOOK_DONE, register
from engine.run.providers import SUPPORTED

REFUSED_FIELDS = {
    "importId": "x",
    "customTimeouts": resource_pb2.RegisterResourceRequest.CustomTimeouts(create="1m"),
    "remote": True,
    "pluginDownloadURL": "x",
    "pluginChecksums": {"a": b"x"},
    "aliases": "alias",
    "deletedWith": "x",
    "replace_with": "x",
    "replacement_trigger": "x",
    "transforms": "callback",
    "packageRef": "x",
    "hideDiffs": "x",
    "envVarMappings": {"a": "b"},
    "snippetId": "x",
    "state_migrations": "migration",
}
REFUSED_HOOKS = {"before_create", "before_update", "before_delete", "after_delete", "on_error"}


def names(message: Any) -> set[str]:
    return {field.name for field in message.DESCRIPTOR.fields}


def request(**fields: Any) -> Any:
    return resource_pb2.RegisterResourceRequest(type="docker:index/volume:Volume", name="v", custom=True, **fields)


def test_every_field_of_a_registration_is_known() -> None:
    assert names(resource_pb2.RegisterResourceRequest) == DONE | SAID | set(REFUSED_FIELDS)


@pytest.mark.parametrize("field", sorted(REFUSED_FIELDS))
def test_a_field_that_is_not_done_is_refused(field: str) -> None:
    given = request()
    target, value = getattr(given, field), REFUSED_FIELDS[field]
    if field in ("aliases", "transforms", "state_migrations"):
        target.add()
    elif field == "replacement_trigger":
        target.string_value = "x"
    elif field == "customTimeouts":
        target.CopyFrom(value)
    elif isinstance(value, dict):
        target.update(value)
    elif hasattr(target, "append"):
        target.append(value)
    else:
        setattr(given, field, value)
    with pytest.raises(EngineError, match="is not implemented by the embedded engine"):
        Declared(given, "p", "s")


def test_every_hook_is_known() -> None:
    binding = resource_pb2.RegisterResourceRequest.ResourceHooksBinding
    assert names(binding) == REFUSED_HOOKS | HOOKS_DONE
    for kind in REFUSED_HOOKS:
        with pytest.raises(EngineError, match=kind):
            Declared(request(hooks=binding(**{kind: ["h"]})), "p", "s")
    hook = resource_pb2.RegisterResourceHookRequest
    assert names(hook) == HOOK_DONE | {"on_dry_run", "ignore_errors"}
    for option in ("on_dry_run", "ignore_errors"):
        with pytest.raises(EngineError, match=option):
            register({}, hook(name="h", **{option: True}))


@pytest.mark.parametrize(
    ("kind", "custom", "fields", "named"),
    [
        ("docker:index/volume:Volume", True, {"version": "1.0.0"}, "version 1.0.0"),
        ("docker:index/container:Container", True, {"ignoreChanges": ["image"]}, "ignore_changes"),
        ("docker:index/service:Service", True, {"ignoreChanges": ["labels[*]"]}, "wildcards"),
        ("pulumi:providers:docker", True, {"ignoreChanges": ["host"]}, "ignore_changes"),
        ("pulumi:providers:docker", True, {"retainOnDelete": True}, "retain_on_delete"),
        ("pulumi:providers:docker", True, {"protect": True}, "protect"),
        ("pulumi:providers:docker", True, {"deleteBeforeReplaceDefined": True}, "delete_before_replace"),
        ("a:b:C", False, {"replaceOnChanges": ["x"]}, "replace_on_changes"),
        ("docker:index/volume:Volume", True, {"replaceOnChanges": ["*"]}, "replace_on_changes inside of a property"),
        ("docker:index/image:Image", True, {"replaceOnChanges": ["build.args"]}, "inside of a property"),
    ],
)
def test_options_that_are_done_elsewhere_only(kind: str, custom: bool, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(EngineError, match=named):
        Declared(resource_pb2.RegisterResourceRequest(type=kind, name="n", custom=custom, **fields), "p", "s")


@pytest.mark.parametrize(
    "service",
    [
        resource_pb2.DESCRIPTOR.services_by_name["ResourceMonitor"],
        engine_pb2.DESCRIPTOR.services_by_name["Engine"],
    ],
)
def test_every_call_is_answered(service: Any) -> None:
    assert {method.name for method in service.methods} - set(vars(monitor.EmbeddedMonitor)) == set()


REFUSED_PROPERTIES = {
    "Container": {
        "attach", "cgroupParent", "cgroupnsMode", "containerReadRefreshTimeoutMilliseconds", "cpuPeriod", "cpuQuota",
        "cpuSet", "deviceReadBps", "deviceReadIops", "deviceRequests",
        "deviceCgroupRules", "deviceWriteBps", "deviceWriteIops", "devices",
        "dns", "dnsOpts", "dnsSearches", "domainname", "gpus", "groupAdds", "hostname", "hosts", "init", "ipcMode",
        "logs",
        "maxRetryCount", "memoryReservation", "mounts", "pidMode", "platform", "privileged", "publishAllPorts",
        "removeVolumes", "rm", "runtime", "shmSize", "stdinOpen", "storageOpts", "sysctls", "tty", "ulimits", "user",
        "usernsMode", "wait", "waitTimeout", "workingDir",
    },
    "Image": set(),
    "Network": {"attachable", "ingress", "internal", "ipamDriver", "ipamOptions", "ipv6", "options"},
    "Volume": {"cluster"},
    "Secret": set(),
    "ServiceConfig": {"dataRaw"},
    "Service": {"convergeConfig", "endpointSpec", "rollbackConfig"},
    "Provider": {"caMaterial", "certPath", "context", "disableDockerDaemonCheck", "sshOpts"},
}  # fmt: skip
DONE_PROPERTIES: Mapping[str, Mapping[str, Prop]] = {
    "Container": PROPS,
    "Image": ImageHandler.props,
    "Network": NetworkHandler.props,
    "Volume": VolumeHandler.props,
    "Secret": SecretHandler.props,
    "ServiceConfig": ServiceConfigHandler.props,
    "Service": ServiceHandler.props,
    "Provider": dict.fromkeys(SUPPORTED - {"version", "caMaterial"}, Prop()),
}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@pytest.mark.parametrize("kind", sorted(DONE_PROPERTIES))
def test_every_property_is_known(kind: str) -> None:
    arguments = inspect.signature(getattr(pulumi_docker, f"{kind}Args").__init__).parameters
    there = {camel(name) for name in arguments if name not in ("self", "__self__")}
    done = set(DONE_PROPERTIES[kind])
    assert there == done | REFUSED_PROPERTIES[kind]
    for name in there - done - {"caMaterial"}:
        with pytest.raises(EngineError, match=f"'{name}' is not implemented"):
            check_supported(DONE_PROPERTIES[kind], {name: 1}, kind, "x")


SAMPLES = {
    "ports": [{"internal": 1}],
    "networksAdvanced": [{"name": "n"}],
    "volumes": [{"volumeName": "v", "containerPath": "/v"}],
    "healthcheck": {"tests": ["CMD", "x"]},
    "logOpts": {"a": "b"},
    "capabilities": {"adds": ["A"]},
    "tmpfs": {"/t": ""},
    "labels": [{"label": "a", "value": "b"}],
    "image": "other",
    "restart": "always",
    "memory": 5,
    "memorySwap": 5,
    "stopTimeout": 5,
    "cpus": "0.5",
    "cpuShares": 64,
    "readOnly": True,
}


@pytest.mark.parametrize("name", sorted(set(PROPS) - {"name", "uploads"}))
def test_every_property_of_a_container_reaches_docker(name: str) -> None:
    """But for the name and the files, which are the create call's own, and what says how to make and remove it."""
    if PROPS[name].effect == "engine":
        return
    plain = {"image": "i"}
    assert create_body({**plain, name: SAMPLES.get(name, ["x"])}, {}) != create_body(plain, {})


@pytest.mark.parametrize(
    "line",
    ["backend: {url: x}", "main: x", "plugins: {}", "options: {refresh: always}", "stackConfigDir: x", "packages: {}",
     "license: MIT\nnew: 1"],
)  # fmt: skip
def test_keys_of_pulumi_yaml_are_done_or_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"name: p\nruntime: python\n{line}\n")
    key = line.splitlines()[-1].split(":")[0]
    with pytest.raises(EngineError, match=f"`{key}` is not implemented"):
        find_project(tmp_path)
    assert key not in project.DONE | project.SAID


@pytest.mark.parametrize(
    ("runtime", "named"),
    [
        ("{name: python, options: {typechecker: mypy}}", "runtime.options.typechecker"),
        ("{name: python, options: {toolchain: uv}}", "toolchain: uv"),
        ("{name: python, options: {virtualenv: elsewhere}}", "virtualenv"),
        ("{name: python, new: 1}", "runtime.new"),
        ("nodejs", "nodejs"),
    ],
)
def test_the_runtime_is_this_python_or_refused(tmp_path: Path, runtime: str, named: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"name: p\nruntime: {runtime}\n")
    with pytest.raises(EngineError, match=named):
        find_project(tmp_path)


def test_versions_are_asked_for() -> None:
    check_version(">=3.200.0", "x")
    check_version(">=3.200.0 <4.0.0", "x")
    with pytest.raises(EngineError, match=r"requires Pulumi >=99\.0\.0"):
        check_version(">=99.0.0", "x")
    with pytest.raises(EngineError, match=r"version range"):
        check_version("^3", "x")


def test_keys_of_a_stack_file(tmp_path: Path) -> None:
    assert {"config", "encryptionsalt", "secretsprovider", "encryptedkey"} == stack_file.DONE
    (tmp_path / "Pulumi.s.yaml").write_text("policies: {}\n")
    with pytest.raises(EngineError, match="`policies` is not implemented"):
        StackFile(tmp_path / "Pulumi.s.yaml")


COMMANDS = {
    "preview": {"--expect-no-changes", "--exclude", "--diff", "--refresh", "--policy-pack"},
    "up": {"--expect-no-changes", "--exclude", "--diff", "--refresh", "--yes", "--skip-preview"},
    "refresh": {"--expect-no-changes", "--exclude", "--yes"},
    "destroy": {"--expect-no-changes", "--exclude", "--yes", "--skip-preview"},
    "cancel": set(),
    "stack init": set(),
    "stack rm": {"--yes"},
    "stack output": {"--json", "--show-secrets"},
    "config": {"--show-secrets", "--json"},
    "config get": set(),
    "config set": {"--path", "--secret", "--plaintext"},
    "config rm": set(),
}
EVERYWHERE = {"--stack", "--config-file", "--non-interactive", "--color", "--help"}
PULUMIS = """
--config --target --target-dependents --target-replace --replace --exclude-dependents --plan --save-plan --policy-pack
--policy-pack-config
--parallel --json --suppress-outputs --show-sames --show-reads --show-config --show-replacement-steps --message
--debug --attach-debugger --continue-on-error --import-file --remote --run-program --stack-config --cwd --logflow
--logtostderr --tracing --profiling --verbose --emoji --disable-integrity-checking --preview-only --watch --all
"""


def _parsers(parser: argparse.ArgumentParser, word: str = "") -> dict[str, argparse.ArgumentParser]:
    found = {word: parser}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                found.update(_parsers(below, f"{word} {name}".strip()))
    return found


def test_every_flag_is_known() -> None:
    parsers = _parsers(cli._parser())
    for command, flags in COMMANDS.items():
        given = {option for option in parsers[command]._option_string_actions if option.startswith("--")}
        assert given - EVERYWHERE == flags, command
    assert set(parsers) - set(COMMANDS) == {"", "stack"}


@pytest.mark.parametrize(
    ("words", "named"),
    [("version", "version"), ("config refresh", "refresh"), ("stack rename a", "rename"), ("import a", "import")],
)
def test_other_commands_are_refused_by_name(words: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(words.split())
    assert f"unknown command '{named}' (the embedded engine does not implement it)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("config set k -5", "-5"),
        ("config set k v --stack s", "v"),
        ("config set k --stack s v", "v"),
        ("config --stack s set k v", "v"),
        ("--stack s config set --path k v --plaintext", "v"),
        ("config set --stack s --secret k", None),
        ("config set --stack s -- k --v", "--v"),
    ],
)
def test_a_setting_is_read_wherever_its_flags_stand(words: str, value: str | None) -> None:
    asked = cli.parse(words.split())
    assert (asked.key, asked.value) == ("k", value)
    assert asked.stack == ("s" if "--stack" in words else None)


@pytest.mark.parametrize("command", ["preview", "up", "refresh", "destroy"])
def test_other_flags_are_refused_by_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for flag in set(PULUMIS.split()) - COMMANDS[command]:
        with pytest.raises(SystemExit):
            cli.main([command, flag])
        assert f"unknown flag: {flag} (the embedded engine does not implement it)" in capsys.readouterr().err
