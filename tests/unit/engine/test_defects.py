"""What once lost data, told a secret, or never ended: each was reproduced before it was mended."""

import copy
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.values.wire import Secret
from tests.unit.engine.memory import Stand
from tests.unit.engine.test_deployment import CHAIN

VOLUME = """
c = pulumi.Config()
docker.Volume("v", name="vv", driver=c.get("driver"),
    opts=pulumi.ResourceOptions(retain_on_delete=bool(c.get("retain"))))
"""


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def test_what_is_to_be_retained_is_not_replaced(stand: Stand) -> None:
    stand.run(VOLUME)
    refused = pytest.raises(EngineError, match=r"'vv' would have to be replaced .* and is to be retained")
    with refused:
        stand.run(VOLUME, retain="1", driver="other")
    stand.run(VOLUME, retain="1")
    with refused:
        stand.run(VOLUME, driver="other")
    assert stand.log == []
    assert stand.names == ["vv"]


def test_what_is_retained_stays_when_its_network_goes(stand: Stand) -> None:
    program = """
net = docker.Network("net", name="net", driver=pulumi.Config().get("driver"))
docker.Volume("v", name="vv", driver_opts={"n": net.name}, opts=pulumi.ResourceOptions(retain_on_delete=True))
"""
    stand.run(program)
    with pytest.raises(EngineError, match="v is built on it, and is to be retained"):
        stand.run(program, driver="other")
    assert stand.names == ["net", "vv"]


def test_the_old_one_of_a_retained_pair_stays(stand: Stand) -> None:
    program = """
docker.Volume("v", driver=pulumi.Config().get("d"), opts=pulumi.ResourceOptions(retain_on_delete=True))
"""
    stand.run(program)
    (first,) = stand.names
    stand.run(program, d="other")
    stand.run(program, d="other")
    assert first in stand.names
    assert len(stand.names) == 2
    stand.destroy()
    assert len(stand.names) == 2


def test_retention_declared_later_is_known_to_every_user(stand: Stand) -> None:
    stand.run(VOLUME)
    stand.run(VOLUME, retain="1")
    stand.destroy(retain="1")  # the notes lie in Docker
    assert stand.names == ["vv"]


def test_where_the_notes_are_lost_the_program_says_what_is_retained(stand: Stand) -> None:
    stand.run(VOLUME)
    stand.run(VOLUME, retain="1")
    stand.notes.clear()
    stand.destroy(retain="1")
    assert stand.names == ["vv"]


def test_where_the_program_cannot_say_it_nothing_is_destroyed(stand: Stand) -> None:
    stand.run(VOLUME)
    stand.notes.clear()
    (stand.directory / "__main__.py").write_text("raise Exception('broken')")
    with pytest.raises(EngineError, match="The program was asked what it declares"):
        stand.destroy()
    assert stand.names == ["vv"]


def test_retention_of_a_component_is_its_childrens(stand: Stand) -> None:
    stand.run("""
class G(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("x:i:G", name, None, opts)
        docker.Volume("v", name="vv", opts=pulumi.ResourceOptions(parent=self))
        docker.Volume("w", name="ww", opts=pulumi.ResourceOptions(parent=self, retain_on_delete=False))
G("g", pulumi.ResourceOptions(retain_on_delete=True))
""")
    stand.destroy()
    assert stand.log == ["delete ww"]


def test_what_is_left_out_keeps_its_secrets(stand: Stand) -> None:
    program = """
p = pulumi.ResourceOptions(provider=docker.Provider("docker.a", host="tcp://a"))
a = docker.Container("a.a", name="aa", image="i", envs=[pulumi.Output.secret("PW=geheim")], opts=p)
b = docker.Container("b", name="bb", image=pulumi.Config().get("i") or "i1", envs=a.envs, opts=p)
pulumi.export("envs", a.envs)
"""
    stand.run(program)
    stand.excludes = ["**.a"]
    with pytest.raises(EngineError, match="tcp://a"):
        stand.dead = {"tcp://a"}
        stand.run(program, i="i2")
    stand.dead = set()
    program = program.replace('"docker.a"', '"docker"')
    stand.excludes = []
    stand.run(program)
    stand.excludes = ["**.a"]
    stand.run(program, i="i2")
    assert stand.log == ["delete bb", "create bb"]
    assert stand.outputs == {"envs": [Secret("PW=geheim")]} or stand.outputs == {"envs": Secret(["PW=geheim"])}
    assert "geheim" not in json.dumps([item["labels"] for item in stand.worlds["tcp://a"].values()])


