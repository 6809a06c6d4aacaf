"""A webhook gets one message for one event, whatever the receiver is like; and a failover does not wait for it."""

import http.server
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from redis_ha.settings.notify import Notify, webhook
from tests.agent.harness.cluster import DOWN_AFTER, Cluster
from tests.agent.harness.node import PATIENCE, eventually, stays
from tests.agent.harness.writer import Writer, by_sentinel
from tests.agent.processes.conftest import MakeCluster


class Receiver(http.server.ThreadingHTTPServer):
    """Takes messages on loopback: `slow` seconds each, and refuses the first `refusals`."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.slow, self.refusals = 0.0, 0
        self.taken: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def events(self) -> Counter[tuple[str, str]]:
        return Counter((one["event"], one["about"]) for one in self.taken)

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            refused = self.server.refusals > 0
            self.server.refusals -= refused
            if not refused:
                self.server.taken.append(message)
        time.sleep(self.server.slow)
        self.send_response(503 if refused else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name for it
        """Nothing: the test says what it has got."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def telling(make_cluster: MakeCluster, port: int) -> Cluster:
    """A cluster, not started yet, that tells the receiver at `port`."""
    cluster = make_cluster()
    text = webhook(Notify.model_validate({"url": f"http://127.0.0.1:{port}/hook"}), "stack")
    for node in cluster.sentinels:
        (node.root / "etc/node/webhook.json").write_text(text)
    return cluster


def told(make_cluster: MakeCluster, port: int) -> Cluster:
    cluster = telling(make_cluster, port)
    cluster.form()
    return cluster


class Case:
    """A cluster whose master is killed, and its receiver, which is as `how` says."""

    def __init__(self, make_cluster: MakeCluster, how: str) -> None:
        self.how, self.receiver = how, Receiver()
        self.cluster = telling(make_cluster, self.receiver.server_port)
        self.old = ""
        self.expected: Counter[tuple[str, str]] = Counter()

    def kill(self) -> None:
        """The master, and wait until the receiver has been told."""
        how, cluster, receiver = self.how, self.cluster, self.receiver
        receiver.slow, receiver.refusals = 4.0 * (how == "slow"), 4 * (how == "refuses")
        if how == "gone":
            receiver.close()
        old = cluster.master()
        self.old = old.name
        with Writer(by_sentinel(cluster, retries=500)) as writer:
            writer.goes_on(100)
            old.kill()
            cluster.wait_failover(old)
            writer.goes_on(100)
        new = cluster.master()
        print(f"receiver {how}: write gap {1000 * writer.gap:.0f} ms")
        # Not by the time, which says nothing on a busy machine: it is through before a Sentinel has begun.
        elected = f"{old.endpoint} has ended" in new.log()
        assert writer.gap > DOWN_AFTER / 2 or elected, f"{how}: the replicas elect, as without it"
        if how == "gone":
            eventually(lambda: any("is not taken yet" in node.log() for node in cluster.sentinels), 10, "it is said")
            self.receiver = Receiver(receiver.server_port)
        self.expected = Counter({("failover", new.name): 1, ("node-down", old.name): 1})
        eventually(lambda: self.receiver.events().keys() == self.expected.keys(), 30, f"{how}: told")


@pytest.fixture
def cases(make_cluster: MakeCluster) -> Iterator[list[Case]]:
    """One of each kind, formed."""
    made = [Case(make_cluster, how) for how in ("ready", "slow", "refuses", "gone")]
    try:
        with ThreadPoolExecutor(len(made)) as pool:
            for formed in [pool.submit(case.cluster.form) for case in made]:
                formed.result()
        yield made
    finally:
        for case in made:
            case.receiver.close()


def test_a_killed_master_is_one_failover_and_one_node_down(cases: list[Case]) -> None:
    """One cluster loses its master after the other, since each is timed; what comes late is waited for together."""
    for case in cases:
        case.kill()

    def each_once() -> bool:
        for case in cases:
            assert case.receiver.events() == case.expected, f"receiver {case.how}"
        return True

    stays(each_once, 8, "each once, after the turns of all three")
    for case in cases:
        (failover,) = (one for one in case.receiver.taken if one["event"] == "failover")
        expected = ("stack", case.old, case.cluster.epoch())
        assert (failover["cluster"], failover["before"], failover["epoch"]) == expected, case.how


def test_a_planned_stop_is_a_hand_over_and_the_node_comes_back(make_cluster: MakeCluster, receiver: Receiver) -> None:
    cluster = told(make_cluster, receiver.server_port)
    old = cluster.master()
    old.stop()
    new = cluster.master()
    eventually(lambda: ("node-down", old.name) in receiver.events(), 20, "it is down for longer than down-after")
    old.start()
    eventually(lambda: ("node-back", old.name) in receiver.events(), 20, "back")
    expected = Counter({("hand-over", new.name): 1, ("node-down", old.name): 1, ("node-back", old.name): 1})
    stays(lambda: receiver.events() == expected, 6, "each once")


def test_the_next_one_tells_where_the_first_ones_are_dead(make_cluster: MakeCluster, receiver: Receiver) -> None:
    cluster = told(make_cluster, receiver.server_port)
    for node in cluster.sentinels[:2]:
        node.kill()
    # The second one may still have seen the end of the first.
    lost = ("quorum-lost", "stack")
    eventually(lambda: lost in receiver.events(), 20, "the last one tells that no failover can be had")
    stays(lambda: receiver.events()[lost] == 1, 3 * PATIENCE, "once")
    assert {one["by"] for one in receiver.taken if (one["event"], one["about"]) == lost} == {"sentinel-2"}
