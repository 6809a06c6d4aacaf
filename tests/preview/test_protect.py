"""What is declared `protect`, on the real Docker: refused before anything is done, without a preview too."""

from __future__ import annotations

import docker

from tests.engine_command import EngineCommand

NAME = "embedded-preview"
PROGRAM = """
import pulumi
import pulumi_docker as docker

b = pulumi.Config().require("b")
labels = [docker.VolumeLabelArgs(label="b", value=b)]
before = docker.Volume("before", name="embedded-preview-before", labels=labels)
docker.Volume("data", name="embedded-preview", labels=labels,
    opts=pulumi.ResourceOptions(protect=b != "3", depends_on=[before]))
"""
UP = ("up", "--yes", "--skip-preview")
TO_UNPROTECT = "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"


def _labels() -> dict[str, str]:
    """The label `b` of each of the stack's volumes."""
    held = docker.from_env().volumes.list(filters={"label": f"pulumi.embedded.stack={NAME}/test"})
    return {str(one.name): one.attrs["Labels"].get("b", "") for one in held}


def test_a_protected_volume_is_neither_replaced_nor_deleted(engine: EngineCommand) -> None:
    (engine.folder / "__main__.py").write_text(PROGRAM)
    assert engine(*UP).returncode == 0
    made = {f"{NAME}-before": "1", NAME: "1"}
    assert _labels() == made

    engine("config", "set", "b", "2")
    refused = engine(*UP)
    assert refused.returncode == 1
    assert 'unable to replace resource "urn:pulumi:test::' in refused.stdout
    assert TO_UNPROTECT in refused.stdout
    assert _labels() == made  # what comes before it in the program has not been replaced either
    assert engine("preview").returncode == 1

    refused = engine("destroy", "--yes", "--skip-preview")
    assert refused.returncode == 1
    assert "cannot be deleted\nbecause it is protected" in refused.stderr
    assert _labels() == made

    engine("config", "set", "b", "3")  # not protected any more
    assert engine(*UP).returncode == 0
    assert _labels() == {f"{NAME}-before": "3", NAME: "3"}
