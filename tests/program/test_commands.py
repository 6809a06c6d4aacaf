"""Every command, setting and snippet of the README and the pages is read by what would run it."""

import argparse
import importlib
import importlib.util
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drills.faults.power import Commands
from drills.limits import Limits
from drills.target.stack import NAMESPACE, Stack
from engine import cli
from engine.values import paths
from redis_ha.settings.loader import parse_settings
from tests.pages import FENCE, ROOT, lines
from tests.unit.test_pages import PAGES, ids

# A step of a workflow, and what stands for a value of its own.
RUN = re.compile(r"\brun: (.+)")
STEP = re.compile(r"\$\{\{.*?\}\}")
OPERATORS = {"&&", "|", "<", ">", ";"}
# Pulumi's own, which the embedded engine refuses by name; and what stands for any words.
PULUMI_ONLY = ("import", "stack import", "state delete", "stack rename", "stack --show-urns", "package add")
ANY_WORDS = ["ARGS"]
# Not of this repository.
TOOLS = {"venv", "mypy", "ruff"}
# Modules that take a stack's name, a command, or nothing, and have no parser.
PLAIN = {
    "ops.connect": 1,
    "ops.pins": 1,
    "ops.images": 1,
    "ops.to_pulumi": 1,
    "redis_ha.docker.nobody": 2,
    "redis_ha.settings.reference": 0,
}


def commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a line of shell, without what they read from and write to; a loop's for each value."""
    name, values = "", [""]
    for words in simple(text):
        if words[0] == "for":
            name, values = f"${words[1]}", words[3:]
        elif words[0] == "done":
            name, values = "", [""]
        else:
            inside = words[1:] if words[0] == "do" else words
            yield from ([value if word == name else word for word in inside] for value in values)


def simple(text: str) -> Iterator[list[str]]:
    """The words between a line's operators."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    tokens = iter(lexer)
    for token in tokens:
        if token not in OPERATORS:
            words.append(token)
        elif token in "<>":
            next(tokens)
        else:
            yield words
            words = []
    if words:
        yield words


def of(page: Path) -> list[list[str]]:
    """All commands that a page names."""
    # A target by itself is one that the text speaks of: test_pages.py. What Docker does is Docker's.
    found = (STEP.sub("dev", one) for one in lines(page.read_text()) if not re.fullmatch("make [a-z-]+", one))
    return [words for line in found if not line.startswith(("docker ", "ssh ")) for words in commands(line)]


class Parsed(Exception):  # noqa: N818 - it is no error
    """The words were taken."""


@pytest.fixture(autouse=True)
def _only_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = argparse.ArgumentParser.parse_args

    def only(parser: argparse.ArgumentParser, *words: Any, **more: Any) -> None:
        parse(parser, *words, **more)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", only)


def check(words: list[str], page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where what these words start would not take them."""
    program, rest = words[0], words[1:]
    if program == "make":
        check_make(rest, page, monkeypatch)
    elif program in ("./pulumiw", "pulumi"):
        check_pulumi(rest, page)
    elif rest[:1] == ["-m"]:
        check_module(rest[1], rest[2:], monkeypatch)
    elif program == "pip":
        target = rest[-1]
        assert (page.parent / target).exists() or (ROOT / target).exists() or " @ " in target
    elif program == "npm":
        assert rest == ["install"]
        assert (page.parent / "package.json").is_file()
    else:
        pytest.fail(f"nothing here can say whether this runs: {words}")


def check_make(rest: list[str], page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    makefile = (ROOT / "Makefile").read_text()
    known = {
        *re.findall(r"^([A-Z_]+) \?=", makefile, re.MULTILINE),
        *re.findall(r"\$\((?:if|or) \$\(([A-Z_]+)\)", makefile),
    }
    assert {word.partition("=")[0] for word in rest if "=" in word} <= known
    # Not what `make test` itself was given, where it runs this.
    given = {*known, "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in given}
    done = subprocess.run(["make", "-n", *rest], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        if line.startswith(("./pulumiw ", ".venv/bin/python -m ")):
            check(next(commands(line)), page, monkeypatch)


def check_pulumi(rest: list[str], page: Path) -> None:
    if rest == ANY_WORDS:
        return
    ours = not " ".join(rest).startswith(PULUMI_ONLY)
    try:
        asked = cli.parse(rest)
    except SystemExit:
        assert not ours, f"the embedded engine refuses this: {rest}"
        return
    assert ours, f"the embedded engine does this: {rest}"
    if rest[:2] in (["config", "set"], ["config", "get"], ["config", "rm"]):
        value = getattr(asked, "value", None)
        check_setting([asked.key] if value is None else [asked.key, value], "--path" in rest, page)


def check_setting(operands: list[str], path: bool, page: Path) -> None:
    """The key of `config`, and what it is set to, as the program at hand takes it."""
    key = operands[0]
    if page.parent.parent == ROOT / "examples":
        files = [file.read_text() for file in page.parent.iterdir() if file.is_file() and file != page]
        assert any(re.search(rf"\b{key}\b", text) for text in files), f"no setting of that example: {key}"
        return
    first = str(paths.parse(key)[0])
    assert first in yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"], f"no setting: {first}"
    if len(operands) > 1 and not path and "..." not in operands[1]:
        parse_settings({"password": "x", first: operands[1]}, "test")


def check_module(name: str, rest: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "pytest":
        assert all((ROOT / word).exists() for word in rest if word.startswith("tests/"))
        return
    spec = importlib.util.find_spec(name)
    assert spec is not None, f"no module {name}"
    if name in TOOLS:
        return
    if name in PLAIN:
        assert len(rest) == PLAIN[name]
        assert not any(word.startswith("-") for word in rest)
        return
    package = spec.submodule_search_locations is not None
    main = importlib.import_module(f"{name}.__main__" if package else name).main
    monkeypatch.setattr(sys, "argv", [name, *rest])
    with pytest.raises(Parsed):
        main(*([rest] if inspect.signature(main).parameters else []))


@pytest.mark.parametrize("page", [page for page in PAGES if of(page)], ids=ids)
def test_every_command_is_one_that_there_is(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in of(page):
        check(words, page, monkeypatch)


def blocks(kind: str) -> list[Any]:
    found = [(page, block) for page in PAGES for one, block in FENCE.findall(page.read_text()) if one == kind]
    found = [(page, block) for page, block in found if not RUN.search(block)]
    return [pytest.param(block, id=f"{ids(page)}-{block.splitlines()[0][:30]}") for page, block in found]


@pytest.mark.parametrize("block", blocks("python"))
def test_every_snippet_compiles_and_what_it_imports_is_there(block: str) -> None:
    compile(block, "snippet", "exec")
    for line in block.splitlines():
        if line.startswith(("import ", "from ")):
            exec(line, {})  # noqa: S102 - imports of this repository's own pages


@pytest.mark.parametrize("block", blocks("yaml"))
def test_every_config_is_one_that_the_program_takes(block: str, tmp_path: Path) -> None:
    config = yaml.safe_load(block.replace("{secure: ...}", "secret"))["config"]
    own = {key.partition(":")[2]: value for key, value in config.items() if key.startswith("redis-ha:")}
    parse_settings({"password": "x", **own}, "test")
    drill = {key: value for key, value in config.items() if key.startswith(f"{NAMESPACE}:")}
    assert len(own) + len(drill) == len(config)
    stack = Stack("test", tmp_path)
    stack.configure(drill)
    assert not drill or Commands.of(stack).lacks("powerOff") is None or Limits.of(stack) != Limits()