def test_what_is_left_out_is_not_deleted_for_what_it_is_built_on(stand: Stand) -> None:
    program = """
net = docker.Network("net", name="net", driver=pulumi.Config().get("driver"))
docker.Container("c.b", name="cc", image="i", networks_advanced=[
    docker.ContainerNetworksAdvancedArgs(name=net.name)])
"""
    stand.run(program)
    stand.excludes = ["**.b"]
    for dry_run in (True, False):
        with pytest.raises(EngineError, match=r"c\.b is built on it, and is left out of this run"):
            stand.run(program, dry_run=dry_run, driver="other")
    assert stand.names == ["cc", "net"]


def test_ignore_changes_is_not_for_containers(stand: Stand) -> None:
    for option in ('ignore_changes=["image"]', 'ignore_changes=["labels[*]"]'):
        with pytest.raises(EngineError):
            stand.run(f'docker.Container("c", name="cc", image="i", opts=pulumi.ResourceOptions({option}))')
        assert (
            "option 'ignore_changes (but for images, networks, services and volumes)' is not implemented"
            in stand.errors[0]
        )


def test_a_destroy_ends_though_labels_hold_one_another(stand: Stand) -> None:
    stand.run("""
a = docker.Container("a", name="aa", image="i1")
docker.Container("b", name="bb", image="i1", opts=pulumi.ResourceOptions(depends_on=[a]))
""")
    stand.run("""
b = docker.Container("b", name="bb", image="i1")
docker.Container("a", name="aa", image="i2", opts=pulumi.ResourceOptions(depends_on=[b]))
""")
    began = time.process_time()
    stand.destroy()
    assert stand.names == []
    assert time.process_time() - began < 2


def test_what_no_longer_depends_is_not_deleted(stand: Stand) -> None:
    stand.run("""
net = docker.Network("net", name="net")
docker.Container("c", name="cc", image="i", networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=net.name)])
""")
    after = """
box = docker.Container("c", name="cc", image="i",
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name="net")])
docker.Network("net", name="net", driver=pulumi.Config().get("driver"),
    opts=pulumi.ResourceOptions(depends_on=[box]))
"""
    assert stand.run(after)["c"] == "same"
    assert stand.run(after, driver="other") == {"c": "same", "net": "replace"}
    assert stand.log == ["delete net", "create net"]


def test_two_ports_for_one_are_two(stand: Stand) -> None:
    program = """
docker.Container("c", name="cc", image="i", ports=[
    docker.ContainerPortArgs(internal=80, external=int(e), ip="127.0.0.1")
    for e in (pulumi.Config().get("p") or "8080 8081").split()])
"""
    stand.run(program)
    assert stand.run(program) == {"c": "same"}
    assert stand.run(program, p="8080 8082") == {"c": "replace"}


def test_a_copy_of_a_container_is_a_stranger(stand: Stand) -> None:
    program = 'docker.Container("c", name="cc", image=pulumi.Config().get("i") or "i1")'
    stand.run(program)
    twin = copy.deepcopy(next(iter(stand.world.values())))
    stand.world["twin"] = {**twin, "name": "backup", "id": "backup-id", "created": "2999-01-02"}
    assert stand.run(program, i="i2") == {"c": "replace"}
    assert stand.names == ["backup", "cc"]
    stand.destroy()
    assert stand.names == ["backup"]


def test_what_is_half_made_is_none_and_goes(stand: Stand) -> None:
    program = 'docker.Container("c", name="cc", image="i1")'
    stand.run(program)
    whole = next(iter(stand.world.values()))
    whole.update(name="cc.making-0123abcd", id="half")
    assert stand.run(program, dry_run=True) == {"c": "create"}
    assert stand.run(program) == {"c": "create"}
    assert stand.names == ["cc"]


