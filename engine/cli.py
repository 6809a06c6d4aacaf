"""The command line: Pulumi's command words. What is not implemented is refused by name, never ignored."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine.errors import EXIT_FAILURE, EXIT_INTERRUPTED, EngineError, Reported

if TYPE_CHECKING:
    from engine.workspace import Workspace


class Parser(argparse.ArgumentParser):
    """Argparse with Pulumi's manners: an error names the word."""

    def error(self, message: str) -> NoReturn:
        if "invalid choice" in message:
            word = message.split("invalid choice: ", 1)[1].split(" (choose", maxsplit=1)[0].strip("'")
            message = f"unknown command '{word}' (the embedded engine does not implement it)"
        if message.startswith("unrecognized arguments: "):
            word = message.removeprefix("unrecognized arguments: ").split()[0]
            what = "unknown flag" if word.startswith("-") else "unexpected argument"
            message = f"{what}: {word} (the embedded engine does not implement it)"
        print(f"error: {message}", file=sys.stderr)
        sys.exit(EXIT_FAILURE)


def _parser() -> Parser:
    common = Parser(add_help=False, allow_abbrev=False)
    common.add_argument("-s", "--stack", default=argparse.SUPPRESS, help="the stack to work on")
    common.add_argument(
        "--config-file", default=argparse.SUPPRESS, help="the stack's file, instead of Pulumi.STACK.yaml"
    )
    common.add_argument("--non-interactive", action="store_true", default=argparse.SUPPRESS, help="ask nothing")
    common.add_argument("--color", choices=["always", "never", "auto"], default=argparse.SUPPRESS)
    root = Parser(prog="engine", description=__doc__, parents=[common], allow_abbrev=False)
    commands = root.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, about: str) -> Parser:
        return commands.add_parser(name, help=about, parents=[common], allow_abbrev=False)

    for name, about, flags in (
        ("preview", "show what an update would do", ("diff", "refresh")),
        ("up", "create or update the stack's resources", ("yes", "diff", "refresh")),
        ("refresh", "say how Docker differs from what was applied", ("yes-unused",)),
        ("destroy", "delete the stack's resources", ("yes",)),
    ):
        parser = command(name, about)
        parser.add_argument("--expect-no-changes", action="store_true", help="fail when anything changes")
        exclude = ("--exclude",) if name == "up" else ("-x", "--exclude")
        parser.add_argument(*exclude, action="append", default=[], help="'**.NAME': the host NAME is not touched")
        if "diff" in flags:
            parser.add_argument("--diff", action="store_true", help="show each property that changes")
        if "refresh" in flags:
            parser.add_argument("-r", "--refresh", action="store_true", help="accepted: Docker is always looked at")
        if "yes" in flags:
            parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
            parser.add_argument("-f", "--skip-preview", action="store_true")
        if "yes-unused" in flags:
            parser.add_argument("-y", "--yes", action="store_true", help="accepted: nothing is changed")
        if name in ("preview", "up"):
            parser.add_argument("-c", "--config", action="append", default=[], help="KEY=VALUE to save before the run")
        if name == "preview":
            parser.add_argument("--policy-pack", action="append", default=[], help="a folder with rules to keep to")
    command("cancel", "remove the lock that a killed run has left behind")
    command("version", "print the version")
    _stack_parser(command("stack", "manage stacks"), common)
    _config_parser(command("config", "manage configuration"), common)
    return root


def _stack_parser(stack: Parser, common: Parser) -> None:
    words = stack.add_subparsers(dest="word", metavar="WORD", required=True)
    words.add_parser("init", parents=[common], allow_abbrev=False).add_argument("name", nargs="?")
    remove = words.add_parser("rm", parents=[common], allow_abbrev=False)
    remove.add_argument("name", nargs="?")
    remove.add_argument("-y", "--yes", action="store_true")
    output = words.add_parser("output", parents=[common], allow_abbrev=False)
    output.add_argument("name", nargs="?")
    output.add_argument("-j", "--json", action="store_true")
    output.add_argument("--show-secrets", action="store_true")


