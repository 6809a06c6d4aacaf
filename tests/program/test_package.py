"""The component as a package: what other programs and languages are given."""

import asyncio
import functools
import http.server
import json
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pulumi
import pytest
import yaml
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from redis_ha import RedisHa, image_files
from redis_ha.settings.model import SHAPE, Settings

ROOT = Path(__file__).parents[2]
TOKEN = "redis-ha:index:RedisHa"
TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


@pytest.fixture(scope="module")
def schema() -> Iterator[dict[str, Any]]:
    """What `pulumi package get-schema ./components` gets: from the folder, run as Pulumi runs a plugin."""
    plugin = subprocess.Popen([sys.executable, ROOT / "components", "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
    assert plugin.stdout is not None
    try:
        port = int(plugin.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            yield json.loads(stub.GetSchema(provider_pb2.GetSchemaRequest(), timeout=30).schema)
    finally:
        plugin.terminate()
        plugin.wait(10)


def test_every_setting_is_an_input_and_documented(schema: dict[str, Any]) -> None:
    resource = schema["resources"][TOKEN]
    inputs = resource["inputProperties"]
    assert inputs.keys() == {field.alias or name for name, field in Settings.model_fields.items()}
    assert resource["requiredInputs"] == ["password"]
    plain = {name for name, one in inputs.items() if one.get("plain")}
    assert plain == {Settings.model_fields[name].alias or name for name in SHAPE}
    types = [one for one in schema["types"].values() if "properties" in one]
    for properties in (inputs, resource["properties"], *(one["properties"] for one in types)):
        assert all(one.get("description") for one in properties.values()), properties


def test_the_outputs_are_the_contract(schema: dict[str, Any]) -> None:
    outputs = schema["resources"][TOKEN]["properties"]
    assert outputs.keys() >= {
        *("masterName", "nodes", "sentinels", "url", "password", "endpoint", "image", "metrics"),
    }


@pytest.mark.parametrize("given", [None, {"write": "a:1", "read": "a:2"}])
def test_an_output_that_does_not_apply_is_none(given: dict[str, str] | None) -> None:
    """Of a type of its own, which the SDK's host takes to be there."""
    host = runpy.run_path(str(ROOT / "components" / "__main__.py"))["Host"]([RedisHa], "redis-ha")
    endpoint = host.get_type_definition(host._component_defs["RedisHa"].outputs["endpoint"])
    assert host.map_complex_output(given, endpoint) == given

    async def told() -> Any:
        return await host.map_complex_output(pulumi.Output.from_input(given), endpoint).future()

    assert asyncio.run(told()) == given


def test_the_yaml_example_fits_the_schema(schema: dict[str, Any]) -> None:
    program = yaml.safe_load((ROOT / "examples/yaml/Pulumi.yaml").read_text())
    assert (ROOT / "examples/yaml" / program["packages"]["redis-ha"] / "PulumiPlugin.yaml").is_file()
    resource = schema["resources"][TOKEN]
    for name, one in program["resources"].items():
        assert one["type"] == "redis-ha:RedisHa"
        _fits(one["properties"], resource["inputProperties"], schema)
        used = [text for text in program["outputs"].values() if text.startswith(f"${{{name}.")]
        assert used
        assert {text.strip("${}").partition(".")[2] for text in used} <= resource["properties"].keys()


def test_the_typescript_example_fits_the_schema(schema: dict[str, Any]) -> None:
    """Its SDK is generated from the schema: the names are those there."""
    text = (ROOT / "examples/typescript/index.ts").read_text()
    resource = schema["resources"][TOKEN]
    (given,) = re.findall(r'new redisHa\.RedisHa\("cache", (\{.*?\})\);', text, re.DOTALL)
    arguments = yaml.safe_load(given.replace('config.requireSecret("password")', "text"))  # so far the same in YAML
    assert arguments.keys() >= {"replicas", "password", "ports"}
    _fits(arguments, resource["inputProperties"], schema)
    used = re.findall(r"cache\.(\w+)", text)
    assert used
    assert set(used) <= resource["properties"].keys()


def _fits(values: dict[str, Any], properties: dict[str, Any], schema: dict[str, Any]) -> None:
    for key, value in values.items():
        assert key in properties
        reference = properties[key].get("$ref", "")
        if reference.startswith("#/types/"):
            _fits(value, schema["types"][reference.removeprefix("#/types/")]["properties"], schema)
        elif not reference:
            wanted = properties[key]["type"]
            assert TYPES[type(value)] == wanted or (wanted, type(value)) == ("number", int), key


def test_the_installed_package_has_its_image_files(tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(installed)]
    subprocess.run([*command, str(ROOT / "components")], check=True)
    image = installed / "redis_ha" / "image"
    for folder in image_files.FOLDERS:
        assert image_files._contents(image / folder) == image_files._contents(ROOT / folder)
    program = tmp_path / "program"
    program.mkdir()
    ask = "from redis_ha import image_files; print(image_files.root()); print(image_files.context())"
    said = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=program,
        env={"PYTHONPATH": str(installed), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert said == [str(image), ".redis-ha/image"]
    staged = program / ".redis-ha"
    assert (staged / "image" / "configs" / "Dockerfile").is_file()
    assert (staged / ".gitignore").read_text() == "*\n"


def test_it_is_installed_from_a_repository(tmp_path: Path) -> None:
    """By the line of docs/component.md, from a clone behind a plain server of files."""
    repository = tmp_path / "served/project.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, repository], check=True)
    subprocess.run(["git", "update-server-info"], cwd=repository, check=True)
    files = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(repository.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{server.server_address[1]}"
        line = f"redis-ha @ git+http://{place}/project.git#subdirectory=components"
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path / "installed")]
        subprocess.run([*command, line], check=True)
        server.shutdown()
    assert (tmp_path / "installed/redis_ha/image/configs/Dockerfile").is_file()


def test_a_changed_file_is_staged_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    for folder in image_files.FOLDERS:
        (source / folder).mkdir(parents=True)
        (source / folder / "file").write_text("1")
    (source / image_files.IGNORE).write_text("*\n")
    monkeypatch.setattr(image_files, "root", lambda: source)
    monkeypatch.chdir(tmp_path)
    staged = Path(image_files.context())
    assert (staged / "agent" / "file").read_text() == "1"
    (source / "agent" / "file").write_text("2")
    image_files.context()
    assert (staged / "agent" / "file").read_text() == "2"
    monkeypatch.chdir(source)
    assert image_files.context() == "."
