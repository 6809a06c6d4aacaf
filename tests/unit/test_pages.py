"""The README and the pages: every link leads somewhere, every command and file that they name is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import ELSEWHERE, FENCE, NAMED, OURS, ROOT, lines

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")])
FILES = re.compile(
    r"`((?:agent|backup|bootstrap|clients|components|configs|docs|drills|engine|examples|monitoring|ops|tests)/[\w./-]*)`"
)

# What is promised: a paragraph, an item or a row that says it names the test that fails where it is not so.
PROMISE = re.compile(
    r"\bnever\b|\bno (?:acknowledged )?write\b[^.|]*\blost\b|\blost no acknowledged"
    r"|\bnothing (?:is lost|that was acknowledged|has changed)|\b0 lost\b",
    re.IGNORECASE,
)
BLOCKS = re.compile(r"\n\n|\n(?=[|*-] |\d+\. |\|)")


def ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub makes links of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?://)([^)\s]+)\)", page.read_text()):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_targets_of_make_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:`|^|&& )make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= targets


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_files_that_are_named_are_there(page: Path) -> None:
    if page.name == "CHANGELOG.md":  # of what was there once
        return
    missing = [name for name in FILES.findall(page.read_text()) if not (ROOT / name).exists()]
    assert not missing


def typed() -> Iterator[str]:
    """The lines that tests/deploy/pages types."""
    files = sorted((ROOT / "tests/deploy/pages").glob("*.py"))
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("reader", "reader.watched"):
            line = ast.literal_eval(node.args[0])
            assert isinstance(line, str)
            yield line


def test_every_command_is_run() -> None:
    said = {line for page in OURS for line in lines(page.read_text())}
    run = {*typed(), *ELSEWHERE}
    # The beginning of one that is run is its name.
    named = {line for line in said if any(one.startswith(f"{line} ") for one in run)}
    assert said - named <= run | NAMED.keys(), "a command that nothing runs: see tests/deploy/pages"
    assert run | NAMED.keys() <= said, "a command that no page says any more"
    assert not run & NAMED.keys()


@pytest.mark.parametrize("line", ELSEWHERE)
def test_what_runs_a_command_elsewhere_is_there(line: str) -> None:
    file, text = ELSEWHERE[line]
    assert text in (ROOT / file).read_text()


@pytest.mark.parametrize("page", OURS, ids=ids)
def test_what_is_promised_names_its_test(page: Path) -> None:
    for block in BLOCKS.split(FENCE.sub("", page.read_text())):
        if promise := PROMISE.search(block):
            assert re.search(r"\btests/[a-z/]+test_\w+\.py\b", block), f"{promise[0]!r}, and no test: {block}"
