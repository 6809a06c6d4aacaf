"""Snapshots in S3: a real server (moto's), reached from the stack's own network."""

import ipaddress
from collections.abc import Iterator

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer

from drills.target.cluster import Cluster
from drills.target.stack import Stack
from tests.deploy.data.backups import at, done, ops, with_backup
from tests.deploy.support import left_over

BUCKET = "backups"
LOGIN = {"AWS_ACCESS_KEY_ID": "the-id", "AWS_SECRET_ACCESS_KEY": "the-key", "AWS_DEFAULT_REGION": "us-east-1"}
VALUE = "a value that nobody must find there"


@pytest.fixture
def server(cluster: Cluster, stack: Stack) -> Iterator[ThreadedMotoServer]:
    """At this machine's address in the stack's network, empty."""
    gateway = ipaddress.IPv4Network(stack.config("redis-ha:subnet"))[1]
    made = ThreadedMotoServer(ip_address=str(gateway), port=0, verbose=False)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def _url(server: ThreadedMotoServer) -> str:
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def _objects(server: ThreadedMotoServer) -> list[bytes]:
    """The content of all that is in the bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=_url(server),
        region_name=LOGIN["AWS_DEFAULT_REGION"],
        aws_access_key_id=LOGIN["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=LOGIN["AWS_SECRET_ACCESS_KEY"],
    )
    found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [client.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found]


def test_a_snapshot_goes_there_and_comes_back(cluster: Cluster, stack: Stack, server: ThreadedMotoServer) -> None:
    with with_backup(cluster, stack, repository=f"s3:{_url(server)}/{BUCKET}/one", environment=LOGIN):
        with at(cluster, cluster.master(), 0) as client:
            client.set("kept in s3", VALUE)
            client.execute_command("WAIT", 2, 5000)
            name = done(stack, "now").split()[1].rstrip(":")
            client.set("kept in s3", "lost")
        assert name in done(stack, "list")
        kept = _objects(server)
        assert kept
        assert not any(VALUE.encode() in content for content in kept), "all of it is encrypted"
        done(stack, "restore", "--from", name)
        with at(cluster, cluster.master(), 0) as client:
            assert client.get("kept in s3") == VALUE
        server.stop()
        failed = ops(stack, "now")
        assert failed.returncode == 1, "it is said when the repository cannot be reached"
        assert "error: " in failed.stdout
    assert not [name for name in left_over(stack.name) if name.endswith("-backup")]
