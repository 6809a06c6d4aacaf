"""`stack`, `config` and `cancel`: a stack's beginning and end, its outputs, its settings, its lock."""

import getpass
import json
import sys
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.files import config, project, salt_file
from engine.files.secrets import new_crypter, read_passphrase
from engine.files.stack_file import StackFile, full_key, typed_scalar
from engine.run.context import Context
from engine.run.keep import noted_outputs
from engine.run.learn import read_everything
from engine.run.steps import Recorder
from engine.values import paths
from engine.values.wire import blind, reveal
from engine.workspace import Workspace


def stack_init(directory: Path, name: str) -> int:
    """Makes the stack file, where there is none, and a salt that is kept on this machine."""
    here = project.find_project(directory)
    name = project.check_stack_name(name)
    file = StackFile(here.stack_file(name))
    state_dir = project.state_dir(here)
    if file.exists and (file.salt or salt_file.read(state_dir, name)):
        raise EngineError(f"stack '{name}' already exists")
    salt, _ = new_crypter(read_passphrase())
    salt_file.remove(state_dir, name)  # of an earlier stack of this name, whose file is no more
    salt_file.make(state_dir, name, salt)
    file.create()
    print(f"Created stack '{name}'")
    return 0


def stack_remove(workspace: Workspace, yes: bool) -> int:
    """`stack rm`: forgets a stack that holds nothing, and its file."""
    if not yes:
        raise EngineError("--yes must be passed in to proceed")
    with workspace.locked():
        context = _everything(workspace)
        held = [item for item in context.inventory if not context.retains(item)]
        if held:
            raise EngineError(
                f"'{workspace.stack}' still has {len(held)} resources; removal rejected. Possible actions:\n"
                f"- Make sure that '{workspace.stack}' is the stack that you want to destroy\n"
                "- Run `destroy` to delete the resources, then run `stack rm`"
            )
        context.hosts.remove_notes()
        workspace.file.path.unlink()
        salt_file.remove(project.state_dir(workspace.project), workspace.stack)
    print(f"Stack '{workspace.stack}' has been removed!")
    return 0


def _everything(workspace: Workspace, *, whole: bool = True) -> Context:
    workspace.start()
    context = workspace.context(Recorder(), False)
    read_everything(context, workspace.project, lambda: workspace.config, whole=whole)
    return context


def cancel(workspace: Workspace) -> int:
    """`cancel`: removes the lock that a killed run has left behind."""
    context = workspace.context(Recorder(), True)
    read_everything(context, workspace.project, lambda: workspace.config, whole=False)
    found = context.hosts.break_locks()
    print(f"The lock of stack '{workspace.stack}' has been removed." if found else "There is no lock.")
    for error in filter(None, map(context.hosts.failure, context.hosts.providers)):
        print(f"Not looked at; once it answers, `cancel` again: {error}", file=sys.stderr)
    return 0


def stack_output(workspace: Workspace, name: str | None, as_json: bool, show_secrets: bool) -> int:
    """`stack output`: what the last deployment has given. One host that answers is enough: each has noted it."""
    context = _everything(workspace, whole=False)
    outputs = noted_outputs(context) if context.inventory.by_urn or context.hosts.notes.components else {}
    if context.hosts.notes.outputs and context.inventory.by_urn and not outputs:
        raise EngineError("the outputs were encrypted with another passphrase or salt; `up` notes them with this one")
    shown: dict[str, Any] = blind(reveal(outputs) if show_secrets else outputs)
    if name is not None:
        if name not in shown:
            raise EngineError(f"current stack does not have output property '{name}'")
        value = shown[name]
        print(json.dumps(value, indent=2) if as_json or not isinstance(value, str) else value)
        return 0
    if as_json:
        print(json.dumps(shown, indent=2))
        return 0
    if not shown:
        print("No output values currently in this stack")
        return 0
    print(f"Current stack outputs ({len(shown)}):")
    width = max([len("OUTPUT"), *map(len, shown)])
    print(f"    {'OUTPUT':<{width}}  VALUE")
    for key in sorted(shown):
        value = shown[key]
        print(f"    {key:<{width}}  {value if isinstance(value, str) else json.dumps(value, separators=(',', ':'))}")
    return 0


def config_list(workspace: Workspace, show_secrets: bool, as_json: bool) -> int:
    """`config`."""
    values = _config(workspace, show_secrets)
    rows = {}
    for key in sorted(values.values):
        secret = key in values.secret_keys
        rows[key] = values.values[key] if show_secrets or not secret else "[secret]"
    if as_json:
        body = {
            key: {
                **({"value": rows[key]} if show_secrets or key not in values.secret_keys else {}),
                "secret": key in values.secret_keys,
            }
            for key in rows
        }
        print(json.dumps(body, indent=2))
        return 0
    names = {key: key.removeprefix(f"{workspace.project.name}:") for key in rows}
    width = max([len("KEY"), *map(len, names.values())])
    print(f"{'KEY':<{width}}  VALUE")
    for key, value in rows.items():
        print(f"{names[key]:<{width}}  {value}")
    return 0


def _config(workspace: Workspace, reveal_secrets: bool, only: str | None = None) -> config.Config:
    """The config, or one key of it, without validation; secrets are decrypted only when they are wanted."""
    given = workspace.file.config
    return config.load(
        workspace.project.name,
        workspace.stack,
        given if only is None else {key: value for key, value in given.items() if key == only},
        workspace.project.schema,
        (lambda value: workspace.crypter().decrypt(value)) if reveal_secrets else (lambda _value: "[secret]"),
        validate=False,
    )


def config_get(workspace: Workspace, key: str) -> int:
    """`config get`."""
    name = full_key(workspace.project.name, key)
    values = _config(workspace, True, name)
    if name not in values.values:
        raise EngineError(f"configuration key '{key}' not found for stack '{workspace.stack}'")
    print(values.values[name])
    return 0


def config_set(workspace: Workspace, key: str, value: str | None, secret: bool, path: bool) -> int:
    """`config set`; without a value it is read from stdin."""
    if value is None:
        if sys.stdin.isatty():
            value = getpass.getpass("value: ") if secret else input("value: ")
        else:
            value = sys.stdin.read().removesuffix("\n")
    steps = paths.parse(key) if path else (key,)
    name = full_key(workspace.project.name, str(steps[0]))
    stored: Any = value
    if secret:
        stored = {"secure": workspace.encrypting().encrypt(value)}
    elif path and len(steps) > 1:
        stored = typed_scalar(value)
    workspace.file.set_value(name, steps[1:], stored)
    return 0


def config_remove(workspace: Workspace, key: str) -> int:
    """`config rm`."""
    workspace.file.set_values({full_key(workspace.project.name, key): None})
    return 0
