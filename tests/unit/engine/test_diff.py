"""What counts as a change."""

from typing import Any

import pytest

from engine.docker.container_props import PROPS
from engine.docker.labels import Applied
from engine.docker.resource import check_supported, identities
from engine.errors import EngineError
from engine.run.steps import Step
from engine.values import compare as diff
from engine.values.compare import Change, compare
from engine.values.wire import UNKNOWN, Secret, from_wire, has_unknown, reveal, to_wire


def hashed(value: Any) -> Any:
    return diff.hashed(value, lambda secret: f"h({secret})")


def test_sets_are_compared_by_member() -> None:
    old = {"envs": ["A=1", "B=2"], "ports": [{"internal": 1, "external": 2}]}
    new = {"envs": ["B=3", "A=1", "C=4"], "ports": [{"internal": 1, "external": 5}]}
    assert compare(old, new, identities(PROPS)) == [
        Change(("envs", 0), "update", "B=2", "B=3"),
        Change(("envs", 2), "add", None, "C=4"),
        Change(("ports", 0, "external"), "update", 2, 5),
    ]


def test_lists_are_compared_by_place_and_keys_by_name() -> None:
    assert compare({"command": ["a", "b"], "x": 1}, {"command": ["a"], "y": True}) == [
        Change(("command", 1), "delete", "b", None),
        Change(("x",), "delete", 1, None),
        Change(("y",), "add", None, True),
    ]


def test_secrets_are_compared_by_hash_and_never_shown() -> None:
    old = hashed({"uploads": [{"file": "/a", "content": Secret("x")}]})
    new = hashed({"uploads": [{"file": "/a", "content": Secret("y")}]})
    (change,) = compare(old, new, identities(PROPS))
    assert diff.is_hashed(change.old) and diff.is_hashed(change.new)
    assert compare(old, hashed({"uploads": [{"file": "/a", "content": Secret("x")}]}), identities(PROPS)) == []


def test_unknown_is_a_change() -> None:
    assert compare({"image": "a"}, {"image": UNKNOWN}) == [Change(("image",), "update", "a", UNKNOWN)]


def test_ignored_changes_keep_the_old_value() -> None:
    assert diff.keep_ignored({"a": 1, "b": {"c": 2}}, {"a": 5, "b": {"c": 6, "d": 7}}, ["a", "b.c"]) == {
        "a": 1,
        "b": {"c": 2, "d": 7},
    }


def test_wire_values_come_back() -> None:
    values = {"s": Secret("x"), "u": UNKNOWN, "l": [1, 2.5, True, {"k": "v"}], "n": None}
    back = from_wire(to_wire(values), "")
    assert back == {"s": Secret("x"), "u": UNKNOWN, "l": [1, 2.5, True, {"k": "v"}]}
    assert has_unknown(back)
    assert reveal(back["s"]) == "x"


def test_labels_come_back() -> None:
    applied = Applied({"a": 1}, ["d"], {"p": ["d"]}, ["s"], True)
    assert Applied.from_label(applied.to_label()) == applied
    with pytest.raises(EngineError, match="not readable"):
        Applied.from_label("{}")


@pytest.mark.parametrize(
    ("inputs", "named"),
    [({"gpus": "all"}, "'gpus'"), ({"ports": [{"internal": 1, "mode": "x"}]}, "'ports.mode'")],
)
def test_unsupported_inputs_are_named(inputs: dict[str, Any], named: str) -> None:
    with pytest.raises(EngineError, match=named):
        check_supported(PROPS, inputs, "docker:index/container:Container", "c")


def test_the_info_column_reads_like_pulumis() -> None:
    step = Step("update", "urn:pulumi:dev::p::a:b:C::n")
    step.changes = [
        Change(("b",), "update"),
        Change(("a", 0), "add"),
        Change(("c",), "add"),
        Change(("d",), "delete"),
    ]
    assert step.summary == "[diff: +c-d~a,b]"
