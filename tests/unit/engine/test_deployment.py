"""Programs against a Docker of dicts: operations, order, replacement, hooks, secrets, deletes."""

from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.values.wire import UNKNOWN, Secret
from tests.unit.engine.memory import MemoryHandler, Stand

CHAIN = """
config = pulumi.Config()
subnet = docker.NetworkIpamConfigArgs(subnet=config.get("subnet") or "10.0.0.0/24")
network = docker.Network("net", name="net", ipam_configs=[subnet])
kept = pulumi.ResourceOptions(retain_on_delete=bool(config.get("retain")))
before = []
for index in range(int(config.get("count") or 2)):
    volume = docker.Volume(f"vol{index}", name=f"vol{index}", opts=kept)
    node = docker.Container(
        f"node{index}", name=f"node{index}", image=config.get("image") or "i1", restart=config.get("restart") or "no",
        stop_signal=config.get("signal") if index == 1 else None,
        networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name)],
        volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=volume.name)],
        uploads=[docker.ContainerUploadArgs(file="/s", content=pulumi.Output.secret(config.get("secret") or "geheim"))],
        opts=pulumi.ResourceOptions(depends_on=before, delete_before_replace=True),
    )
    before = [node]
pulumi.export("name", node.name)
pulumi.export("host", node.hostname)
pulumi.export("secret", pulumi.Output.secret("s"))
"""


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def test_everything_is_created_once_and_then_left_alone(stand: Stand) -> None:
    assert set(stand.run(CHAIN, dry_run=True).values()) == {"create"}
    assert stand.log == []
    assert stand.outputs["host"] is UNKNOWN
    stand.run(CHAIN)
    made = [line.removeprefix("create ") for line in stand.log]
    assert sorted(made) == ["net", "node0", "node1", "vol0", "vol1"]
    # What does not depend on one another may come in any order.
    for first, then in (("net", "node0"), ("vol0", "node0"), ("vol1", "node1"), ("node0", "node1")):
        assert made.index(first) < made.index(then)
    assert stand.outputs == {"name": "node1", "host": "node1", "secret": Secret("s")}
    assert set(stand.run(CHAIN).values()) == {"same"}
    assert stand.log == []


def test_a_change_that_replaces_goes_node_by_node(stand: Stand) -> None:
    stand.run(CHAIN)
    assert stand.run(CHAIN, dry_run=True, image="i2")["node0"] == "replace"
    stand.run(CHAIN, image="i2")
    assert stand.log == ["delete node0", "create node0", "delete node1", "create node1"]


def test_a_change_in_place_is_one_and_stays_known(stand: Stand) -> None:
    stand.run(CHAIN)
    assert stand.run(CHAIN, restart="always")["node0"] == "update"
    assert stand.log == ["update node0", "update node1"]
    assert set(stand.run(CHAIN, restart="always").values()) == {"same"}


def test_what_hangs_on_a_replaced_network_is_taken_down_first(stand: Stand) -> None:
    stand.run(CHAIN)
    preview = stand.run(CHAIN, dry_run=True, subnet="10.0.1.0/24")
    assert [preview[name] for name in ("net", "node0", "node1", "vol0")] == ["replace", "replace", "replace", "same"]
    stand.run(CHAIN, subnet="10.0.1.0/24")
    assert sorted(stand.log[:2]) == ["delete node0", "delete node1"]
    assert stand.log[2:] == ["delete net", "create net", "create node0", "create node1"]


def test_secrets_are_hashed_in_labels_and_a_new_one_replaces(stand: Stand) -> None:
    stand.run(CHAIN)
    assert "geheim" not in stand.labels
    assert stand.run(CHAIN, dry_run=True, secret="other")["node0"] == "replace"
    assert "other" not in str(stand.steps["node0"].changes)


def test_what_is_no_longer_declared_is_deleted_after_its_dependents(stand: Stand) -> None:
    stand.run(CHAIN, count="3")
    assert stand.run(CHAIN, count="2")["node2"] == "delete"
    assert stand.log == ["delete node2", "delete vol2"]


def test_retained_volumes_stay_and_are_taken_up_again(stand: Stand) -> None:
    stand.run(CHAIN, count="3")
    stand.run(CHAIN, count="3", retain="1")  # declared later: labels cannot follow, the notes do
    stand.run(CHAIN, count="2", retain="1")
    assert stand.log == ["delete node2"]
    assert set(stand.run(CHAIN, count="2", retain="1").values()) == {"same"}
    assert stand.run(CHAIN, count="3", retain="1")["vol2"] == "same"
    stand.destroy()
    assert sorted(item["name"] for item in stand.world.values()) == ["vol0", "vol1", "vol2"]


