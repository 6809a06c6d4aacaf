"""What happens in the midst of an import: nothing has changed then, nothing is left, and it can be done again.

Between processes of this machine (import_lab.py); what needs the containers is in test_import_stopped.py.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.target.waiting import until
from tests.deploy.data.import_lab import PASSWORD, Lab, Running, fill, lab, waits

KEYS, FEW = 50_000, 10  # of what is broken off, which takes two seconds to copy; and of what is done again
ASIDE = 15
STREAM, STREAM_ASIDE = 1, 14  # the databases of what is slow to arrive


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as found:
        yield found


def copying(made: Lab, *words: str) -> Running:
    """An import that has copied some keys, and waits for the master to go on: of so many that it takes seconds."""
    fill(made.source, KEYS)
    running = made.importing(*words)
    running.wait_for("in step with the source")
    until(lambda: ASIDE in made.master.held(), "some keys in the highest database", 10)
    made.master.freeze()
    return running


def again(made: Lab) -> None:
    """Of less: that it can be done again does not depend on how much there is."""
    with made.source.client() as client:
        client.flushall()
    for database in (0, STREAM):
        fill(made.source, FEW, database)
    made.imported("hold=0")


def refused(made: Lab, running: Running, why: str) -> None:
    """It ends with that, and the stack has what it had: nothing."""
    made.master.thaw()
    code, said = running.end()
    assert code == 1, said
    assert f"error: nothing has changed: {why}" in said
    assert "Traceback" not in said
    until(lambda: not made.master.held(), "nothing left of it", 5)


def test_a_source_that_is_gone(made: Lab) -> None:
    running = copying(made)
    made.source.process.kill()
    refused(made, running, f"the source 127.0.0.1:{made.source.port} cannot be reached")


def test_a_source_that_has_failed_over(made: Lab) -> None:
    other = made.start("other")
    running = copying(made)
    with made.source.client() as client:
        client.replicaof("127.0.0.1", other.port)
        until(lambda: client.info("replication")["master_link_status"] == "up", "it to follow", 10)
    fill(other, 10)
    refused(made, running, "the source has become a replica")


def test_a_value_that_takes_long_and_a_source_that_ends_idle_connections(tmp_path: Path) -> None:
    with lab(tmp_path, "--timeout", "1") as made:
        running = copying(made, "hold=0")
        (server,) = made.servers_of_the_import()
        os.kill(server, signal.SIGSTOP)
        made.master.thaw()
        time.sleep(6)
        os.kill(server, signal.SIGCONT)
        code, said = running.end()
        assert code == 0, said
        assert made.replica.held() == {0: KEYS}


def test_a_stack_that_is_written_to(made: Lab) -> None:
    with socket.create_connection(("127.0.0.1", made.master.port), 20) as writer:
        running = copying(made)
        # It lies there when the master goes on, long before the copy can be over.
        writer.sendall(b"DEBUG POPULATE 7 key 10\r\n")
        made.master.thaw()
        assert writer.recv(100) == b"+OK\r\n"
    code, said = running.end()
    assert code == 1, said
    assert "error: nothing has changed: the stack has been written to meanwhile, in database 0" in said
    assert made.master.held() == {0: 7}


def test_our_master_fails_over(made: Lab) -> None:
    running = copying(made)
    made.master.process.kill()
    # Until then there is none in whose place it could be dropped.
    time.sleep(1)
    with made.replica.client() as client:
        assert ASIDE in made.replica.held()
        client.replicaof("NO", "ONE")
    code, said = running.end()
    assert code == 1, said
    assert "error: nothing has changed: " in said
    assert not made.replica.held()
    again(made)
    assert made.replica.held() == {0: FEW, STREAM: FEW}


def test_it_is_stopped_in_the_cut_over_by_somebody_impatient(made: Lab) -> None:
    running = cutting_over(made)
    for _ in range(3):
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    assert waits(made.source) < 5
    refused(made, running, "stopped")


def test_it_is_killed_in_the_cut_over_and_done_again(made: Lab) -> None:
    running = cutting_over(made)
    running.process.kill()
    assert made.servers_of_the_import()
    assert 1 < waits(made.source) < 20
    made.master.thaw()
    # What it has left is named; so is it replaced like any other data.
    made.refused(f"databases: {STREAM_ASIDE}, {ASIDE}")
    assert not made.servers_of_the_import()
    for database in (STREAM_ASIDE, ASIDE):
        with made.master.client(database) as client:
            client.flushdb()
    again(made)
    assert made.master.held() == {0: FEW, STREAM: FEW}


def slow_to_arrive(made: Lab) -> None:
    """The source gets a large stream: those are copied in the cut-over.

    It is alone in its database, so the sample that is compared there is all of it: that takes seconds.
    """
    with made.source.client(STREAM) as client:
        client.eval("for i = 1, 200000 do redis.call('xadd', KEYS[1], '*', 'number', i) end", 1, "a stream")


def cutting_over(made: Lab) -> Running:
    """An import that keeps the source from taking writes, and waits for the master to go on."""
    slow_to_arrive(made)
    running = copying(made)
    made.master.thaw()
    running.wait_for("had changed meanwhile")
    made.master.freeze()
    running.wait_for("behind the source")
    return running


def test_no_pause_with_keys_that_end(made: Lab) -> None:
    slow_to_arrive(made)
    with made.source.client() as client, client.pipeline(transaction=False) as pipeline:
        client.set("lasting", 1)
        for i in range(30_000):
            pipeline.set(f"short:{i}", "x", px=500 + i // 10)
        pipeline.execute()
    made.imported("no-pause")
    with made.replica.client() as client:
        assert client.get("lasting") == "1"


def test_no_pause_with_a_writer(made: Lab) -> None:
    fill(made.source, 1000)
    slow_to_arrive(made)  # a busy machine may keep the writer silent for a while, but not for all of the cut-over
    ended = threading.Event()

    def write() -> None:
        with made.source.client() as client:
            client.set("counted", 0, ex=3600)  # none with an end is in the sample, which would see it, too
            while not ended.wait(0.001):
                client.incr("counted")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made.refused("error: nothing has changed: the source is still written to", "no-pause")
    finally:
        ended.set()
        writer.join()
    assert not made.master.held()


def test_a_user_who_may_not_all(made: Lab) -> None:
    """Key by key: what cannot be read ends it, before anything is left in the stack."""
    fill(made.source, 100)
    with made.source.client() as client:
        for user, rules in (("partly", "~key:1*"), ("data", "~* -function|dump")):
            client.execute_command(
                "ACL", "SETUSER", user, "on", f">{PASSWORD}", "&*", "+@all", "-psync", "-sync", *rules.split()
            )
    for user in ("partly", "data"):
        made.refused("NOPERM", user=user)
        assert not made.master.held()
    made.refused("WRONGPASS", user="nobody")


def test_a_source_whose_psync_is_renamed(tmp_path: Path) -> None:
    """SYNC alone would not tell how far it has been followed."""
    with lab(tmp_path, "--rename-command", "PSYNC", "") as made:
        fill(made.source, 1000)
        assert "its keys are read one by one" in made.imported("hold=0")
        assert made.replica.held() == {0: 1000}


def test_the_stack_itself(made: Lab) -> None:
    fill(made.master, 10)
    made.refused("the source is the stack itself", "replace", of=made.master)
    made.refused("the source is a replica", "replace", of=made.replica)
    assert made.master.held() == {0: 10}


def test_keys_that_are_evicted_meanwhile(made: Lab) -> None:
    with made.source.client() as client:
        ending = "for i = 1, tonumber(ARGV[1]) do redis.call('set', 'ending:'..i, ARGV[2], 'ex', 3600) end"
        client.eval(ending, 0, KEYS, "x" * 100)
    with made.master.client() as client:
        # Before anything is copied: what comes is several times that.
        limit = client.info("memory")["used_memory"] + 4_000_000
        running = made.importing()
        running.wait_for("in step with the source")
        client.config_set("maxmemory-policy", "volatile-ttl")
        client.config_set("maxmemory", limit)
    refused(made, running, "the stack has evicted keys meanwhile")
