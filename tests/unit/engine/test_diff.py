"""What counts as a change."""

from typing import Any

import pytest

from engine.docker.container_spec import PROPS
from engine.docker.labels import Applied
from engine.docker.props import check_supported, comparable
from engine.errors import EngineError
from engine.run.steps import Step
from engine.values import compare as diff
from engine.values.compare import Change, compare
from engine.values.wire import SIGNATURE, UNKNOWN, Secret, from_wire, has_unknown, reveal, to_wire


def hashed(value: Any) -> Any:
    return diff.hashed(value, lambda secret: f"h({secret})")


def test_sets_are_compared_by_member() -> None:
    old = {"envs": ["A=1", "B=2"], "ports": [{"internal": 1, "external": 2}]}
    new = {"envs": ["B=3", "A=1", "C=4"], "ports": [{"internal": 1, "external": 5}]}
    assert compare(comparable(PROPS, old), comparable(PROPS, new)) == [
        Change(("envs", 1), "update"),
        Change(("envs", 2), "add"),
        Change(("ports", 0, "external"), "update"),
    ]
    turned = {"envs": ["B=2", "A=1"], "ports": old["ports"]}
    assert compare(comparable(PROPS, old), comparable(PROPS, turned)) == []


def test_lists_are_compared_by_place_and_keys_by_name() -> None:
    assert compare({"command": ["a", "b"], "x": 1}, {"command": ["a"], "y": True}) == [
        Change(("command", 1), "delete"),
        Change(("x",), "delete"),
        Change(("y",), "add"),
    ]


def test_secrets_are_compared_by_hash_and_never_shown() -> None:
    old = hashed({"uploads": [{"file": "/a", "content": Secret("x")}]})
    new = hashed({"uploads": [{"file": "/a", "content": Secret("y")}]})
    assert diff.is_hashed(new["uploads"][0]["content"])
    assert compare(old, new) == [Change(("uploads", 0, "content"), "update")]
    assert compare(old, hashed({"uploads": [{"file": "/a", "content": Secret("x")}]})) == []


def test_unknown_is_a_change() -> None:
    assert compare({"image": "a"}, {"image": UNKNOWN}) == [Change(("image",), "update")]
    assert compare({"image": UNKNOWN}, {"image": UNKNOWN}) == [Change(("image",), "update")]


def test_ignored_changes_keep_the_old_value() -> None:
    assert diff.keep_ignored({"a": 1, "b": {"c": 2}}, {"a": 5, "b": {"c": 6, "d": 7}}, ["a", "b.c"]) == {
        "a": 1,
        "b": {"c": 2, "d": 7},
    }


def test_a_secret_is_not_ignored_whose_value_nobody_knows() -> None:
    old = {"env": diff.hashed({"A": Secret("geheim")}, lambda value: "0")}
    with pytest.raises(EngineError, match="ignore_changes of a secret is not implemented"):
        diff.keep_ignored(old, {"env": {"A": "other"}}, ["env.A"])


def test_wire_values_come_back() -> None:
    values = {"s": Secret("x"), "u": UNKNOWN, "l": [1, 2.5, True, {"k": "v"}], "n": None}
    back = from_wire(to_wire(values))
    assert back == {"s": Secret("x"), "u": UNKNOWN, "l": [1, 2.5, True, {"k": "v"}]}
    assert has_unknown(back)
    assert reveal(back["s"]) == "x"


@pytest.mark.parametrize(
    ("signature", "kind"), [("c44067f5952c0a294b673a41bacd8c17", "an asset"), ("x", "a special value x")]
)
def test_other_kinds_of_values_are_refused_with_the_propertys_name(signature: str, kind: str) -> None:
    with pytest.raises(EngineError, match=rf"property 'a\.b\[1\]' is {kind}"):
        from_wire(to_wire({"a": {"b": [1, {SIGNATURE: signature}]}}))


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