def test_destroy_needs_no_program_and_goes_backwards(stand: Stand) -> None:
    stand.run(CHAIN)
    (stand.directory / "__main__.py").write_text("raise Exception()")
    stand.destroy()
    deleted = stand.log.index
    assert deleted("delete node1") < deleted("delete node0") < deleted("delete vol0")
    assert deleted("delete node1") < deleted("delete vol1")
    assert deleted("delete node0") < deleted("delete net")
    assert stand.world == {}


def test_a_failed_step_stops_the_rest_and_is_told_once(stand: Stand) -> None:
    with pytest.raises(EngineError, match="it is broken"):
        stand.run(CHAIN, count="3", signal="broken")
    assert stand.errors == ["creating node1: it is broken"]
    assert "create node2" not in stand.log
    assert stand.run(CHAIN, count="3")["node1"] == "create"


def test_what_cannot_be_deleted_keeps_all_that_it_is_built_on(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.run(CHAIN, count="3")
    remove = MemoryHandler.remove

    def refusing(self: MemoryHandler, identifier: str) -> None:
        if identifier == "node2-id":
            raise EngineError("node2 is in use")
        remove(self, identifier)

    monkeypatch.setattr(MemoryHandler, "remove", refusing)
    with pytest.raises(EngineError, match="node2 is in use"):
        stand.destroy()
    # The third node depends on the second, that one on the first.
    assert stand.names == ["net", "node0", "node1", "node2", "vol0", "vol1", "vol2"]
    assert stand.errors == ["node2 is in use"]


HOOKED = """
import os
def wait(args):
    with open("hooks.txt", "a") as file:
        file.write(f"{args.name} {args.id} {args.new_outputs['name']}\\n")
    if os.path.exists("fail"):
        raise Exception("did not join")
hooks = pulumi.ResourceHookBinding(after_create=[pulumi.ResourceHook("joined", wait)])
for name in ("a1", "b1"):
    docker.Container(name, name=name, image="i", opts=pulumi.ResourceOptions(hooks=hooks))
"""


def test_hooks_run_after_a_create_and_not_in_a_preview(stand: Stand) -> None:
    file = stand.directory / "hooks.txt"
    stand.run(HOOKED, dry_run=True)
    assert not file.exists()
    stand.run(HOOKED)
    assert sorted(file.read_text().splitlines()) == ["a1 a1-id a1", "b1 b1-id b1"]


def test_a_hook_that_failed_runs_again_at_the_next_update(stand: Stand) -> None:
    (stand.directory / "fail").touch()
    with pytest.raises(EngineError, match='after hook "joined" failed: did not join'):
        stand.run(HOOKED)
    (stand.directory / "fail").unlink()
    (stand.directory / "hooks.txt").unlink()
    assert "update" in stand.run(HOOKED).values()
    assert (stand.directory / "hooks.txt").exists()
    assert set(stand.run(HOOKED).values()) == {"same"}


def test_hooks_after_an_update_run_then_and_only_then(stand: Stand) -> None:
    program = HOOKED.replace("after_create=", "after_update=").replace('image="i"', 'image="i", restart="no"')
    file = stand.directory / "hooks.txt"
    stand.run(program)
    assert set(stand.run(program).values()) == {"same"}
    assert not file.exists()
    changed = program.replace('restart="no"', 'restart="always"')
    assert set(stand.run(changed).values()) == {"update"}
    assert sorted(file.read_text().splitlines()) == ["a1 a1-id a1", "b1 b1-id b1"]


SERVICE = """
import os
def wait(args):
    with open("hooks.txt", "a") as file:
        file.write(f"{args.name}\\n")
    if os.path.exists("fail"):
        raise Exception("not all tasks run")
hook = pulumi.ResourceHook("rolled", wait)
c = pulumi.Config()
docker.Service("s", name="s", labels=[{"label": "a", "value": c.get("label") or "1"}],
    task_spec={"containerSpec": {"image": c.get("image") or "i1"}}, opts=pulumi.ResourceOptions(
        replace_on_changes=["labels"], hooks=pulumi.ResourceHookBinding(**{c.get("hook") or "after_update": [hook]})))
"""


def test_a_hook_after_an_update_that_was_cut_off_runs_again(stand: Stand) -> None:
    hooks = stand.directory / "hooks.txt"
    stand.run(SERVICE)
    next(iter(stand.world.values()))["created"] = "2020-01-01T00:00:00"
    assert stand.run(SERVICE) == {"s": "same"}
    (stand.directory / "fail").touch()
    with pytest.raises(EngineError, match='after hook "rolled" failed: not all tasks run'):
        stand.run(SERVICE, image="i2")
    (stand.directory / "fail").unlink()
    hooks.unlink()
    assert stand.run(SERVICE, dry_run=True, image="i2") == {"s": "update"}
    assert stand.steps["s"].summary == "after_update was not finished"
    assert not hooks.exists()
    stand.log.clear()
    assert stand.run(SERVICE, image="i2") == {"s": "update"}
    assert (hooks.read_text(), stand.log) == ("s\n", [])
    assert stand.run(SERVICE, image="i2") == {"s": "same"}
    assert hooks.read_text() == "s\n"


def test_what_takes_the_place_of_one_whose_update_was_cut_off_is_new(stand: Stand) -> None:
    stand.run(SERVICE)
    next(iter(stand.world.values()))["created"] = "2020-01-01T00:00:00"
    (stand.directory / "fail").touch()
    with pytest.raises(EngineError):
        stand.run(SERVICE, image="i2")
    (stand.directory / "hooks.txt").unlink()
    assert stand.run(SERVICE, image="i2", label="2") == {"s": "replace"}
    assert not (stand.directory / "hooks.txt").exists()


def test_components_head_their_children_and_options_are_kept(stand: Stand) -> None:
    program = """
class Group(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("x:index:Group", name)
        docker.Container("c", name="cc", image="i", restart="no",
            opts=pulumi.ResourceOptions(parent=self, replace_on_changes=["restart"]))
        self.register_outputs({})
Group("g")
"""
    stand.run(program)
    assert stand.steps["c"].urn == "urn:pulumi:dev::p::x:index:Group$docker:index/container:Container::c"
    operations = [stand.steps["g"].op]
    assert stand.run(program) == {"c": "same"}
    assert [*operations, stand.steps["g"].op] == ["create", "same"]
    assert stand.run(program.replace('restart="no"', 'restart="always"')) == {"c": "replace"}


def test_a_component_of_nothing_becomes_unchanged(stand: Stand) -> None:
    program = 'pulumi.ComponentResource("x:index:Group", "g"); pulumi.export("a", 1)'
    stand.run(program)
    assert stand.steps["g"].op == "create"
    stand.run(program)
    assert {step.op for step in stand.steps.values()} == {"same"}
    assert stand.noted() == {"a": 1}


def test_a_name_made_up_stays_and_a_replacement_stands_beside(stand: Stand) -> None:
    program = 'docker.Volume("v", driver=pulumi.Config().get("driver"))'
    stand.run(program)
    name = next(iter(stand.world.values()))["name"]
    assert name.startswith("v-")
    assert stand.run(program) == {"v": "same"}
    stand.run(program, driver="other")
    assert stand.log[0].startswith("create v-")
    assert stand.log[0] != f"create {name}"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ('docker.Tag("t", source_image="a", target_image="b")', "docker:index/tag:Tag"),
        ('docker.Container("c", name="cc", image="i", gpus="all")', "property 'gpus'"),
        (
            'docker.Volume("v", opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="1m")))',
            "custom_timeouts",
        ),
        ('docker.get_network(name="x")', "docker:index/getNetwork:getNetwork"),
        ('docker.Volume.get("v", "id")', "reading an existing"),
        ('docker.Provider("p", host="x", ssh_opts=["-v"])', "property 'sshOpts'"),
        ("pulumi.runtime.register_resource_transform(lambda args: None)", "transforms"),
        ('docker.Volume("v"); docker.Volume("v")', "Duplicate resource URN"),
    ],
)
def test_what_is_not_implemented_is_named(stand: Stand, program: str, message: str) -> None:
    with pytest.raises(EngineError):
        stand.run(program)
    assert any(message in error for error in stand.errors), stand.errors
    assert stand.world == {} or "Duplicate" in message


@pytest.mark.parametrize(
    ("program", "expected", "traced"),
    [
        ('raise pulumi.RunError("quorum is too high")', "quorum is too high", False),
        ('pulumi.Config().require("x")', "Missing required configuration variable 'p:x'", False),
        ('raise ValueError("oops")', "Program failed with an unhandled exception", True),
        ("import sys; sys.exit(3)", "Program exited with non-zero exit code: 3", False),
    ],
)
def test_errors_of_the_program(stand: Stand, program: str, expected: str, traced: bool) -> None:
    with pytest.raises(EngineError):
        stand.run(program)
    (error,) = stand.errors
    assert expected in error
    assert ("Traceback" in error) is traced
    assert "engine/program.py" not in error


def test_what_the_program_prints_and_logs_is_passed_on(stand: Stand) -> None:
    stand.run('print("hello"); pulumi.log.warn("careful")')
    assert [(item.severity, item.message) for item in stand.recorder.diagnostics] == [
        ("info", "hello"),
        ("warning", "careful"),
    ]
