"""Hand-overs in the midst of which something stands still: nothing is lost, and one master is left."""

import os
import random
import signal
import threading
import time
from contextlib import suppress

from agent.act.successor import TAKES_WRITES
from tests.agent.harness.cluster import DOWN_AFTER, Cluster
from tests.agent.harness.node import PATIENCE, Node, eventually, stays
from tests.agent.harness.writer import Writer, by_role

SEED = int(os.environ.get("REDIS_HA_TEST_SEED", "20261127"))
ROUNDS = int(os.environ.get("REDIS_HA_TEST_ROUNDS", "4"))
LONGEST = 3.0  # seconds
TRIES = 12  # until a successor has stood still in time, which a busy machine does not always allow
NO_HAND_OVER = "no hand-over: "


class Round:
    """One hand-over of `old`, under a writer, in which a node stands still."""

    def __init__(self, formed: Cluster, name: str) -> None:
        self.formed = formed
        self.old = formed.master()
        self.writer = Writer(by_role(formed), name)
        self.stood_at: float | None = None
        """When one has stood still (time.monotonic()); None where it was too late for that."""
        self._said = {node.name: len(node.log()) for node in formed.nodes}

    def stands_still(self, victim: Node, pids: list[int], seconds: float) -> None:
        """Stop these processes of `victim` for so long, if it is a moment of the hand-over.

        A successor that takes writes is a master like any other, for it the hand-over has ended. So is a node that was
        elected because there was none. Both are said before they are done.
        """
        began = time.monotonic()
        self._signal(pids, signal.SIGSTOP)
        if not self._has_said(victim, TAKES_WRITES) and not self._has_said(self.old, NO_HAND_OVER):
            self.stood_at = began
            time.sleep(seconds)
        self._signal(pids, signal.SIGCONT)

    def ends_well(self, what: str) -> None:
        """The old master ends, all come to rest, and what was acknowledged is there; then it comes back."""
        formed = self.formed
        assert self.old.ended(20) in (0, 137), "137: its server hung, and its agent has ended that"
        eventually(lambda: len(formed.masters()) == 1, 30, "one master")
        self.writer.goes_on(50, 30)
        self.writer.end()
        eventually(lambda: len({tuple(addr or ()) for addr in formed.named()}) == 1, 30, "all Sentinels agree")
        # One that stood still for about down-after goes on while the failover that it has led to is under way.
        eventually(formed.undisturbed, 30, "no Sentinel takes the master for down, or fails it over")
        master = formed.master()
        stays(lambda: formed.masters() == [master], 1, "it stays the only one")
        missing = self.writer.missing(master.client(timeout=10 * PATIENCE))
        when = [round(self.writer.acknowledged[number] - (self.stood_at or 0.0), 3) for number in missing]
        assert missing == [], f"{what}, acknowledged so many seconds after it stood still: {when}"
        self.old.start()
        formed.wait_joined(seconds=40)

    def _has_said(self, node: Node, text: str) -> bool:
        return text in node.log()[self._said[node.name] :]

    @staticmethod
    def _signal(pids: list[int], number: int) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):  # the leaving master itself may be gone already
                os.kill(pid, number)


def test_whatever_stalls_nothing_is_lost(formed: Cluster) -> None:
    dice = random.Random(SEED)  # noqa: S311 - a seed makes it repeatable
    print(f"REDIS_HA_TEST_SEED={SEED}")
    for turn in range(ROUNDS):
        one = Round(formed, f"stall{turn}")
        victim = dice.choice([*(node for node in formed.data if node is not one.old), *formed.sentinels, one.old])
        after, seconds = dice.uniform(0, 0.15), dice.uniform(0.2, LONGEST)
        part = dice.choice(["both", "server", "agent"])
        pids = {"both": victim.pids(), "server": [victim.server_pid()]}.get(part) or [victim.agent_pid()]
        what = f"{victim.name} ({part}) stands still {after:.3f} s after SIGTERM, for {seconds:.1f} s"
        print(f"{turn}: {what}")
        with one.writer:
            one.writer.goes_on(50)
            stall = threading.Timer(after, one.stands_still, (victim, pids, seconds))
            stall.start()
            one.old.terminate()
            stall.join()
            one.ends_well(what)


def test_a_successor_that_stands_still_at_once_loses_nothing(formed: Cluster) -> None:
    """For so long that yet another is elected, in the moments before any node has a copy of what it would take."""
    dice = random.Random(SEED)  # noqa: S311 - a seed makes it repeatable
    stood = turn = 0
    while turn < ROUNDS // 2 or (not stood and turn < TRIES):
        turn += 1
        one = Round(formed, f"alone{turn}")
        others = [node for node in formed.data if node is not one.old]
        pids = {node.name: node.pids() for node in others}
        with one.writer:
            one.writer.goes_on(50)
            one.old.terminate()
            successor = eventually(
                lambda: next((node for node in others if node.role_now() == "master"), None),  # noqa: B023
                10,
                "a successor",
                every=0.001,
            )
            time.sleep(dice.uniform(0, 0.005))
            one.stands_still(successor, pids[successor.name], 2 * DOWN_AFTER)
            stood += one.stood_at is not None
            one.ends_well(f"{successor.name} stands still at once")
    print(f"{stood} of {turn} stood still before they took writes")
    assert stood, "at least one has stood still in time"
