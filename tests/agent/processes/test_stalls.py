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


def _stop_and_go_on(pids: list[int], after: float, seconds: float, stood_at: list[float]) -> None:
    """`stood_at` gets the moment."""
    time.sleep(after)
    stood_at.append(time.monotonic())
    for number in (signal.SIGSTOP, signal.SIGCONT):
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
            stood_at: list[float] = []
            stall = threading.Thread(target=_stop_and_go_on, args=(pids, after, seconds, stood_at))
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
        missing = writer.missing(master.client(timeout=10 * PATIENCE))
        when = [round(writer.acknowledged[number] - stood_at[0], 3) for number in missing]
        assert missing == [], f"{victim.name} ({part}), acknowledged so many seconds after it stood still: {when}"
        old.start()
        formed.wait_joined(seconds=40)
