"""The endpoint: its real image with the real configuration, among nodes and Sentinels that are not."""

import dataclasses
import io
import socket
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker.models.containers import Container

from engine.docker.image_context import BuildContext
from redis_ha.docker.clients import docker_client
from redis_ha.plan.endpoint_config import CONFIG_FILE, endpoint_files
from redis_ha.plan.identity import Identity
from redis_ha.plan.layout import plan
from redis_ha.settings.loader import parse_settings
from tests.agent.harness.node import eventually
from tests.deploy.inside import inside
from tests.endpoint.fakes import Fake, serve

ROOT = Path(__file__).parents[2]
BASE = "haproxy:3.0-alpine"
SECONDS = 40  # a bound on a busy machine; a switch takes a tenth of a second on a quiet one
ASKED = 0.5  # seconds within which every Sentinel has been asked anew
SETTLED = 1.5  # seconds after which a decision stands: longer than all checks take


@dataclass
class Scene:
    """Three nodes of which redis-0 is the master, three Sentinels that say so, and the endpoint."""

    nodes: list[Fake]
    sentinels: list[Fake]
    write: int
    read: int
    container: Container

    def who(self, port: int) -> str:
        """The node that a new connection reaches; "" for none."""
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as connection:
                connection.settimeout(2)
                connection.sendall(b"WHO\r\n")
                return connection.recv(100).decode().strip().removeprefix("+")
        except OSError:
            return ""

    def writes_go_to(self, name: str) -> None:
        eventually(lambda: self.who(self.write) == name, SECONDS, f"writes to {name or 'nobody'}")

    def reads_go_to(self, *names: str) -> None:
        eventually(lambda: {self.who(self.read) for _ in range(6)} == set(names), SECONDS, f"reads from {names}")

    def writes_stay_with(self, name: str) -> None:
        """Nobody else gets any. On a machine that is too busy there may be moments without a master."""
        end = time.monotonic() + SETTLED
        while time.monotonic() < end:
            assert self.who(self.write) in (name, "")
            time.sleep(0.02)
        self.writes_go_to(name)

    def named(self, node: Fake, *sentinels: int) -> None:
        """These Sentinels (all of them, by default) name `node` as the master."""
        for i in sentinels or range(len(self.sentinels)):
            self.sentinels[i].names = node.port

    def health(self) -> tuple[int, str]:
        """Exit code and words of the health check."""
        return inside(self.container, "redis-ha-health")


MakeScene = Callable[..., Scene]


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The endpoint's, as `up` builds it."""
    subprocess.run([ROOT / "bootstrap/base-image", BASE], check=True)
    name, dockerfile = f"redis-ha-test-endpoint:{uuid.uuid4().hex[:8]}", ROOT / "configs/endpoint/Dockerfile"
    context = BuildContext({"context": str(ROOT), "dockerfile": str(dockerfile)})
    images = docker_client().images
    images.build(
        fileobj=context.archive(),
        custom_context=True,
        dockerfile=context.dockerfile_name,
        tag=name,
        buildargs={"BASE": BASE},
        rm=True,
    )
    yield name
    images.remove(name, force=True)