def test_what_is_called_by_another_name_is_the_same_at_every_run_and_goes_in_order(stand: Stand) -> None:
    """The labels keep the former name: the container, made later, refers to it by that."""
    stand.run('docker.Volume("old", name="vv")')
    renamed = """
volume = docker.Volume("new", name="vv", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))
docker.Container("c", name="cc", image="i", volumes=[{"containerPath": "/data", "volumeName": volume.name}])
"""
    assert stand.run(renamed) == {"new": "same", "c": "create"}
    for _ in range(2):
        assert stand.run(renamed) == {"new": "same", "c": "same"}
    stand.log.clear()
    stand.destroy()
    assert stand.log == ["delete cc", "delete vv"]


def test_outputs_are_those_of_the_last_deployment(stand: Stand) -> None:
    program = """
docker.Volume("v", name="vv")
pulumi.export("port", pulumi.Config().get("port") or "1")
pulumi.export("secret", pulumi.Output.secret("geheim"))
"""
    stand.run(program)
    stand.run(program, dry_run=True, port="7000")
    assert stand.noted() == {"port": "1", "secret": Secret("geheim")}
    assert "geheim" not in str(stand.notes)
    stand.run(program, port="7000")
    assert stand.noted()["port"] == "7000"


def test_delete_before_replace_is_done_or_refused(stand: Stand) -> None:
    program = """
docker.Volume("v", driver=pulumi.Config().get("d"), opts=pulumi.ResourceOptions(delete_before_replace=True))
"""
    stand.run(program)
    stand.run(program, d="other")
    assert [line.split()[0] for line in stand.log] == ["delete", "create"]
    program = """
c = pulumi.Config()
docker.Volume("w", name=c.get("n") or "n1", opts=pulumi.ResourceOptions(delete_before_replace=False))
"""
    stand.run(program)
    with pytest.raises(EngineError, match="delete_before_replace=False with a name of its own is not"):
        stand.run(program, n="n2")


def test_what_is_declared_is_noted_before_a_run_can_be_cut_off(stand: Stand) -> None:
    stand.run(CHAIN)
    with pytest.raises(EngineError):
        stand.run(CHAIN, retain="1", signal="broken")
    (stand.directory / "__main__.py").write_text("raise Exception('broken')")
    stand.destroy()
    assert "vol0" in stand.names


def test_a_stack_of_which_nothing_is_there_is_destroyed_without_its_program(stand: Stand) -> None:
    (stand.directory / "__main__.py").write_text("raise Exception('broken')")
    stand.destroy()
    (warning,) = [item.message for item in stand.recorder.diagnostics if item.severity == "warning"]
    assert "nothing is at this Docker" in warning


def test_a_run_that_failed_leaves_open_notes_and_the_next_closes_them(stand: Stand) -> None:
    with pytest.raises(EngineError):
        stand.run(CHAIN, signal="broken")
    assert stand.notes[""].since
    stand.run(CHAIN)
    assert not stand.notes[""].since


@pytest.mark.parametrize("ended", ["os.kill(os.getpid(), 9)", "atexit._run_exitfuncs(); os._exit(130)"])
def test_nothing_is_left_of_private_keys(tmp_path: Path, ended: str) -> None:
    code = f"""
import atexit, os
from redis_ha.docker.reach import private_file
path = private_file("geheim")
assert open(path).read() == "geheim" and os.path.isfile(path)
{ended}
"""
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_tunnel_ends_with_its_process(tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(
        "#!/bin/sh\nfor word; do case $word in */docker.sock:*) : > ${word%%:*} ;; esac; done\n"
        f"echo $$ > {tmp_path}/pid\nread line\nrm {tmp_path}/pid\n"
    )
    ssh.chmod(0o755)
    code = """
import os
from redis_ha.docker.reach import local_url
local_url("ssh://nowhere", 30)
while not os.path.exists("pid"): pass
os.kill(os.getpid(), 9)
"""
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, check=False)
    deadline = time.monotonic() + 30
    while (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not (tmp_path / "pid").exists()
