"""What a preview of the embedded engine says, before and after changes by settings and by hand; one stack for all."""

from __future__ import annotations

import io
import json
import re

import docker
import pytest

from tests.engine_command import EngineCommand
from tests.preview.conftest import BASE, held, write

NAME = "embedded-preview"


def test_a_new_stack(undeployed: EngineCommand) -> None:
    text = undeployed("preview").stdout
    assert text.startswith("Previewing update (test):\n")
    assert "+  pulumi:pulumi:Stack embedded-preview-test create\n" in text
    assert "└── +  docker:index:Container node create\n" in text
    assert "  + image   : [unknown]" in text
    assert "  + password: [secret]" in text
    assert text.endswith("Resources:\n    + 5 to create\n")


def test_nothing_to_do(deployed: EngineCommand) -> None:
    for arguments in (["preview"], ["preview", "--refresh"], ["preview", "--diff"], ["up", "--yes"], ["refresh", "-y"]):
        done = deployed(*arguments, "--expect-no-changes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "unchanged" in done.stdout


def test_property_diffs_show_old_and_new_but_no_secret(deployed: EngineCommand) -> None:
    for key, value in {"b": "2", "restart": "always"}.items():
        deployed("config", "set", key, value)
    deployed("config", "set", "--secret", "password", "anderes")
    text = deployed("preview", "--diff").stdout
    assert "@@ +- docker:index:Container node: replace @@\n" in text
    assert "\n-- B=1\n+- B=2\n" in text
    assert "\n-restart: 'no'\n+restart: always\n" in text
    assert re.search(r"\n-- content: '\[secret \w{6}\]'\n\+- content: '\[secret \w{6}\]'\n", text)
    assert text.endswith("Resources:\n    +-1 to replace\n    4 unchanged\n")
    assert "anderes" not in text
    assert "fromreal" not in text
    failed = deployed("preview", "--expect-no-changes")
    assert failed.returncode == 7
    assert "no changes were expected" in failed.stderr


def test_an_unchanged_image_is_known_and_a_changed_one_is_not(deployed: EngineCommand) -> None:
    assert deployed("stack", "output", "image").stdout.startswith("sha256:")
    (deployed.folder / "app" / "run").write_text("2")
    text = deployed("preview").stdout
    assert "├── ~  docker:index:Image image update [diff: ~build]\n" in text
    assert "replace [diff: ~image]\n" in text
    assert "  ~ image: [unknown]" in text


def test_what_was_removed_by_hand_is_created_again(deployed: EngineCommand) -> None:
    docker.from_env().containers.get(NAME).remove(force=True)
    assert "docker:index:Container node" in deployed("preview").stdout
    assert "+ 1 created" in deployed("up", "--yes", "--skip-preview").stdout
    assert deployed("preview", "--expect-no-changes").returncode == 0


def test_secrets_are_neither_in_labels_nor_in_inspect(deployed: EngineCommand) -> None:
    client = docker.from_env()
    assert "fromreal" not in json.dumps(client.containers.get(NAME).attrs)
    assert deployed("stack", "output", "password").stdout == "[secret]\n"
    assert deployed("stack", "output", "password", "--show-secrets").stdout == "fromreal\n"


def test_a_broken_dockerfile_names_its_step(deployed: EngineCommand) -> None:
    (deployed.folder / "app" / "Dockerfile").write_text("FROM embedded-preview-base:1\nCOPY nothere /\n")
    failed = deployed("up", "--yes", "--skip-preview")
    assert failed.returncode == 1
    assert "Step 2/" in failed.stdout
    assert "COPY" in failed.stdout
    assert "nothere" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    write(deployed.folder)
    assert deployed("preview", "--expect-no-changes").returncode == 0


def test_a_subnet_that_is_taken_is_found_before_anything_goes(deployed: EngineCommand) -> None:
    client = docker.from_env()
    pool = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="10.213.250.32/28")])
    other = client.networks.create("embedded-preview-other", ipam=pool)
    try:
        deployed("config", "set", "subnet", "10.213.250.32/27")
        failed = deployed("up", "--yes", "--skip-preview")
        assert failed.returncode == 1
        assert "overlaps with 10.213.250.32/28 of the Docker network 'embedded-preview-other'" in failed.stdout
        deployed("config", "rm", "subnet")
        assert deployed("preview", "--expect-no-changes").returncode == 0
    finally:
        other.remove()


