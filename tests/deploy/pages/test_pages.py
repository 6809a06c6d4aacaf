"""Every command of the README and the pages is run as it stands there: on one stack, from its settings to its end.

tests/unit/test_pages.py fails where a page says a command that is neither here nor in its table of other places.
"""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from clients import redis_ha_client
from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.health import wait_healthy
from drills.target.waiting import until
from redis_ha.settings.reference import targets
from redis_ha.tls.dev_certificates import make_ca, make_certificate
from tests.deploy.credentials import answer, is_refused
from tests.deploy.data.backups import at
from tests.deploy.data.sources import NAME as SOURCE
from tests.deploy.data.sources import PASSWORD as SOURCE_PASSWORD
from tests.deploy.data.sources import PORT, running
from tests.deploy.pages.conftest import PASSWORD, PREFIX
from tests.deploy.pages.reader import Reader
from tests.deploy.pages.servers import one_image, webhook
from tests.deploy.support import left_over, started_at
from tests.pages import ROOT


def test_status(reader: Reader, cluster: Cluster) -> None:
    verdict = f"healthy: {cluster.master().name} is master, 1 replica in sync, 3 Sentinels agree"
    _soon(lambda: reader("make status").splitlines()[-1] == verdict)
    _soon(lambda: verdict in reader("make status ARGS=--json"))
    _soon(lambda: verdict in reader(".venv/bin/python -m ops.status --stack dev"))
    reader.watched("make status WATCH=1", verdict, 2)


def _soon(says: Callable[[], bool]) -> None:
    """Until a look says so: at one look a node may be too busy to answer."""
    why = "it has said another thing"

    def said() -> bool:
        nonlocal why
        try:
            return says()
        except AssertionError as error:  # it has ended with another code
            why = str(error)
            return False

    until(said, "that verdict", 60, 0.5, lambda: why)


def test_connecting(reader: Reader, cluster: Cluster) -> None:
    assert PASSWORD in reader("./pulumiw stack output --show-secrets")
    url = reader("./pulumiw stack output sentinel_url --show-secrets").splitlines()[-1]
    tls = cluster.outputs.tls
    assert tls is not None
    with redis_ha_client.from_url(url, ca=tls.ca) as master:
        assert master.set("greeting", "hello")
    reports = clients.direct(cluster.master().address, "...", tls=tls, username="reports")
    assert reports.get("greeting") == "hello"
    assert is_refused(answer(reports, ("SET", "greeting", "another")))
    assert "make rotate " in reader("make help")


def test_nothing_to_do(reader: Reader, cluster: Cluster) -> None:
    before = started_at(cluster, "redis") | started_at(cluster, "sentinel")
    said = reader("make up") + reader("make up ARGS=--refresh")
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", said)
    assert started_at(cluster, "redis") | started_at(cluster, "sentinel") == before
    assert f"### Preview of stack `{reader.stack.name}`" in reader("make preview FORMAT=markdown")


def test_rotating(reader: Reader, cluster: Cluster) -> None:
    assert "both passwords are accepted" in reader("make rotate WHAT=password STACK=prod")
    new = Cluster(reader.stack.outputs())
    assert new.outputs.password != PASSWORD
    assert "rotated: password" in reader("make rotate WHAT=password STACK=prod FINISH=1")
    old = clients.direct(new.master().address, PASSWORD, tls=new.outputs.tls)
    assert is_refused(answer(old, ("PING",)))
    before = started_at(new, "redis")
    assert "rotated: certs" in reader("make rotate WHAT=certs STACK=prod")
    after = started_at(new, "redis")
    assert all(after[name] != before[name] for name in before)


def test_what_touches_no_data_node(reader: Reader, cluster: Cluster) -> None:
    before = started_at(cluster, "redis")
    reader("./pulumiw config set endpoint true --stack dev && make up")
    reader("./pulumiw config set metrics true --stack prod && make up STACK=prod")
    file = ROOT / "monitoring/targets" / f"{reader.stack.name}.json"
    try:
        assert reader("make metrics-targets STACK=prod").splitlines()[-1] == str(file.relative_to(ROOT))
        labels = [one["labels"]["kind"] for one in json.loads(file.read_text())]
        assert set(labels) == {"redis", "sentinel", "exporter"}
    finally:
        file.unlink(missing_ok=True)
    assert started_at(cluster, "redis") == before
    assert "endpoint" in json.loads(reader.stack.run("stack", "output", "--json"))


