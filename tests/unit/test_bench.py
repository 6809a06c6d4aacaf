"""The parts of the bench that need no cluster."""

import json
import math
from pathlib import Path

import pytest

from drills.bench.__main__ import PARTS, main
from drills.bench.options import Options
from drills.bench.results import Sheet, markdown, merge, other_words, ratio
from drills.target.errors import DrillError
from drills.target.plain import Plain


def sheet() -> Sheet:
    made = Sheet("hand-over", "Planned")
    made.row("plain", "ms").values += [2.0, 4.0]
    ours = made.row("ours", "ms", "plain")
    ours.values += [0.05, 0.08]
    ours.count(lost=0, writes=10)
    ours.count(lost=1, writes=10)
    made.remark("left out: rain")
    made.remark("left out: rain")
    return made


def test_rows_are_compared_pair_by_pair_or_by_their_medians() -> None:
    assert ratio([1.0, 2.0, 9.0], [2.0, 2.0, 3.0]) == "1.00 (0.50 to 3.00)"
    assert ratio([1.0], [2.0]) == "0.50"
    assert ratio([1.0, 3.0, 5.0], [6.0]) == "0.50"


@pytest.mark.parametrize(
    ("what", "other", "short"),
    [
        ("SET: ours, host network", "SET: bare redis-server, host network", "bare redis-server"),
        ("docker stop, gap", "plain Sentinel, docker stop, gap", "plain Sentinel"),
        ("ours", "ours", "ours"),
        ("a b a", "a b", "a b"),
    ],
)
def test_a_ratio_names_only_what_is_different(what: str, other: str, short: str) -> None:
    assert other_words(what, other) == short


def test_a_row_is_made_once_and_counts_over_all_runs() -> None:
    made = sheet()
    assert made.row("ours", "ms") is made.rows["ours"]
    assert list(made.rows) == ["plain", "ours"]
    assert list(made.lines())[1] == (
        "ours",
        "2",
        "50 / 65 / 80 ms",
        "0.02 (0.02 to 0.03) of plain",
        "1 lost, 20 writes",
    )
    assert next(made.lines())[3] == ""
    made.row("nothing yet", "s")
    assert list(made.lines())[2][2] == "-"


def test_results_of_several_runs_lie_side_by_side_and_become_a_page(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    never = Sheet("failures", "Unplanned")
    never.row("a | b", "s").values.append(math.inf)
    merge(file, [never])
    content = merge(file, [sheet()])
    assert list(content["parts"]) == list(json.loads(file.read_text())["parts"]) == ["failures", "hand-over"]
    page = markdown(json.loads(file.read_text()))
    assert "## Planned\n" in page
    assert "`make bench ARGS=hand-over` on" in page
    assert "| ours | 2 | 50 / 65 / 80 ms | 0.02 (0.02 to 0.03) of plain | 1 lost, 20 writes |" in page
    assert "| a / b | 1 | inf / inf / inf s |" in page
    assert page.count("- left out: rain") == 1


def test_a_file_that_is_no_result_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("[1]")
    with pytest.raises(DrillError, match="not a result of the bench"):
        merge(file, [sheet()])
    assert file.read_text() == "[1]"


def test_places_do_not_overlap() -> None:
    options = Options(print, subnet="10.1.7.0/24", port=20000)
    first, second = options.settings(0), options.settings(1)
    assert (first["subnet"], second["subnet"]) == ("10.1.7.0/24", "10.1.8.0/24")
    # 30 data nodes: 10 ports further for each.
    assert first["ports"]["replica"] + 10 * 29 < second["ports"]["master"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "unknown part nonsense; known: hand-over"),
        (["--runs", "0"], "--runs starts at 1"),
        (["--sizes", "three"], "argument --sizes"),
    ],
)
def test_wrong_calls_are_said_to_be(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_every_part_can_be_called_by_its_name() -> None:
    assert all(name == part.name and part.title for name, part in PARTS.items())


def test_a_plain_cluster_is_started_by_hand() -> None:
    network, *containers = Plain("image:1", name="p", subnet="10.1.2.0/24", password="pw").commands()
    assert network[:4] == ["docker", "network", "create", "--subnet=10.1.2.0/24"]
    config = {}
    for command in containers:
        option = dict(
            word.removeprefix("--").split("=", 1) for word in command if word.startswith("--") and "=" in word
        )
        assert f"--name=redis-ha-p-{option['label'].partition('=')[2]}" in command
        assert option["network"] == "redis-ha-p"
        config[option["ip"]] = option["env"]
    assert list(config) == [f"10.1.2.{last}" for last in (10, 11, 12, 130, 131, 132)]
    assert "replicaof 10.1.2.10 6379" in config["10.1.2.11"]
    assert "replicaof" not in config["10.1.2.10"]
    assert "sentinel monitor mymaster 10.1.2.10 6379 2" in config["10.1.2.130"]
    assert all("requirepass" in one for one in config.values())


def test_plain_nodes_with_an_address_each_share_a_port_and_those_of_the_host_do_not() -> None:
    assert [n.address for n in Plain("i", subnet="10.1.2.0/24").nodes("redis")] == [
        (f"10.1.2.{10 + i}", 6379) for i in range(3)
    ]
    assert [n.address for n in Plain("i", network="host").nodes("redis")] == [
        ("127.0.0.1", 6379 + 10 * i) for i in range(3)
    ]
