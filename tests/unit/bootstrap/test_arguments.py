"""Pulumi's arguments, as far as ./pulumiw reads them."""

import pytest

from bootstrap.wrapper.arguments import read


@pytest.mark.parametrize(
    ("line", "words", "stack"),
    [
        ("up", ["up"], None),
        ("up --yes -s prod", ["up"], "prod"),
        ("-s=prod up", ["up"], "prod"),
        ("--stack=a/b/prod up --skip-preview", ["up"], "a/b/prod"),
        ("stack output password --show-secrets --stack prod", ["stack", "output", "password"], "prod"),
        ("-C elsewhere --color never stack select prod", ["stack", "select", "prod"], "prod"),
        ("stack init prod --stack other", ["stack", "init", "prod"], "prod"),
        ("stack rm --yes", ["stack", "rm"], None),
        ("config set --path ports.master 7000", ["config", "set", "ports.master", "7000"], None),
        ("--policy-pack rules preview --policy-pack-config rules.json", ["preview"], None),
        ("up -- --stack prod", ["up"], None),
        ("up --stack", ["up"], None),
        ("", [], None),
    ],
)
def test_the_command_and_its_stack(line: str, words: list[str], stack: str | None) -> None:
    found = read(line.split())
    assert (list(found.words), found.stack) == (words, stack)


@pytest.mark.parametrize(
    "line", ["-c baseImage=a:1", "--config redis-ha:baseImage=a:1", "-c baseImage=b --config=baseImage=a:1"]
)
def test_a_setting_of_this_run(line: str) -> None:
    assert read(["up", *line.split()]).setting("baseImage") == "a:1"
    assert read(["up", *line.split()]).setting("endpoint") is None


def test_only_hosts_as_a_whole_are_left_out() -> None:
    found = read(["up", "--exclude", "**.b", "--exclude=**.c", "-x", "**.d*", "-x", "urn:pulumi:x::y::z::a"])
    assert found.excluded == ("b", "c")
