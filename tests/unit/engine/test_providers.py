"""Explicit providers, and runs that leave something out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.run.context import Excludes
from tests.unit.engine.memory import Stand
from tests.unit.engine.test_contract import camel

HOSTS = """
config = pulumi.Config()
class Group(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("x:index:Group", name)
        for host in (config.get("hosts") or "a b c").split():
            provider = docker.Provider(f"docker.{host}", host=config.get("at") or f"tcp://{host}",
                key_material=pulumi.Output.secret("geheim"), opts=pulumi.ResourceOptions(parent=self))
            opts = pulumi.ResourceOptions(parent=self, provider=provider)
            volume = docker.Volume(f"vol.{host}", name="vol", opts=opts)
            docker.Container(f"node.{host}", name="node", image=config.get("image") or "i1",
                volumes=[docker.ContainerVolumeArgs(container_path="/data", volume_name=volume.name)],
                opts=opts)
Group("g")
"""


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    stand = Stand(tmp_path)
    stand.run(HOSTS)
    yield stand


def test_each_host_gets_its_own(stand: Stand) -> None:
    assert stand.world == {}
    assert {host: sorted(item["name"] for item in world.values()) for host, world in stand.worlds.items()} == {
        f"tcp://{host}": ["node", "vol"] for host in "abc"
    }
    assert set(stand.run(HOSTS).values()) == {"same"}
    assert stand.steps["g"].op == "same"
    assert "geheim" not in str(stand.notes)


def test_another_machine_sees_the_same(stand: Stand) -> None:
    stand.notes.clear()
    assert set(stand.run(HOSTS, dry_run=True).values()) == {"same"}
    assert stand.steps["g"].op == "same"


def test_notes_under_another_key_are_as_if_lost(stand: Stand) -> None:
    note = {"inputs": "v1:MDAwMDAwMDAwMDAw:c29tZXRoaW5nIGVsc2Ugb2YgdGhpcyBsZW5ndGg=", "parents": []}
    urn = "urn:pulumi:dev::p::pulumi:providers:docker::docker.z"
    stand.notes[""] = stand.notes[""].next(providers={urn: note})
    assert set(stand.run(HOSTS).values()) == {"same"}


def test_what_the_notes_hide_the_program_tells_before_all_is_destroyed(stand: Stand) -> None:
    hidden = "v1:MDAwMDAwMDAwMDAw:c29tZXRoaW5nIGVsc2Ugb2YgdGhpcyBsZW5ndGg="
    noted = stand.notes[""]
    stand.notes[""] = noted.next(
        providers={urn: {"inputs": hidden, "parents": one["parents"]} for urn, one in noted.providers.items()}
    )
    stand.destroy()
    assert not any(stand.worlds.values())


def test_how_a_host_is_reached_changes_the_provider_only(stand: Stand) -> None:
    stand.worlds["ssh://a"] = stand.worlds["tcp://a"]
    ops = stand.run(HOSTS, hosts="a", at="ssh://a")
    assert ops.pop("docker.a") == "update"
    assert {ops[name] for name in ("vol.a", "node.a")} == {"same"}
    assert stand.steps["docker.a"].summary == "[diff: ~host]"
    assert sorted(item["name"] for item in stand.worlds["ssh://a"].values()) == ["node", "vol"]


def test_a_provider_that_leads_to_another_machine_leaves_nothing_behind_unseen(stand: Stand) -> None:
    with pytest.raises(EngineError, match="which still holds node, vol"):
        stand.run(HOSTS, hosts="a", at="tcp://elsewhere")
    assert stand.log == []
    stand.dead = {"tcp://a"}  # a machine that is gone is replaced by another one
    ops = stand.run(HOSTS, hosts="a", at="tcp://elsewhere")
    assert (ops["vol.a"], ops["node.a"]) == ("create", "create")


def test_a_preview_shows_what_belongs_on_a_dead_host(stand: Stand) -> None:
    stand.dead = {"tcp://b"}
    ops = stand.run(HOSTS, dry_run=True, image="i2")
    assert (ops["node.a"], ops["node.b"], ops["vol.b"]) == ("replace", "create", "create")
    assert stand.steps["node.b"].summary == "not looked at"
    assert stand.steps["node.a"].summary == "[diff: ~image]"


def test_an_exclude_leaves_a_dead_host_out(stand: Stand) -> None:
    stand.dead = {"tcp://b"}
    with pytest.raises(EngineError, match="no Docker answers at tcp://b"):
        stand.run(HOSTS, image="i2")
    stand.excludes = ["**.b"]
    ops = stand.run(HOSTS, image="i3")  # before it failed, the run above may have got to some of the nodes
    assert (ops["node.a"], ops["node.c"]) == ("replace", "replace")
    assert "node.b" not in ops
    stand.dead, stand.excludes = set(), []
    assert stand.run(HOSTS, image="i3")["node.b"] == "replace"


@pytest.mark.parametrize("key", ["config_file", "config_file_content", "auth_disabled"])
def test_a_login_is_by_name_and_password_or_refused(tmp_path: Path, key: str) -> None:
    stand = Stand(tmp_path)
    program = """
docker.Provider("a", host="tcp://a", registry_auth=[
    docker.ProviderRegistryAuthArgs(address="r:5000", username="u", password=pulumi.Output.secret("p"), KEY=VALUE)])
""".replace("VALUE", "True" if key == "auth_disabled" else "'x'")
    with pytest.raises(EngineError, match=rf"'a': property 'registryAuth\.{camel(key)}' is not implemented"):
        stand.run(program.replace("KEY", key))
    stand.run(program.split(", KEY")[0] + ")])")


def test_a_host_that_is_no_longer_declared_is_emptied(stand: Stand) -> None:
    ops = stand.run(HOSTS, hosts="a c")
    assert (ops["node.b"], ops["vol.b"]) == ("delete", "delete")
    assert stand.steps["docker.b"].op == "delete"
    assert stand.worlds["tcp://b"] == {}
    assert [urn[-1] for urn in stand.notes[""].providers] == ["a", "c"]


def test_a_dead_host_that_is_no_longer_declared_is_warned_of(stand: Stand) -> None:
    stand.dead = {"tcp://b"}
    stand.run(HOSTS, hosts="a c")
    (warning,) = [item.message for item in stand.recorder.diagnostics if item.severity == "warning"]
    assert "no longer declared, and its Docker does not answer" in warning
    assert set(stand.run(HOSTS, hosts="a c").values()) == {"same"}


def test_destroy_takes_all_hosts_or_leaves_one_out(stand: Stand) -> None:
    stand.excludes = ["**.b"]
    stand.destroy()
    assert [len(world) for _, world in sorted(stand.worlds.items())] == [0, 2, 0]
    stand.excludes = []
    stand.destroy()
    assert [len(world) for world in stand.worlds.values()] == [0, 0, 0]
    assert stand.notes == {}


def test_what_depends_on_something_left_out_and_missing_is_an_error(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.excludes = ["**.b"]
    program = """
provider = docker.Provider("docker", host="tcp://a")
volume = docker.Volume("vol.b", name="vol", opts=pulumi.ResourceOptions(provider=provider))
docker.Container("node", name="node", image="i", command=[volume.name],
    opts=pulumi.ResourceOptions(provider=provider))
"""
    with pytest.raises(EngineError, match=r"depends on vol\.b, which is left out of this run and not there"):
        stand.run(program)


@pytest.mark.parametrize("glob", ["urn:pulumi:dev::p::a:b:C::x", "**::vol", "*.b", "b"])
def test_an_exclude_names_a_host(glob: str) -> None:
    with pytest.raises(EngineError, match=r"'\*\*\.NAME' only"):
        Excludes([glob])


def test_an_exclude_that_names_nothing_is_an_error(stand: Stand) -> None:
    excludes = Excludes(["**.b", "**.bb"])
    assert excludes.names("urn:pulumi:dev::p::t::vol.b")
    assert not excludes.names("urn:pulumi:dev::p::t::vol.bbb")
    with pytest.raises(EngineError, match=r"'\*\*\.bb' names nothing"):
        excludes.refuse_unmatched()
