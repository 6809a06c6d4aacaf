"""Stack files and the config schema."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError
from engine.files import config as configschema
from engine.files.project import Project, find_project
from engine.files.stack_file import StackFile, full_key, typed_scalar
from engine.values import paths

SCHEMA = {
    "count": {"default": 2},
    "names": {"default": ["a"]},
    "ports": {"default": {"master": 1}},
    "password": {"secret": True},
    "flag": {"default": False},
}


def load(raw: dict[str, Any], schema: dict[str, Any] | None = None) -> configschema.Config:
    project = Project("p", Path(), Path(), SCHEMA if schema is None else schema)
    return configschema.load(project, "dev", raw, lambda text: f"<{text}>")


def test_defaults_secrets_and_objects_reach_the_program_as_text() -> None:
    config = load({"p:password": {"secure": "x"}, "p:count": 3})
    assert config.values == {
        "p:password": "<x>",
        "p:count": "3",
        "p:names": '["a"]',
        "p:ports": '{"master":1}',
        "p:flag": "false",
    }
    assert config.secret_keys == {"p:password"}


def test_secrets_inside_objects_make_the_whole_value_secret() -> None:
    config = load({"p:o": {"a": [{"secure": "x"}]}}, {})
    assert config.values["p:o"] == '{"a":["<x>"]}'
    assert config.secret_keys == {"p:o"}


@pytest.mark.parametrize(
    ("raw", "schema", "message"),
    [
        ({}, SCHEMA, "Stack 'dev' is missing configuration value 'password'"),
        ({"pulumi:autonaming": "x"}, {}, "config 'pulumi:autonaming' is not implemented"),
        ({"docker:certPath": "x"}, {}, "config 'docker:certPath' is not implemented"),
        ({}, {"a": {"type": "integer"}}, "config 'a': `type` is not implemented"),
        ({}, {"a": {"value": 1}}, "config 'a': `value` is not implemented"),
    ],
)
def test_wrong_config_is_named(raw: dict[str, Any], schema: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError) as error:
        load(raw, schema)
    assert message in str(error.value)


def test_several_missing_values_come_in_one_message() -> None:
    with pytest.raises(EngineError, match=r"values 'a', 'b' and 'c'$"):
        load({}, {key: {"secret": True} for key in "cab"})


def test_editing_a_stack_file_keeps_its_comments(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text("# head\nconfig:\n  # about n\n  p:n: 1 # tail\n")
    file = StackFile(path)
    file.set_value("p:restart", (), "no")
    file.set_value("p:o", paths.parse("a[0]"), 5)
    file.set_salt("v1:x")
    file.set_values({"p:n": None})
    text = path.read_text()
    assert "# head" in text
    assert 'p:restart: "no"' in text
    assert StackFile(path).config == {"p:restart": "no", "p:o": {"a": [5]}}
    assert StackFile(path).salt == "v1:x"
    assert not list(tmp_path.glob(".Pulumi*"))


def test_yaml_is_read_as_pulumi_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text("config:\n  p:a: no\n  p:b: 12:30\n  p:c: true\n  p:d: 2026-01-01\n  p:e: 1.5\n  p:f: 007\n")
    assert list(StackFile(path).config.values()) == ["no", "12:30", True, "2026-01-01", 1.5, "007"]


@pytest.mark.parametrize(
    "line", ["secretsprovider: awskms://x", "environment: [a]", "config: [1]", "config: {", "new: 1"]
)
def test_what_a_stack_file_may_not_hold(tmp_path: Path, line: str) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(line + "\n")
    with pytest.raises(EngineError, match=r"Pulumi\.dev\.yaml"):
        StackFile(path)


def test_keys_and_scalars() -> None:
    assert full_key("p", "a") == "p:a"
    assert full_key("p", "q:a") == "q:a"
    for malformed in ("q:config:a", "a:b:c:d", "a:", ""):
        with pytest.raises(EngineError, match="could not parse"):
            full_key("p", malformed)
    assert [typed_scalar(text) for text in ("true", "12", "012", "x")] == [True, 12, "012", "x"]


@pytest.mark.parametrize(("text", "path"), [("a.b[0].c", ("a", "b", 0, "c")), ('a["x y"]', ("a", "x y"))])
def test_paths(text: str, path: paths.Path) -> None:
    assert paths.parse(text) == path


def test_a_project_is_found_from_below_and_must_be_python(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "deep").mkdir()
    assert find_project(tmp_path / "deep").name == "p"
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: nodejs\n")
    with pytest.raises(EngineError, match="Python programs only"):
        find_project(tmp_path)
