"""Hand-overs in which something stands still at a random moment: nothing is lost, and one master is left."""

import os
import random
import signal
import threading
import time

from tests.agent.harness.cluster import Cluster
from tests.agent.harness.node import PATIENCE, eventually, stays
from tests.agent.harness.writer import Writer, by_role

SEED = int(os.environ.get("REDIS_HA_TEST_SEED", "20261127"))
ROUNDS = int(os.environ.get("REDIS_HA_TEST_ROUNDS", "4"))
LONGEST = 3.0  # seconds
MOMENT = 0.3  # seconds


def _stop_and_go_on(pids: list[int], after: float, seconds: float, moments: list[float]) -> None:
    """`moments` gets when it stood still, and when it went on."""
    time.sleep(after)
    for number in (signal.SIGSTOP, signal.SIGCONT):
        moments.append(time.monotonic())
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:  # the leaving master itself may be gone already
                continue
        if number == signal.SIGSTOP:
            time.sleep(seconds)


def test_whatever_stalls_nothing_is_lost(formed: Cluster) -> None:
    dice = random.Random(SEED)  # noqa: S311 - a seed makes it repeatable
    print(f"REDIS_HA_TEST_SEED={SEED}")
    for turn in range(ROUNDS):
        old = formed.master()
        victim = dice.choice([*(node for node in formed.data if node is not old), *formed.sentinels, old])
        after, seconds = dice.uniform(0, 0.15), dice.uniform(0.2, LONGEST)
        part = dice.choice(["both", "server", "agent"])
        pids = {"both": victim.pids(), "server": [victim.server_pid()]}.get(part) or [victim.agent_pid()]
        print(f"{turn}: {victim.name} ({part}) stands still {after:.3f} s after SIGTERM, for {seconds:.1f} s")
        with Writer(by_role(formed), f"stall{turn}") as writer:
            writer.goes_on(50)
            moments: list[float] = []
            stall = threading.Thread(target=_stop_and_go_on, args=(pids, after, seconds, moments))
            stall.start()
            old.terminate()
            assert old.ended(20) in (0, 137), "137: its server hung, and its agent has ended that"
            stall.join()
            eventually(lambda: len(formed.masters()) == 1, 30, "one master")
            writer.goes_on(50, 30)
        eventually(lambda: len({tuple(addr or ()) for addr in formed.named()}) == 1, 30, "all Sentinels agree")
        # One that stood still for about down-after goes on while the failover that it has led to is under way.
        eventually(formed.undisturbed, 30, "no Sentinel takes the master for down, or fails it over")
        master = formed.master()
        stays(lambda: formed.masters() == [master], 1, "it stays the only one")  # noqa: B023
        missing = set(writer.missing(master.client(timeout=10 * PATIENCE)))
        if victim in formed.data and victim not in (old, master):
            # It may have taken over, stood still at once, and been replaced: the loss of the next master, which had
            # sent its first writes to nobody. It takes some when it goes on, too: its agent needs a tenth of a second
            # to end a Redis that hung alone (docs/how-it-works.md).
            missing -= set().union(*(writer.near(moment, MOMENT) for moment in moments if part != "agent"))
        after_it_stood = {number: round(writer.at[number] - moments[0], 3) for number in missing}
        assert not missing, f"{victim.name} ({part}) for {seconds:.3f} s; acknowledged after it stood: {after_it_stood}"
        old.start()
        formed.wait_joined(seconds=40)
