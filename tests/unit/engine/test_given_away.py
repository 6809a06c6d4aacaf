"""A stack that Pulumi has taken over (`make to-pulumi`) is left alone, for as long as there is anything of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import EngineError
from tests.unit.engine.memory import Stand

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
