"""`stack` and `config`: choosing stacks, reading outputs, editing the stack file."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Any

from engine import configschema, paths, previewing, project, saltfile
from engine.crypto import new_crypter, read_passphrase
from engine.discovery import everything
from engine.errors import EXIT_STACK_NOT_FOUND, EngineError
from engine.session import Session
from engine.stackfile import StackFile, full_key, typed_scalar
from engine.values import blind, reveal


def stack_list(directory: Path, as_json: bool) -> int:
    """`stack ls`."""
    here = project.find_project(directory)
    current = project.current_stack(here)
    names = project.stack_names(here)
    if as_json:
        print(json.dumps([{"name": name, "current": name == current} for name in names], indent=2))
        return 0
    print("NAME")
    for name in names:
        print(f"{name}*" if name == current else name)
    return 0


def stack_select(directory: Path, name: str, create: bool) -> int:
    """`stack select`."""
    here = project.find_project(directory)
    name = project.check_stack_name(name)
    if not here.stack_file(name).is_file():
        if not create:
            raise EngineError(f"no stack named '{name}' found", EXIT_STACK_NOT_FOUND)
        return stack_init(directory, name)
    project.select_stack(here, name)
    return 0


def stack_init(directory: Path, name: str) -> int:
    """Makes the stack file, where there is none, and a salt that is kept on this machine; selects the stack."""
    here = project.find_project(directory)
    name = project.check_stack_name(name)
    file = StackFile(here.stack_file(name))
    state_dir = project.state_dir(here)
    if file.exists and (file.salt or saltfile.read(state_dir, name)):
        raise EngineError(f"stack '{name}' already exists")
    salt, _ = new_crypter(read_passphrase(name))
    saltfile.remove(state_dir, name)  # of an earlier stack of this name, whose file is no more
    saltfile.make(state_dir, name, salt)
    file.create()
    project.select_stack(here, name)
    print(f"Created stack '{name}'")
    return 0


def stack_remove(session: Session, yes: bool, preserve_config: bool) -> int:
    """`stack rm`: forgets a stack that holds nothing, and its file unless that is to be kept."""
    if not yes:
        raise EngineError("--yes must be passed in to proceed")
    held = [item for item in everything(session).inventory if not session.journal.retain(item.urn, item.applied.retain)]
    if held:
        raise EngineError(
            f"'{session.stack}' still has {len(held)} resources; removal rejected. Possible actions:\n"
            "- Make sure that '" + session.stack + "' is the stack that you want to destroy\n"
            "- Run `destroy` to delete the resources, then run `stack rm`"
        )
    stack = session.stack
    if not preserve_config:
        session.file.path.unlink()
    session.journal.remove()
    saltfile.remove(session.state_dir, stack)
    if project.current_stack(session.project) == stack:
        project.select_stack(session.project, None)
    print(f"Stack '{stack}' has been removed!")
    return 0


def stack_output(session: Session, name: str | None, as_json: bool, show_secrets: bool) -> int:
    """`stack output`."""
    outputs = previewing.stack_outputs(session)
    shown: dict[str, Any] = reveal(outputs) if show_secrets else blind(outputs)
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


def config_list(session: Session, show_secrets: bool, as_json: bool) -> int:
    """`config`."""
    values = _config(session, show_secrets)
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
    names = {key: key.removeprefix(f"{session.project.name}:") for key in rows}
    width = max([len("KEY"), *map(len, names.values())])
    print(f"{'KEY':<{width}}  VALUE")
    for key, value in rows.items():
        print(f"{names[key]:<{width}}  {value}")
    return 0


def _config(session: Session, reveal_secrets: bool) -> configschema.Config:
    """The config without validation; secrets are decrypted only when they are wanted."""
    return configschema.load(
        session.project.name,
        session.stack,
        session.file.config,
        session.project.schema,
        (lambda value: session.crypter().decrypt(value)) if reveal_secrets else (lambda _value: "[secret]"),
        validate=False,
    )


def config_get(session: Session, key: str, path: bool, as_json: bool) -> int:
    """`config get`."""
    steps = paths.parse(key) if path else (key,)
    name = full_key(session.project.name, str(steps[0]))
    values = _config(session, True)
    if name not in values.values:
        raise EngineError(f"configuration key '{steps[0]}' not found for stack '{session.stack}'")
    value: Any = values.values[name]
    if len(steps) > 1:
        try:
            value = configschema.as_text(paths.get(json.loads(value), steps[1:]))
        except (ValueError, KeyError) as error:
            raise EngineError(f"configuration key '{key}' not found for stack '{session.stack}'") from error
    secret = name in values.secret_keys
    print(json.dumps({"value": value, "secret": secret}, indent=2) if as_json else value)
    return 0


def config_set(session: Session, key: str, value: str | None, secret: bool, path: bool) -> int:
    """`config set`; without a value it is read from stdin."""
    if value is None:
        if sys.stdin.isatty():
            value = getpass.getpass("value: ") if secret else input("value: ")
        else:
            value = sys.stdin.read().removesuffix("\n")
    steps = paths.parse(key) if path else (key,)
    name = full_key(session.project.name, str(steps[0]))
    stored: Any = value
    if secret:
        stored = {"secure": session.encrypting().encrypt(value)}
    elif path and len(steps) > 1:
        stored = typed_scalar(value)
    session.file.set_value(name, steps[1:], stored)
    return 0


def config_remove(session: Session, key: str, path: bool) -> int:
    """`config rm`."""
    steps = paths.parse(key) if path else (key,)
    session.file.remove_value(full_key(session.project.name, str(steps[0])), steps[1:])
    return 0