def test_notifications(reader: Reader, cluster: Cluster, tmp_path: Path) -> None:
    data, sentinels = started_at(cluster, "redis"), started_at(cluster, "sentinel")
    with webhook(f"{PREFIX}.1") as (url, taken):
        settings = tmp_path / "notify.json"
        settings.write_text(json.dumps({"url": url, "format": "slack"}))
        reader("./pulumiw config set --secret notify --stack prod <notify.json", {"notify.json": str(settings)})
        reader("make up STACK=prod")
        assert started_at(cluster, "redis") == data
        now = started_at(cluster, "sentinel")
        assert now.keys() == sentinels.keys()
        assert all(now[name] != sentinels[name] for name in now)
        was = cluster.container(cluster.master()).name
        # In whichever order: a master that is stopped hands over, and is a replica when it is back.
        reader("docker stop", more=str(was))
        reader("docker start", more=str(was))
        until(lambda: any(cluster.master().name in text for text in taken), "the hand-over to be told", 30)


def test_what_docker_does_to_a_node(reader: Reader, cluster: Cluster) -> None:
    reader("docker version")
    replica = str(cluster.container(cluster.replicas()[0]).name)
    assert "replica" in reader("docker logs", more=replica)
    reader("docker pause", more=replica)
    reader("docker unpause", more=replica)
    reader("docker restart", more=replica)
    wait_healthy(cluster, 60)


def test_backup_and_restore(reader: Reader, emptied: Cluster) -> None:
    with at(emptied, emptied.master(), 0) as client:
        client.mset({"one": 1, "two": 2})
        name = reader("make backup").split("snapshot ")[1].split()[0].rstrip(":")
        assert name in reader("make backups")
        client.set("one", "changed")
        assert "lost will be: " in reader("make restore FROM=latest CHECK=1")
        assert client.get("one") == "changed"
        assert "restored: " in reader("make restore FROM=latest")
        assert client.mget("one", "two") == ["1", "2"]


