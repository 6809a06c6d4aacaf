"""Pulumi's arguments, read once, as far as they matter before Pulumi itself reads them."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass

# Commands that work on a stack, and which of them run the program or look at what it has made.
OF_A_STACK = {"up", "update", "preview", "pre", "refresh", "destroy", "down", "dn", "stack", "config", "cancel"}
UP = {"up", "update"}
PREVIEW = {"preview", "pre"}
REFRESH = {"refresh"}
DESTROY = {"destroy", "down", "dn"}
# Their value, which may be the next word, is not one of the words below.
OTHER_OPTIONS = ["-t", "--target", "--target-replace", "--replace", "-C", "--cwd", "--color", "-v", "--verbose"]
OTHER_OPTIONS += ["--tracing", "--profiling", "-m", "--message", "-p", "--parallel"]
OTHER_OPTIONS += ["--policy-pack", "--policy-pack-config"]


@dataclass(frozen=True)
class Asked:
    """What the arguments say."""

    words: tuple[str, ...]
    """The command and what follows it: `stack`, `output`, `password`."""
    stack: str | None
    config_file: str | None
    settings: tuple[str, ...]
    """Each `--config KEY=VALUE`, as it stands there."""
    excluded: tuple[str, ...]
    """Hosts that are left out as a whole: `--exclude '**.NAME'`."""
    select: bool
    """Whether `stack init` is to select the stack too."""

    @property
    def command(self) -> str:
        """The first word; empty where there is none."""
        return self.words[0] if self.words else ""

    def setting(self, key: str) -> str | None:
        """What `--config` says of the project's setting `key`; the last one counts."""
        pairs = (each.partition("=") for each in self.settings)
        found = [value for name, _, value in pairs if name.removeprefix("redis-ha:") == key]
        return found[-1] if found else None


def read(arguments: Sequence[str]) -> Asked:
    """Never complains: that is for the engine to do."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-s", "--stack")
    parser.add_argument("--config-file")
    parser.add_argument("-c", "--config", action="append", default=[])
    parser.add_argument("-x", "--exclude", action="append", default=[])
    parser.add_argument("--no-select", action="store_true")
    for option in OTHER_OPTIONS:
        parser.add_argument(option, dest="other", action="append")
    parser.add_argument("words", nargs="*")
    own = list(arguments)
    if "--" in own:
        own = own[: own.index("--")]
    try:
        found, rest = parser.parse_known_intermixed_args(own)
    except argparse.ArgumentError:  # an option without its value
        found, rest = parser.parse_known_intermixed_args(own[:-1])
    # What stands after an option that is not known here is in the rest.
    words = (*found.words, *(each for each in rest if not each.startswith("-")))
    stack = found.stack
    if words[:1] == ("stack",) and words[1:2] in (("select",), ("init",), ("rm",)) and len(words) > 2:
        stack = words[2]
    return Asked(
        words=words,
        stack=stack,
        config_file=found.config_file,
        settings=tuple(found.config),
        excluded=tuple(each[3:] for each in found.exclude if re.fullmatch(r"\*\*\.[^*:]+", each)),
        select=not found.no_select,
    )
