"""A stack that Pulumi has taken over (`make to-pulumi`) is left alone, for as long as there is anything of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import EngineError
from tests.unit.engine.memory import Stand
from tests.unit.engine.test_providers import HOSTS

VOLUME = 'docker.Volume("v", name="vv", driver=pulumi.Config().get("driver"))'


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    stand = Stand(tmp_path)
    stand.run(VOLUME)
    stand.notes = {host: replace(notes, given=True) for host, notes in stand.notes.items()}
    stand.log.clear()
    return stand


@pytest.mark.parametrize("dry_run", [True, False])
def test_nothing_is_changed(stand: Stand, dry_run: bool) -> None:
    with pytest.raises(EngineError, match="stack 'dev' is Pulumi's now, by `make to-pulumi`"):
        stand.run(VOLUME, dry_run, driver="other")
    with pytest.raises(EngineError, match="is Pulumi's now"):
        stand.destroy()
    assert (stand.log, stand.names) == ([], ["vv"])


def test_what_pulumi_has_removed_may_be_made_anew(stand: Stand) -> None:
    stand.world.clear()
    stand.run(VOLUME)
    assert stand.names == ["vv"]
    assert not any(notes.given for notes in stand.notes.values())
    assert set(stand.run(VOLUME).values()) == {"same"}


@pytest.mark.parametrize("known_here", [True, False])
def test_on_hosts_it_is_left_alone_too(tmp_path: Path, known_here: bool) -> None:
    """Also where the Docker of this machine knows nothing of the stack, or holds nothing but its notes."""
    stand = Stand(tmp_path)
    stand.run(HOSTS)
    stand.notes = {
        host: replace(notes, given=True) for host, notes in stand.notes.items() if host.startswith("tcp") or known_here
    }
    before = [len(world) for world in stand.worlds.values()]
    for dry_run in (True, False):
        with pytest.raises(EngineError, match="is Pulumi's now"):
            stand.run(HOSTS, dry_run, image="i2")
    with pytest.raises(EngineError, match="is Pulumi's now"):
        stand.destroy()
    assert [len(world) for world in stand.worlds.values()] == before
    for world in stand.worlds.values():
        world.clear()
    stand.run(HOSTS)
    assert not any(notes.given for notes in stand.notes.values())
    assert set(stand.run(HOSTS).values()) == {"same"}
