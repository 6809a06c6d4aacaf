"""The command line: Pulumi's command words. What is not implemented is refused by name, never ignored."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from engine.errors import EXIT_FAILURE, EXIT_INTERRUPTED, EngineError, Reported

if TYPE_CHECKING:
    from engine.workspace import Workspace

DEFAULTS = {"stack": None, "config_file": None, "non_interactive": False, "color": "auto"}
FLAGS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "expect-no-changes": ([], {"action": "store_true", "help": "fail when anything changes"}),
    "exclude": ([], {"action": "append", "default": [], "help": "'**.NAME': the host NAME is not touched"}),
    "diff": ([], {"action": "store_true", "help": "show each property that changes"}),
    "refresh": (["-r"], {"action": "store_true", "help": "accepted: Docker is always looked at"}),
    "policy-pack": ([], {"action": "append", "default": [], "help": "a folder with rules to keep to"}),
    "yes": (["-y"], {"action": "store_true", "help": "do not ask"}),
    "skip-preview": (["-f"], {"action": "store_true", "help": "do not ask, and do not show it before"}),
}


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
    common = Parser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    common.add_argument("-s", "--stack", help="the stack to work on")
    common.add_argument("--config-file", help="the stack's file, instead of Pulumi.STACK.yaml")
    common.add_argument("--non-interactive", action="store_true", help="ask nothing")
    common.add_argument("--color", choices=["always", "never", "auto"])
    root = Parser(prog="engine", description=__doc__, parents=[common], allow_abbrev=False)

    def words(of: Parser, dest: str, required: bool) -> Any:
        return of.add_subparsers(dest=dest, metavar=dest.upper(), required=required)

    def command(of: Any, name: str, about: str = "") -> Parser:
        made: Parser = of.add_parser(name, help=about, parents=[common], allow_abbrev=False)
        return made

    commands = words(root, "command", False)
    for name, about, flags in (
        ("preview", "show what an update would do", "diff refresh policy-pack"),
        ("up", "create or update the stack's resources", "diff refresh yes skip-preview"),
        ("refresh", "say how Docker differs from what was applied", "yes"),
        ("destroy", "delete the stack's resources", "yes skip-preview"),
    ):
        parser = command(commands, name, about)
        # Those that it does not take are as if not given.
        parser.set_defaults(**{flag.replace("-", "_"): more.get("default", False) for flag, (_, more) in FLAGS.items()})
        for flag in ("expect-no-changes exclude " + flags).split():
            short, more = FLAGS[flag]
            short = ["-x"] if flag == "exclude" and name != "up" else short
            parser.add_argument(*short, f"--{flag}", **more)
    command(commands, "cancel", "remove the lock that a killed run has left behind")

    stack = words(command(commands, "stack", "manage stacks"), "word", True)
    command(stack, "init").add_argument("name", nargs="?")
    remove = command(stack, "rm")
    remove.add_argument("name", nargs="?")
    remove.add_argument("-y", "--yes", action="store_true")
    output = command(stack, "output")
    output.add_argument("name", nargs="?")
    output.add_argument("-j", "--json", action="store_true")
    output.add_argument("--show-secrets", action="store_true")

    config = command(commands, "config", "manage configuration")
    config.add_argument("--show-secrets", action="store_true")
    config.add_argument("-j", "--json", action="store_true")
    each = words(config, "word", False)
    command(each, "get").add_argument("key")
    command(each, "rm").add_argument("key")
    put = command(each, "set")
    put.add_argument("key")
    put.add_argument("value", nargs="?")
    put.add_argument("--path", action="store_true")
    kind = put.add_mutually_exclusive_group()
    kind.add_argument("--secret", action="store_true")
    kind.add_argument("--plaintext", action="store_true")
    return root


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What the words ask for. Ends the process where they are not known."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments, argparse.Namespace(**DEFAULTS))
    # Before Python 3.12 a value that flags part from its key is left over.
    if getattr(options, "value", "") is None and rest and not rest[0].startswith("-"):
        options.value = rest.pop(0)
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def main(arguments: Sequence[str]) -> int:
    """Runs one command; its exit code."""
    options = parse(arguments)
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
    from engine import stack_commands
    from engine.workspace import Workspace

    what = " ".join(filter(None, (options.command, getattr(options, "word", None))))
    if what in ("stack init", "stack rm"):
        options.stack = options.name or options.stack
    if what == "stack init":
        return stack_commands.stack_init(Path.cwd(), options.stack)
    run = {
        "stack rm": stack_commands.stack_rm,
        "stack output": stack_commands.stack_output,
        "config get": stack_commands.config_get,
        "config set": stack_commands.config_set,
        "config rm": stack_commands.config_rm,
        "config": stack_commands.config_list,
        "cancel": stack_commands.cancel,
    }.get(what, _deploy)
    return run(Workspace(Path.cwd(), options.stack, options.config_file), options)


def _deploy(workspace: "Workspace", options: argparse.Namespace) -> int:
    from engine import deploy
    from engine.run.context import Excludes
    from engine.show import Screen

    options.yes |= options.skip_preview
    options.excludes = Excludes(options.exclude)
    run = {"preview": deploy.preview, "up": deploy.up, "refresh": deploy.refresh, "destroy": deploy.destroy}
    return run[options.command](workspace, Screen(options.color), options)
