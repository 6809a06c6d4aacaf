"""`stack`, `config` and `cancel`: a stack's beginning and end, its outputs, its settings, its lock."""

import getpass
import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import EXIT_FAILURE, EngineError
from engine.files import config, project
from engine.files.secrets import keep_salt, new_crypter, read_passphrase, read_salt
from engine.files.stack_file import StackFile, full_key, typed_scalar
from engine.run.keep import noted_outputs
from engine.run.steps import Recorder
from engine.values import paths
from engine.values.wire import blind, reveal
from engine.workspace import Workspace


def stack_init(directory: Path, option: str | None) -> int:
    """Makes the stack file, where there is none, and a salt that is kept on this machine."""
    here, name = project.find_project(directory), project.selected_stack(option)
    file, kept = StackFile(here.stack_file(name)), here.salt_file(name)
    if file.path.is_file() and (file.salt or read_salt(kept)):
        raise EngineError(f"stack '{name}' already exists")
    salt, _ = new_crypter(read_passphrase())
    kept.unlink(missing_ok=True)  # of an earlier stack of this name, whose file is no more
    keep_salt(kept, salt)
    file.path.touch()
    print(f"Created stack '{name}'")
    return 0


def stack_rm(workspace: Workspace, options: Namespace) -> int:
    """Forgets a stack that holds nothing, and its file."""
    if not options.yes:
        raise EngineError("--yes must be passed in to proceed")
    with workspace.locked():
        context = workspace.everything(Recorder())
        held = [item for item in context.inventory if not context.retains(item)]
        if held:
            raise EngineError(
                f"'{workspace.stack}' still has {len(held)} resources; removal rejected. Possible actions:\n"
                f"- Make sure that '{workspace.stack}' is the stack that you want to destroy\n"
                "- Run `destroy` to delete the resources, then run `stack rm`"
            )
        context.hosts.remove_notes()
        workspace.file.path.unlink()
        workspace.salt_file.unlink(missing_ok=True)
    print(f"Stack '{workspace.stack}' has been removed!")
    return 0


def cancel(workspace: Workspace, _options: Namespace) -> int:
    """Removes the lock that a killed run has left behind."""
    context = workspace.everything(Recorder(), whole=False)
    found = context.hosts.break_locks()
    print(f"The lock of stack '{workspace.stack}' has been removed." if found else "There is no lock.")
    failures = [*filter(None, map(context.hosts.failed.get, context.hosts.providers))]
    for error in failures:
        print(f"Not looked at; once it answers, `cancel` again: {error}", file=sys.stderr)
    return EXIT_FAILURE if failures else 0


def stack_output(workspace: Workspace, options: Namespace) -> int:
    """What the last deployment has given. One host that answers is enough: each has noted it."""
    context = workspace.everything(Recorder(), whole=False)
    outputs = noted_outputs(context) if context.inventory.by_urn or context.hosts.notes.components else {}
    if context.hosts.notes.outputs and context.inventory.by_urn and not outputs:
        raise EngineError("the outputs were encrypted with another passphrase or salt; `up` notes them with this one")
    shown: dict[str, Any] = blind(reveal(outputs) if options.show_secrets else outputs)
    if options.name is not None and options.name not in shown:
        raise EngineError(f"current stack does not have output property '{options.name}'")
    value = shown if options.name is None else shown[options.name]
    if options.json or (options.name is not None and not isinstance(value, str)):
        print(json.dumps(value, indent=2))
    elif options.name is not None:
        print(value)
    elif not shown:
        print("No output values currently in this stack")
    else:
        print(f"Current stack outputs ({len(shown)}):")
        _table("    ", "OUTPUT", {key: config.as_text(one) for key, one in shown.items()})
    return 0


def _table(indent: str, head: str, rows: Mapping[str, str]) -> None:
    width = max(map(len, [head, *rows]))
    for key, value in ((head, "VALUE"), *sorted(rows.items())):
        print(f"{indent}{key:<{width}}  {value}")


def config_list(workspace: Workspace, options: Namespace) -> int:
    """All of it."""
    found = _config(workspace, options.show_secrets)
    hidden = set() if options.show_secrets else found.secret_keys
    if options.json:
        body = {
            key: {**({} if key in hidden else {"value": text}), "secret": key in found.secret_keys}
            for key, text in sorted(found.values.items())
        }
        print(json.dumps(body, indent=2))
        return 0
    own = f"{workspace.project.name}:"
    texts = {key.removeprefix(own): "[secret]" if key in hidden else text for key, text in found.values.items()}
    _table("", "KEY", texts)
    return 0


def _config(workspace: Workspace, reveal_secrets: bool, only: str | None = None) -> config.Config:
    """The config, or one key of it, without validation; secrets are decrypted only when they are wanted."""
    given = {key: value for key, value in workspace.file.config.items() if only in (None, key)}
    decrypt = (lambda value: workspace.crypter().decrypt(value)) if reveal_secrets else (lambda _value: "[secret]")
    return config.load(workspace.project, workspace.stack, given, decrypt, validate=False)


def config_get(workspace: Workspace, options: Namespace) -> int:
    """One setting."""
    name = full_key(workspace.project.name, options.key)
    values = _config(workspace, True, name).values
    if name not in values:
        raise EngineError(f"configuration key '{options.key}' not found for stack '{workspace.stack}'")
    print(values[name])
    return 0


def config_set(workspace: Workspace, options: Namespace) -> int:
    """Without a value it is read from stdin."""
    value = options.value
    if value is None:
        if sys.stdin.isatty():
            value = getpass.getpass("value: ") if options.secret else input("value: ")
        else:
            value = sys.stdin.read().removesuffix("\n")
    steps = paths.parse(options.key) if options.path else (options.key,)
    name = full_key(workspace.project.name, str(steps[0]))
    stored: Any = typed_scalar(value) if len(steps) > 1 else value
    if options.secret:
        stored = {"secure": workspace.encrypting().encrypt(value)}
    workspace.file.set_value(name, steps[1:], stored)
    return 0


def config_rm(workspace: Workspace, options: Namespace) -> int:
    """One setting less."""
    workspace.file.set_values({full_key(workspace.project.name, options.key): None})
    return 0