def _config_parser(config: Parser, common: Parser) -> None:
    config.add_argument("--show-secrets", action="store_true")
    config.add_argument("-j", "--json", action="store_true")
    words = config.add_subparsers(dest="word", metavar="WORD")
    get = words.add_parser("get", parents=[common], allow_abbrev=False)
    get.add_argument("key")
    put = words.add_parser("set", parents=[common], allow_abbrev=False)
    put.add_argument("key")
    put.add_argument("value", nargs="?")
    put.add_argument("--path", action="store_true")
    kind = put.add_mutually_exclusive_group()
    kind.add_argument("--secret", action="store_true")
    kind.add_argument("--plaintext", action="store_true")
    remove = words.add_parser("rm", parents=[common], allow_abbrev=False)
    remove.add_argument("key")


WITH_VALUE = {"-s", "--stack", "--color", "--config-file"}


def _flags_first(arguments: Sequence[str]) -> list[str]:
    """The command words, then the flags, then the operands: argparse wants no flags between operands."""
    words = [word for word in arguments[:2] if not word.startswith("-")]
    flags: list[str] = []
    operands: list[str] = []
    rest = list(arguments[len(words) :])
    while rest:
        word = rest.pop(0)
        if word == "--":
            operands += rest
            break
        if word.startswith("-") and len(word) > 1:
            flags.append(word)
            if word in WITH_VALUE and rest:
                flags.append(rest.pop(0))
        else:
            operands.append(word)
    if len(words) < 2 and operands:  # the word came after a flag
        words.append(operands.pop(0))
    return [*words, *flags, *(["--", *operands] if operands else [])]


def main(arguments: Sequence[str]) -> int:
    """Runs one command; its exit code."""
    if list(arguments[:1]) == ["config"]:
        arguments = _flags_first(arguments)
    options = _parser().parse_args(arguments)
    if options.command is None:
        _parser().print_help()
        return EXIT_FAILURE
    try:
        return _dispatch(options)
    except Reported as error:
        return error.exit_code
    except EngineError as error:
        sys.stdout.flush()
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("error: interrupted; nothing was being changed", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE


def _dispatch(options: argparse.Namespace) -> int:
    if options.command == "version":
        from importlib.metadata import version

        print(f"v{version('pulumi')} (embedded engine)")
        return 0
    from engine import stack_commands
    from engine.workspace import Workspace

    directory = Path.cwd()
    if options.command == "stack" and options.word == "init":
        name = options.name or getattr(options, "stack", None)
        if not name:
            raise EngineError("stack init: name the stack")
        return stack_commands.stack_init(directory, name)
    if options.command == "stack" and options.word == "rm" and options.name:
        options.stack = options.name
    workspace = Workspace(directory, getattr(options, "stack", None), getattr(options, "config_file", None))
    if options.command == "config":
        return _config(options, workspace)
    if options.command == "cancel":
        return stack_commands.cancel(workspace)
    if options.command == "stack":
        if options.word == "rm":
            return stack_commands.stack_remove(workspace, options.yes)
        return stack_commands.stack_output(workspace, options.name, options.json, options.show_secrets)
    return _deploy(options, workspace)


def _deploy(options: argparse.Namespace, workspace: Workspace) -> int:
    from engine import deploy
    from engine.files.stack_file import full_key
    from engine.options import Options
    from engine.run.context import Excludes
    from engine.show import Screen

    chosen = Options(
        yes=getattr(options, "yes", False) or getattr(options, "skip_preview", False),
        skip_preview=getattr(options, "skip_preview", False),
        diff=getattr(options, "diff", False),
        expect_no_changes=options.expect_no_changes,
        interactive=not getattr(options, "non_interactive", False),
        excludes=Excludes(options.exclude),
        policy_packs=[Path(folder) for folder in getattr(options, "policy_pack", [])],
    )
    for given in getattr(options, "config", []):
        key, equals, value = given.partition("=")
        if not equals:
            raise EngineError(f"--config {given}: expected KEY=VALUE")
        workspace.file.set_value(full_key(workspace.project.name, key), (), value)
    run = {"preview": deploy.preview, "up": deploy.up, "refresh": deploy.refresh, "destroy": deploy.destroy}
    return run[options.command](workspace, Screen(color=getattr(options, "color", "auto")), chosen)


def _config(options: argparse.Namespace, workspace: Workspace) -> int:
    from engine import stack_commands

    if options.word == "get":
        return stack_commands.config_get(workspace, options.key)
    if options.word == "set":
        return stack_commands.config_set(workspace, options.key, options.value, options.secret, options.path)
    if options.word == "rm":
        return stack_commands.config_remove(workspace, options.key)
    return stack_commands.config_list(workspace, options.show_secrets, options.json)
