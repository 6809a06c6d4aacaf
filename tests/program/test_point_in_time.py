"""To which second an append-only file leads back, by what its node tells of it; all without any node."""

import time
from datetime import UTC, datetime

import pytest

from ops.point_in_time import Window, fitting, parse, shown, since
from ops.stack import OpsError
from redis_ha.docker.daemon import Daemon

BASE, INCR = "file a.1.base.rdb seq 1 type b\n", "file a.1.incr.aof seq 1 type i\n"
HEAD = (b"REDIS0012\xfa\x09redis-ver\x058.0.2\xfa\x05ctime\xc2" + (1_700_000_000).to_bytes(4, "little")).hex()


@pytest.mark.parametrize(
    ("first", "size", "head", "expected"),
    [
        ([1_700_000_500, 0], 100, HEAD, 1_700_000_000),  # nothing was written in between
        ([1_700_000_500, 70], 100, HEAD, 1_700_000_500),  # what came before it has no time
        (None, 0, HEAD, 1_700_000_000),
        (None, 100, HEAD, None),  # from before there were any
        ([1_700_000_500, 0], 100, "", 1_700_000_500),
    ],
)
def test_it_leads_back_as_far_as_every_write_has_its_time(
    first: list[int] | None, size: int, head: str, expected: int | None
) -> None:
    told = {"lines": [BASE, INCR], "files": [["a", 10], ["b", size]], "head": head, "first": first}
    assert since(told) == expected


def test_a_time_is_this_machines_own_unless_it_says_whose(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse("2026-01-02T03:04:05Z") == parse("2026-01-02T04:04:05+01:00")
    assert shown(parse("2026-01-02T03:04:05Z")) == "2026-01-02T03:04:05Z"
    monkeypatch.setenv("TZ", "XYZ-5")
    time.tzset()
    try:
        assert shown(parse("2026-01-02T08:04:05")) == "2026-01-02T03:04:05Z"
    finally:
        monkeypatch.undo()
        time.tzset()
    for text in ("", "18:00", "soon", datetime.fromtimestamp(time.time() + 3600, UTC).isoformat()):
        with pytest.raises(OpsError, match="AT="):
            parse(text)


def test_the_second_must_be_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000
    monkeypatch.setattr(time, "time", lambda: now + 0.9)
    assert parse(shown(now - 1)) == now - 1
    for second in (now, now + 1):
        with pytest.raises(OpsError, match="is not over yet"):
            parse(shown(second))


def test_the_file_of_a_replica_that_was_cut_off_before_is_not_taken() -> None:
    def window(node: str, since: int | None, last: int | None) -> Window:
        return Window(node, "?", node, Daemon(None, 1), since, last, 1)

    found = [window("a", 500, 1000), window("b", 100, 300), window("c", 100, 999), window("d", None, 1000)]
    assert [one.node for one in fitting(found, 200)] == ["b", "c"]
    assert [one.node for one in fitting(found, 400)] == ["c"]
    assert [one.node for one in fitting(found, 1000)] == ["a", "c"]
    assert fitting(found, 400, "b") == []
    quiet = [window("a", 100, 300), window("b", 100, 299)]
    assert [one.node for one in fitting(quiet, 900)] == ["a", "b"], "nothing has been written since"