def test_restore_to_a_second(reader: Reader, emptied: Cluster) -> None:
    with at(emptied, emptied.master(), 0) as client:
        client.set("before", 1)
        second = int(time.time())
        until(lambda: time.time() >= second + 1, "that second to be over", 5, 0.1)
        client.set("after", 1)
        moment = {"2026-11-27T18:00:00Z": datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        assert "(master): back to " in reader("make restore AT=2026-11-27T18:00:00Z CHECK=1", moment)
        assert client.exists("after")
        reader("make restore AT=2026-11-27T18:00:00Z", moment)
        assert list(client.scan_iter()) == ["before"]
        client.set("after", 1)
        assert "taking that of redis-1" in reader("make restore AT=2026-11-27T18:00:00Z FROM=redis-1", moment)
        assert list(client.scan_iter()) == ["before"]


def test_import(reader: Reader, emptied: Cluster) -> None:
    address = {"10.0.0.5:6379": f"{SOURCE}:{PORT}"}
    with running(emptied, "redis:8-alpine") as source, source.client() as there:
        there.execute_command("ACL", "SETUSER", "user", "on", f">{SOURCE_PASSWORD}", "~*", "&*", "+@all")
        there.set("from", "elsewhere")
        with at(emptied, emptied.master(), 0) as here:
            reader("make import FROM=redis://user@10.0.0.5:6379 CHECK=1", address, SOURCE_PASSWORD=SOURCE_PASSWORD)
            assert not here.exists("from")
            said = reader("make import FROM=redis://user@10.0.0.5:6379", address, SOURCE_PASSWORD=SOURCE_PASSWORD)
            assert "the cut-over took" in said
            assert here.get("from") == "elsewhere"


def test_import_over_tls(reader: Reader, emptied: Cluster, tmp_path: Path) -> None:
    ca, key = make_ca("source")
    cert, own = make_certificate(ca, key, [f"{PREFIX}.{last}" for last in range(2, 255)])
    (tmp_path / "ca.pem").write_text(ca)
    with running(emptied, "redis:8-alpine", tls={"ca": ca, "cert": cert, "key": own}) as source:
        with source.client() as there:
            there.set("from", "elsewhere")
        reader(
            "make import FROM='rediss://10.0.0.5:6380?ssl_ca_certs=/home/me/ca.pem'",
            {"10.0.0.5:6380": f"{source.address}:{PORT}", "/home/me/ca.pem": str(tmp_path / "ca.pem")},
            SOURCE_PASSWORD=SOURCE_PASSWORD,
        )
        with at(emptied, emptied.master(), 0) as here:
            assert here.get("from") == "elsewhere"


def test_certificates_of_ones_own(reader: Reader, cluster: Cluster, tmp_path: Path) -> None:
    """A preview takes them; that `up` rolls them out: test_tls.py."""
    ca, key = make_ca("own")
    cert, own = make_certificate(ca, key, ["127.0.0.1", *(f"{PREFIX}.{last}" for last in range(2, 255))])
    files = {f"{name}.pem": tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    for file, text in zip(files.values(), (ca, cert, own), strict=True):
        file.write_text(text)
    mine = [{name: str(file)} for name, file in files.items()]
    with reader.stack.changed({"tls": None}):
        reader("./pulumiw config set --secret --path tls.ca --stack prod < ca.pem", mine[0])
        reader("./pulumiw config set --secret --path tls.cert --stack prod < cert.pem", mine[1])
        reader("./pulumiw config set --secret --path tls.key --stack prod < key.pem", mine[2])
        assert "to replace" in reader("make preview")
    hosts = [{"name": name, "docker": "unix:///nowhere", "address": "192.0.2.1"} for name in "ab"]
    with reader.stack.changed({"hosts": hosts}):
        reader("./pulumiw config set --secret --path 'hosts[1].ca' --stack prod < ca.pem", mine[0])
        reader("./pulumiw config set --secret --path 'hosts[1].cert' --stack prod < cert.pem", mine[1])
        reader("./pulumiw config set --secret --path 'hosts[1].key' --stack prod < key.pem", mine[2])
        set_now = json.loads(reader.stack.run("config", "get", "hosts"))[1]
        assert [set_now[name] for name in ("ca", "cert", "key")] == [text.strip() for text in (ca, cert, own)]


def test_policy(reader: Reader, cluster: Cluster) -> None:
    assert "error: " not in reader("make policy STACK=prod")
    with reader.stack.changed({"resources": None}):
        own = {"${{ matrix.stack }}": reader.stack.name}
        assert "memory-limits" in reader("make policy STACK=${{ matrix.stack }}", own, code=2)


def test_pins(reader: Reader, cluster: Cluster) -> None:
    with one_image() as (registry, digest):
        image = f"{registry}/redis:8-alpine"
        with reader.stack.changed({"baseImage": image, "endpoint": None, "metrics": None, "backup": None}):
            reader("make pins STACK=prod")
            assert reader.stack.config("redis-ha:baseImage") == f"{image}@{digest}"


def test_scaling(reader: Reader, cluster: Cluster) -> None:
    before = started_at(cluster, "redis")
    reader("./pulumiw config set replicas 3 --stack prod")
    reader("make up STACK=prod")
    now = Cluster(reader.stack.outputs())
    wait_healthy(now, 60)
    assert len(now.nodes) == 4
    assert before.items() <= started_at(now, "redis").items()


def test_breaking_it(reader: Reader, cluster: Cluster, tmp_path: Path) -> None:
    """One fault of twelve, and a tenth of a minute of ten: what these do at length is theirs."""
    report = tmp_path / "report.json"
    reader("make drill STACK=dev", ARGS=f"replica-killed --out {report}")
    assert report.exists()
    reader("make chaos STACK=dev SEED=1 MINUTES=10", {"MINUTES=10": "MINUTES=0.1"})


def test_developing(reader: Reader) -> None:
    before = {file: file.stat().st_mtime_ns for file in targets(ROOT)}
    reader(".venv/bin/python -m redis_ha.settings.reference")
    assert {file: file.stat().st_mtime_ns for file in before} == before, "what is up to date stays untouched"
    said = reader(".venv/bin/python -m pytest tests/deploy -k handover", more="--collect-only --quiet")
    assert "tests/deploy/failures/test_handover.py::" in said
    assert "tests/deploy/changes/test_scaling.py::test_sentinels" not in said


def test_the_end(reader: Reader, cluster: Cluster) -> None:
    """With `retainData` the data stays, and `up` goes on with it; without, what stays is the backups' volume."""
    with at(cluster, cluster.master(), 0) as client:
        client.set("kept", 1)
        assert client.execute_command("WAIT", len(cluster.nodes) - 1, 5000) == len(cluster.nodes) - 1
    reader("make destroy")
    assert not cluster.containers()
    reader("make up")
    wait_healthy(cluster, 60)
    with at(cluster, cluster.master(), 0) as client:
        assert client.get("kept") == "1"
    reader.stack.configure({"retainData": False})
    reader("make up")
    reader("make destroy")
    backups = f"redis-ha-{reader.stack.name}-backup"
    assert left_over(reader.stack.name) == [backups]
    reader("docker volume rm", more=backups)
