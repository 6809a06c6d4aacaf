"""`protect`: what bears it is not deleted and not replaced, and nothing else is deleted either where that was asked."""

from pathlib import Path

import pytest

from engine.errors import EngineError
from tests.unit.engine.memory import Stand

VOLUME = """
c = pulumi.Config()
protected = None if c.get("inherit") else bool(c.get("protect"))
class Group(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("a:b:Group", "g", None, pulumi.ResourceOptions(protect=bool(c.get("inherit"))))
if not c.get("without"):
    docker.Volume("v", name=c.get("name") or "vv", driver=c.get("driver"),
        opts=pulumi.ResourceOptions(parent=Group(), protect=protected))
docker.Volume("other", name="other")
"""
TO_UNPROTECT = "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    stand = Stand(tmp_path)
    stand.run(VOLUME, protect="1")
    return stand


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_replacement_is_refused(stand: Stand, dry_run: bool) -> None:
    with pytest.raises(EngineError, match=r'unable to replace resource ".*::v" \[diff: driver\]') as refused:
        stand.run(VOLUME, dry_run, protect="1", driver="other")
    assert TO_UNPROTECT in str(refused.value)
    assert stand.log == []


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_is_no_longer_declared_is_not_deleted(stand: Stand, dry_run: bool) -> None:
    with pytest.raises(EngineError, match=r'resource ".*::v" cannot be deleted\nbecause it is protected'):
        stand.run(VOLUME, dry_run, without="1")
    assert stand.names == ["other", "vv"]


def test_destroy_deletes_nothing(stand: Stand) -> None:
    with pytest.raises(EngineError, match=r'resource ".*::v" cannot be deleted\nbecause it is protected'):
        stand.destroy()
    assert stand.names == ["other", "vv"]


def test_without_the_flag_it_may_be_deleted(stand: Stand) -> None:
    """Its label still says that it is protected; the notes say what was declared last."""
    stand.run(VOLUME)
    assert stand.log == []
    stand.run(VOLUME, without="1")
    assert stand.names == ["other"]


def test_to_take_the_flag_away_and_to_replace_are_one_step(stand: Stand) -> None:
    stand.run(VOLUME, driver="other")
    assert stand.log == ["delete vv", "create vv"]
    stand.destroy()
    assert stand.names == []


def test_the_flag_given_later_counts(stand: Stand) -> None:
    stand.run(VOLUME)
    stand.run(VOLUME, protect="1")
    with pytest.raises(EngineError, match="because it is protected"):
        stand.destroy()


def test_where_the_notes_are_lost_the_program_says_what_is_protected(stand: Stand) -> None:
    stand.run(VOLUME)
    stand.notes.clear()
    stand.destroy()
    assert stand.names == []


def test_the_children_of_a_component_inherit_it(stand: Stand) -> None:
    stand.run(VOLUME, inherit="1")
    with pytest.raises(EngineError, match="unable to replace resource"):
        stand.run(VOLUME, inherit="1", driver="other")


def test_what_is_built_on_what_is_replaced_may_be_protected(stand: Stand) -> None:
    program = """
net = docker.Network("net", name="net", driver=pulumi.Config().get("driver"))
docker.Volume("on", name="on", driver_opts={"n": net.name}, opts=pulumi.ResourceOptions(protect=True))
"""
    stand.world.clear()
    stand.run(program)
    with pytest.raises(EngineError, match=r'unable to replace resource ".*::on" as part of replacing ".*::net"'):
        stand.run(program, driver="other")
    assert stand.names == ["net", "on"]