@pytest.fixture
def scene(image: str) -> Iterator[MakeScene]:
    """Makes the scene; the options are settings."""
    with ExitStack() as stack:

        def make(maxconn: int = 4000, **values: object) -> Scene:
            fakes = [Fake(f"redis-{i}") for i in range(3)] + [Fake(f"sentinel-{i}") for i in range(3)]
            for fake in fakes:
                server = serve(fake)
                stack.callback(server.server_close)
                stack.callback(server.shutdown)
                stack.callback(setattr, fake, "hung", False)  # else whoever asks it waits for as long as this process
            nodes, sentinels = fakes[:3], fakes[3:]
            nodes[0].role = "master"
            settings = parse_settings({"password": "pw", "network": "host", **values}, "unit")
            topology = plan(
                parse_settings({"password": "pw", "network": "host", "endpoint": True}, "unit"), Identity("p", "unit")
            )
            topology = dataclasses.replace(
                topology,
                data_nodes=tuple(
                    dataclasses.replace(n, port=f.port) for n, f in zip(topology.data_nodes, nodes, strict=True)
                ),
                sentinels=tuple(
                    dataclasses.replace(n, port=f.port) for n, f in zip(topology.sentinels, sentinels, strict=True)
                ),
            )
            write, read = _free_port(), _free_port()
            endpoint = dataclasses.replace(topology.endpoints[0], write=write, read=read)
            texts = {name: text(settings) for name, text in endpoint_files(settings, topology, endpoint).items()}
            texts[CONFIG_FILE] = texts[CONFIG_FILE].replace("maxconn 4000", f"maxconn {maxconn}")
            container = docker_client().containers.create(
                image,
                environment={"REDIS_HA_ENDPOINT": "/tmp"},  # noqa: S108 - inside the container
                name=f"redis-ha-test-endpoint-{uuid.uuid4().hex[:8]}",
                network_mode="host",
                labels={"redis-ha.stack": "test-endpoint"},
                cap_drop=["ALL"],
            )
            stack.callback(container.remove, force=True)
            container.put_archive("/tmp", _archive(texts))  # noqa: S108
            made = Scene(nodes, sentinels, write, read, container)
            made.named(nodes[0])
            container.start()
            made.writes_go_to("redis-0")
            time.sleep(SETTLED)  # whoever has only just got the writes keeps them, whatever the Sentinels say
            return made

        yield make


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _archive(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o444
            archive.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()


def _open_session(scene: Scene) -> socket.socket:
    def attempt() -> socket.socket | None:
        session = socket.create_connection(("127.0.0.1", scene.write), 2)
        session.settimeout(SECONDS)
        try:
            session.sendall(b"WHO\r\n")
            if session.recv(100) == b"+redis-0\r\n":
                return session
        except OSError:
            pass
        session.close()
        return None

    return eventually(attempt, SECONDS, "a connection to redis-0")


def test_a_promoted_node_gets_the_writes_before_the_sentinels_name_it(scene: MakeScene) -> None:
    made = scene()
    old, new = made.nodes[0], made.nodes[1]
    with _open_session(made) as session:
        old.hung = True
        new.role = "master"
        made.writes_go_to("redis-1")
        assert session.recv(100) == b"", "the connection to the old master is closed"
    made.writes_stay_with("redis-1")


def test_a_hand_over(scene: MakeScene) -> None:
    made = scene()
    with _open_session(made) as session:
        made.nodes[1].role = "master"
        made.named(made.nodes[1])
        made.nodes[0].role = "slave"
        made.writes_go_to("redis-1")
        assert session.recv(100) == b""


def test_a_second_master_gets_nothing_unless_the_majority_names_it(scene: MakeScene) -> None:
    made = scene()
    made.nodes[1].role = "master"
    made.writes_stay_with("redis-0")
    made.named(made.nodes[1], 0)
    made.writes_stay_with("redis-0")
    made.named(made.nodes[1], 1)
    made.writes_go_to("redis-1")
    made.writes_stay_with("redis-1")


def test_without_sentinels_the_one_that_has_the_writes_keeps_them(scene: MakeScene) -> None:
    made = scene()
    for sentinel in made.sentinels:
        sentinel.hung = True
    made.writes_stay_with("redis-0")
    made.nodes[1].role = "master"
    made.writes_stay_with("redis-0")


def test_an_old_master_that_comes_back_during_the_failover_gets_nothing(scene: MakeScene) -> None:
    made = scene()
    old, new = made.nodes[0], made.nodes[1]
    made.sentinels[0].failing_over = True
    old.hung = True
    new.role = "master"
    made.writes_go_to("redis-1")
    # It goes on while all Sentinels still name it.
    old.hung = False
    made.writes_stay_with("redis-1")
    made.named(new)
    made.sentinels[0].failing_over = False
    made.writes_stay_with("redis-1")
    old.role = "slave"
    made.writes_stay_with("redis-1")


def test_an_old_master_that_comes_back_before_the_sentinels_have_been_asked_gets_nothing(scene: MakeScene) -> None:
    for _ in range(5):
        made = scene()
        if _goes_on_before_the_sentinels_have_been_asked(made):
            break
    else:
        pytest.fail("this machine is too busy: the Sentinels were late each time")
    made.writes_stay_with("redis-1")
    # Whoever has had them for long enough has them no longer than the majority says so.
    made.named(made.nodes[0])
    made.writes_go_to("redis-0")


def _goes_on_before_the_sentinels_have_been_asked(made: Scene) -> bool:
    """Whether the Sentinels have named the new one in time. Late, the endpoint rightly gives the writes back."""
    old, new = made.nodes[0], made.nodes[1]
    old.hung = True
    new.role = "master"
    began = switched = asked = time.monotonic()
    while made.who(made.write) != "redis-1":
        assert time.monotonic() < began + SECONDS
        switched, asked = asked, time.monotonic()  # not before this
    # Its replicas have elected it: no Sentinel leads a failover. All of them still name the old one when it goes on.
    old.hung = False
    reached = made.who(made.write)
    while time.monotonic() < switched + ASKED:
        assert reached in ("redis-1", "")
        reached = made.who(made.write)
    made.named(new)
    return time.monotonic() < switched + 2 * ASKED


def test_one_that_starts_between_two_masters_believes_the_sentinels(scene: MakeScene) -> None:
    made = scene()
    made.nodes[2].role = "master"
    made.named(made.nodes[2], 1, 2)
    made.writes_go_to("redis-2")
    made.container.restart(timeout=5)
    end = time.monotonic() + 4
    reached = set()
    while time.monotonic() < end:
        reached.add(made.who(made.write))
        time.sleep(0.01)
    assert reached <= {"redis-2", ""}
    made.writes_go_to("redis-2")


def test_consistent_needs_a_majority_of_the_sentinels(scene: MakeScene) -> None:
    made = scene(durability="consistent")
    with _open_session(made) as session:
        made.sentinels[0].hung = True
        made.writes_stay_with("redis-0")
        made.sentinels[1].hung = True
        made.writes_go_to("")
        assert session.recv(100) == b""
    made.writes_stay_with("")
    made.sentinels[1].hung = False
    made.writes_go_to("redis-0")


def test_available_does_not(scene: MakeScene) -> None:
    made = scene()
    for sentinel in made.sentinels:
        sentinel.hung = True
    made.writes_stay_with("redis-0")


def test_reads(scene: MakeScene) -> None:
    made = scene()
    made.reads_go_to("redis-1", "redis-2")
    made.nodes[1].linked = False
    made.reads_go_to("redis-2")
    made.nodes[2].linked = False
    made.reads_go_to("redis-0")
    # No master: what the replicas have is better than nothing.
    made.nodes[0].hung = True
    made.reads_go_to("redis-1", "redis-2")
    made.writes_go_to("")


def test_a_full_one_says_so_and_follows_the_master_all_the_same(scene: MakeScene) -> None:
    made = scene(maxconn=10)
    with ExitStack() as clients:
        for _ in range(10):
            clients.enter_context(socket.create_connection(("127.0.0.1", made.write), 2))
        eventually(lambda: made.health() == (1, "full: no connection more"), SECONDS, "it is full, and says so")
        made.nodes[1].role = "master"
        made.named(made.nodes[1])
        made.nodes[0].role = "slave"
        # The clients of the old master are let go: so there is room for new ones.
        made.writes_go_to("redis-1")
    eventually(lambda: made.health() == (0, "writes go to redis-1"), SECONDS, "there is room")


def test_it_ends_with_its_haproxy(scene: MakeScene) -> None:
    """Docker starts it again then."""
    made = scene()
    made.container.exec_run(["killall", "-KILL", "haproxy"])
    assert made.container.wait(timeout=SECONDS)["StatusCode"] == 137
