"""What was declared `retain_on_delete` or `protect` later: the notes alone say it, whatever comes between."""

from pathlib import Path

import pytest

from engine.errors import EngineError
from tests.unit.engine.memory import Stand

HOSTS = """
c = pulumi.Config()
for host in "ab":
    opts = pulumi.ResourceOptions(provider=docker.Provider(f"docker.{host}", host=f"tcp://{host}"),
        retain_on_delete=bool(c.get("retain")), protect=c.get("protect") == host)
    docker.Volume(f"vol.{host}", name="vol", opts=opts)
"""
VOLUME = """
c = pulumi.Config()
name = c.get("name") or "old"
docker.Volume(name, name="vv", driver=c.get("driver"), opts=pulumi.ResourceOptions(
    aliases=[pulumi.Alias(name="old")] if name != "old" else [],
    retain_on_delete=bool(c.get("retain")), protect=bool(c.get("protect"))))
"""


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def test_a_run_that_leaves_a_host_out_forgets_nothing_of_it(stand: Stand) -> None:
    stand.run(HOSTS)
    stand.run(HOSTS, retain="1")
    stand.excludes = ["**.b"]
    stand.run(HOSTS, retain="1")
    stand.excludes = []
    stand.destroy()
    assert [len(stand.worlds[f"tcp://{host}"]) for host in "ab"] == [1, 1]


def test_a_destroy_that_leaves_a_host_out_forgets_nothing_of_it(stand: Stand) -> None:
    stand.run(HOSTS)
    stand.run(HOSTS, protect="b")
    stand.excludes = ["**.b"]
    stand.destroy()
    assert stand.worlds["tcp://a"] == {}
    assert "tcp://a" not in stand.notes
    stand.excludes = []
    with pytest.raises(EngineError, match="because it is protected"):
        stand.destroy()


@pytest.mark.parametrize("noted", [True, False])
def test_what_is_called_by_another_name_is_kept(stand: Stand, noted: bool) -> None:
    stand.run(VOLUME)
    stand.run(VOLUME, name="new", retain="1")
    stand.run(VOLUME, name="new", retain="1")
    assert stand.log == []
    if not noted:
        stand.notes.clear()
    stand.destroy(name="new", retain="1")
    assert stand.names == ["vv"]


def test_what_is_called_by_another_name_may_go_again(stand: Stand) -> None:
    stand.run(VOLUME, protect="1")
    stand.run(VOLUME, name="new", protect="1")
    with pytest.raises(EngineError, match="currently marked for protection"):
        stand.run(VOLUME, name="new", protect="1", driver="other")
    stand.run(VOLUME, name="new")
    stand.run(VOLUME, name="new", driver="other")
    assert stand.log == ["delete vv", "create vv"]
    stand.run(VOLUME, name="new", driver="other", retain="1")
    stand.run(VOLUME, name="new", driver="other")
    stand.run(VOLUME, name="new", driver="third")
    assert stand.notes[""].retain == stand.notes[""].protect == {}
    stand.destroy()
    assert stand.names == []