def test_a_lock_of_another_machine_is_removed_by_cancel(deployed: EngineCommand) -> None:
    by = json.dumps({"token": "x", "who": "anna@there", "machine": "x", "pid": 1, "started": "2", "since": "3"})
    docker.from_env().volumes.create(f"pulumi-embedded.{NAME}.test.lock", labels={"pulumi.embedded.lock": by})
    refused = deployed("up", "--yes", "--skip-preview")
    assert refused.returncode == 1
    assert "is currently locked by anna@there (process 1, since 3)" in refused.stdout + refused.stderr
    assert "has been removed" in deployed("cancel").stdout
    assert deployed("up", "--yes", "--skip-preview").returncode == 0


def test_outputs_are_those_of_the_last_deployment(deployed: EngineCommand) -> None:
    deployed("config", "set", "b", "2")
    assert deployed("stack", "output", "b").stdout == "1\n"
    (deployed.folder / "__main__.py").write_text("raise Exception()")
    assert deployed("stack", "output", "b").stdout == "1\n"


def test_what_a_killed_build_has_left_is_removed(deployed: EngineCommand) -> None:
    """The classic builder writes one label after the other: such a half may have the stack's only."""
    client = docker.from_env()
    dockerfile = io.BytesIO(f"FROM {BASE}\nLABEL half=made\n".encode())
    half, _ = client.images.build(fileobj=dockerfile, labels={"pulumi.embedded.stack": f"{NAME}/test"}, rm=True)
    assert deployed("up", "--yes", "--skip-preview").returncode == 0
    images = client.images.list(filters={"label": f"pulumi.embedded.stack={NAME}/test"})
    assert half.id not in [image.id for image in images]
    assert len(images) == 1


def test_destroy_needs_no_program_and_leaves_nothing(deployed: EngineCommand) -> None:
    (deployed.folder / "__main__.py").write_text("raise Exception()")
    gone = deployed("destroy", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert "- 5 deleted" in gone.stdout
    assert held() == []


def test_a_preview_needs_no_docker(idle: EngineCommand) -> None:
    done = idle("preview", "--diff", DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "@@ + docker:index:Container node: create not looked at @@\n" in done.stdout
    assert "\n+restart: 'no'\n" in done.stdout
    assert "fromreal" not in done.stdout
    assert done.stdout.count("warning:") == 1
    assert "cannot reach the Docker daemon at unix:///nowhere.sock" in done.stdout
    assert "This preview has not looked at what is there" in done.stdout
    assert done.stdout.endswith("Resources:\n    + 5 to create\n")


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "message"),
    [
        (["preview", "--plan", "x"], {}, 1, "unknown flag: --plan"),
        (["watch"], {}, 1, "unknown command 'watch'"),
        (["preview", "--json"], {}, 1, "unknown flag: --json"),
        (["up", "--target", "x"], {}, 1, "unknown flag: --target"),
        (["stack", "select", "x"], {}, 1, "unknown command 'select'"),
        (["config", "--stack", "test", "set", "nope:a:b:c", "1"], {}, 1, "could not parse nope:a:b:c"),
        (["preview", "--stack", "nope"], {}, 6, "no stack named 'nope' found"),
        (["preview"], {"PULUMI_CONFIG_PASSPHRASE": "wrong"}, 1, "incorrect passphrase"),
        (["up", "--yes"], {"DOCKER_HOST": "unix:///nowhere.sock"}, 1, "cannot reach the Docker daemon"),
        (["up", "--skip-preview"], {"DOCKER_HOST": "unix:///nowhere.sock"}, 1, "cannot reach the Docker daemon"),
        (["up"], {}, 2, "--yes or --skip-preview must be passed in"),
        (["config", "get", "nope"], {}, 1, "configuration key 'nope' not found"),
    ],
)
def test_errors_are_one_message(
    idle: EngineCommand, arguments: list[str], environment: dict[str, str], code: int, message: str
) -> None:
    failed = idle(*arguments, **environment)
    assert failed.returncode == code
    said = failed.stdout + failed.stderr  # what goes wrong in a run is among its diagnostics, as with Pulumi
    assert message in said
    assert "Traceback" not in said
    assert said.count("error:") == 1
