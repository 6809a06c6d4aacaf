"""What a preview says of volumes that go with a whole component, or with the stack."""

from pathlib import Path

import pytest

from engine.run.delete import whole_stack
from engine.run.learn import read_everything
from tests.unit.engine.memory import Stand

PROGRAM = """
c = pulumi.Config()
class Group(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("a:b:Group", name)
        for each in ("x", "y"):
            if c.get("only") in (None, each):
                docker.Volume(f"{name}-{each}", name=f"{name}-{each}", opts=pulumi.ResourceOptions(
                    parent=self, retain_on_delete=bool(c.get("retain"))))
        docker.Network(f"{name}-net", name=f"{name}-net", opts=pulumi.ResourceOptions(parent=self))
Group("stays")
if not c.get("without"):
    Group("goes")
    docker.Volume("alone", name="alone")
"""


def said(stand: Stand) -> list[str]:
    return sorted(one.message for one in stand.recorder.diagnostics if one.severity == "warning")


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_component_that_goes_as_a_whole(tmp_path: Path, dry_run: bool) -> None:
    stand = Stand(tmp_path)
    stand.run(PROGRAM)
    assert said(stand) == []
    stand.run(PROGRAM, dry_run, without="1")
    assert said(stand) == [
        "the component 'goes' loses 2 volumes, with all that is in there: goes-x-id, goes-y-id",
        "the stack loses a volume, with all that is in there: alone-id",
    ]


def test_of_a_component_that_stays_the_program_speaks(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.run(PROGRAM)
    assert stand.run(PROGRAM, only="x")["stays-y"] == "delete"
    assert said(stand) == []


def test_what_is_retained_is_not_lost(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.run(PROGRAM, retain="1")
    stand.run(PROGRAM, without="1")
    assert said(stand) == ["the stack loses a volume, with all that is in there: alone-id"]


def test_the_stack(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.run(PROGRAM)
    context = stand.context(True)
    read_everything(context, stand._project, lambda: stand._config({}))
    assert sorted(one.message.partition(",")[0] for one in whole_stack(context).losses()) == [
        "the component 'goes' loses 2 volumes",
        "the component 'stays' loses 2 volumes",
        "the stack loses a volume",
    ]
