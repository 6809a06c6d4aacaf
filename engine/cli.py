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
    from engine.session import Session


class Parser(argparse.ArgumentParser):
    """Argparse with Pulumi's manners: errors name the word and exit with 255."""

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
    common.add_argument("-C", "--cwd", default=argparse.SUPPRESS, help="run as if started in this directory")
    common.add_argument(
        "--config-file", default=argparse.SUPPRESS, help="the stack's file, instead of Pulumi.STACK.yaml"
    )
    common.add_argument("--non-interactive", action="store_true", default=argparse.SUPPRESS, help="ask nothing")
    common.add_argument("--color", choices=["always", "never", "auto"], default=argparse.SUPPRESS)
    root = Parser(prog="engine", description=__doc__, parents=[common], allow_abbrev=False)
    commands = root.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, about: str, *aliases: str) -> Parser:
        parser = commands.add_parser(name, help=about, parents=[common], aliases=list(aliases), allow_abbrev=False)
        parser.set_defaults(command=name)
        return parser

    def deploying(parser: Parser) -> None:
        parser.add_argument("--diff", action="store_true", help="show each property that changes")
        parser.add_argument("--expect-no-changes", action="store_true", help="fail when anything changes")
        parser.add_argument("--suppress-outputs", action="store_true")
        parser.add_argument("-c", "--config", action="append", default=[], help="KEY=VALUE to save before the run")
        parser.add_argument("-r", "--refresh", action="store_true", help="accepted: Docker is always looked at")

    def choosing(parser: Parser, *exclude: str, follow: tuple[str, ...]) -> None:
        parser.add_argument("-t", "--target", action="append", default=[], help="URN or glob: only this is touched")
        parser.add_argument(*exclude, "--exclude", action="append", default=[], help="URN or glob: this is not touched")
        for flag in follow:
            parser.add_argument(flag, action="store_true", dest="dependents", default=False)

    both = ("--target-dependents", "--exclude-dependents")

    def changing(parser: Parser) -> None:
        parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
        parser.add_argument("-f", "--skip-preview", action="store_true")

    preview = command("preview", "show what an update would do", "pre")
    deploying(preview)
    preview.add_argument("-j", "--json", action="store_true")
    choosing(preview, "-x", follow=both)
    for name, about, aliases in (
        ("up", "create or update the stack's resources", ("update",)),
        ("refresh", "say how Docker differs from what was applied", ()),
        ("destroy", "delete the stack's resources", ("down",)),
    ):
        parser = command(name, about, *aliases)
        deploying(parser)
        changing(parser)
        choosing(parser, *(() if name == "up" else ("-x",)), follow=both[:1] if name == "destroy" else both)
    command("version", "print the version")
    _stack_parser(command("stack", "manage stacks"), common)
    _config_parser(command("config", "manage configuration"), common)
    return root


def _stack_parser(stack: Parser, common: Parser) -> None:
    words = stack.add_subparsers(dest="word", metavar="WORD", required=True)
    words.add_parser("ls", parents=[common], allow_abbrev=False).add_argument("-j", "--json", action="store_true")
    select = words.add_parser("select", parents=[common], allow_abbrev=False)
    select.add_argument("name", nargs="?")
    select.add_argument("-c", "--create", action="store_true")
    words.add_parser("init", parents=[common], allow_abbrev=False).add_argument("name", nargs="?")
    remove = words.add_parser("rm", parents=[common], allow_abbrev=False)
    remove.add_argument("name", nargs="?")
    remove.add_argument("-y", "--yes", action="store_true")
    remove.add_argument("--preserve-config", action="store_true")
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
    get.add_argument("-j", "--json", action="store_true", dest="get_json")
    get.add_argument("--path", action="store_true")
    put = words.add_parser("set", parents=[common], allow_abbrev=False)
    put.add_argument("key")
    put.add_argument("value", nargs="?")
    put.add_argument("--path", action="store_true")
    kind = put.add_mutually_exclusive_group()
    kind.add_argument("--secret", action="store_true")
    kind.add_argument("--plaintext", action="store_true")
    remove = words.add_parser("rm", parents=[common], allow_abbrev=False)
    remove.add_argument("key")
    remove.add_argument("--path", action="store_true")


WITH_VALUE = {"-s", "--stack", "-C", "--cwd", "--color", "--config-file"}


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
    directory = Path(getattr(options, "cwd", None) or ".").resolve()
    if options.command == "stack" and options.word in ("ls", "select", "init"):
        return _stacks(options, directory)
    if options.command == "stack" and options.word == "rm" and options.name:
        options.stack = options.name
    from engine.session import Session

    session = Session(directory, getattr(options, "stack", None), getattr(options, "config_file", None))
    if options.command == "config":
        return _config(options, session)
    if options.command == "stack":
        from engine import stackcommands

        if options.word == "rm":
            return stackcommands.stack_remove(session, options.yes, options.preserve_config)
        return stackcommands.stack_output(session, options.name, options.json, options.show_secrets)
    from engine import destroying, previewing, running, updating
    from engine.display import Screen
    from engine.selection import Selection

    screen = Screen()
    color = getattr(options, "color", "auto")
    if color != "auto":
        screen.color = color == "always"
    flags = running.Options(
        yes=getattr(options, "yes", False) or getattr(options, "skip_preview", False),
        skip_preview=getattr(options, "skip_preview", False),
        diff=options.diff,
        json=getattr(options, "json", False),
        expect_no_changes=options.expect_no_changes,
        suppress_outputs=options.suppress_outputs,
        interactive=not getattr(options, "non_interactive", False),
        selection=Selection(options.target, options.exclude, options.dependents),
    )
    for given in options.config:
        key, equals, value = given.partition("=")
        if not equals:
            raise EngineError(f"--config {given}: expected KEY=VALUE")
        session.set_config(key, value)
    run = {
        "preview": previewing.preview,
        "up": updating.up,
        "refresh": previewing.refresh,
        "destroy": destroying.destroy,
    }[options.command]
    return run(session, screen, flags)


def _stacks(options: argparse.Namespace, directory: Path) -> int:
    from engine import stackcommands

    if options.word == "ls":
        return stackcommands.stack_list(directory, options.json)
    name = options.name or getattr(options, "stack", None)
    if not name:
        raise EngineError(f"stack {options.word}: name the stack")
    if options.word == "init":
        return stackcommands.stack_init(directory, name)
    return stackcommands.stack_select(directory, name, options.create)


def _config(options: argparse.Namespace, session: Session) -> int:
    from engine import stackcommands

    if options.word == "get":
        return stackcommands.config_get(session, options.key, options.path, options.get_json)
    if options.word == "set":
        return stackcommands.config_set(session, options.key, options.value, options.secret, options.path)
    if options.word == "rm":
        return stackcommands.config_remove(session, options.key, options.path)
    return stackcommands.config_list(session, options.show_secrets, options.json)
