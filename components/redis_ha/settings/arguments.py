"""The component's arguments. Written by `python -m redis_ha.settings.reference`; change fields.py."""

from typing import Any, NotRequired, TypedDict

import pulumi


class LabelsArgs(TypedDict):
    """Where a host stands: nodes are spread over zones first, then over racks, then over hosts."""

    zone: NotRequired[str]
    """What fails as a whole, such as a data centre."""
    rack: NotRequired[str]
    """What fails as a whole inside a zone."""


class HostArgs(TypedDict):
    """One machine. Its place in the list is its place in the history of placement: see plan/placement.py."""

    name: str
    """Names its resources; in a Swarm the node's hostname."""
    docker: NotRequired[str]
    """How its Docker is reached: `ssh://user@host`, `tcp://host:port`, `unix:///path` or a context; left out in
    a Swarm."""
    address: str
    """The address that its nodes announce."""
    labels: NotRequired[LabelsArgs]
    """Where it stands."""
    drain: NotRequired[bool]
    """Take all nodes off it; default: false."""
    ca: NotRequired[str]
    """The CA of a Docker at `tcp://`, in PEM."""
    cert: NotRequired[str]
    """What is shown to it, in PEM."""
    key: NotRequired[str]
    """Secret. Its private key, in PEM."""


class NotifyArgs(TypedDict):
    """A webhook: `url` (secret), what it takes, and which events it is told."""

    url: pulumi.Input[str]
    """Secret. Where messages are posted to: http://... or https://...."""
    format: NotRequired[pulumi.Input[str]]
    """What the receiver takes: `json`, `slack` or `alertmanager`; default: json."""
    events: NotRequired[pulumi.Input[list[str]]]
    """Which events: `failover`, `hand-over`, `node-down`, `node-back`, `quorum-lost`, `quorum-back`, `tilt`;
    default: all."""
    ca: NotRequired[pulumi.Input[str]]
    """Certificates of the receiver's CA in PEM; default: the CAs that the image knows."""


class PortsArgs(TypedDict):
    """First port of each role; a further node of a role on the same host gets +10. The last four: see there."""

    master: NotRequired[int]
    """The first master's; default: 16379."""
    replica: NotRequired[int]
    """The first replica's; `slave` is accepted for it in a stack's config; default: 16380."""
    sentinel: NotRequired[int]
    """The first Sentinel's; default: 16381."""
    write: NotRequired[int]
    """The endpoint's for writes; default: 16378."""
    read: NotRequired[int]
    """The endpoint's for reads; default: 16377."""
    metrics: NotRequired[int]
    """The redis_exporter's, with `metrics`; default: 16376."""
    figures: NotRequired[int]
    """Of what redis_exporter cannot tell, with `metrics`; default: 16375."""


class ResourcesArgs(TypedDict):
    """Limits of each container: `memory` and `cpus` of a data node's, `sentinelMemory` of a Sentinel's."""

    memory: NotRequired[pulumi.Input[str]]
    """Memory of a data node, such as 1g; 96m and up; default: no limit."""
    cpus: NotRequired[pulumi.Input[float]]
    """CPUs of a data node, such as 1.5; default: no limit."""
    sentinel_memory: NotRequired[pulumi.Input[str]]
    """Memory of a Sentinel; 48m and up; default: 128m."""


class TlsArgs(TypedDict):
    """PEM texts: `ca` (one or more), `cert` (the nodes', with intermediate ones after it) and its `key`."""

    ca: pulumi.Input[str]
    """Certificates of the CA, one or more, in PEM; clients and nodes trust them."""
    cert: pulumi.Input[str]
    """The nodes' certificate, with intermediate ones after it, in PEM."""
    key: pulumi.Input[str]
    """Secret. Its private key, in PEM."""
    ca_key: NotRequired[pulumi.Input[str]]
    """Secret. Used by `make certs` only, for further certificates of the same CA."""
    client_cert: NotRequired[pulumi.Input[str]]
    """Secret. A certificate for clients, handed out as an output."""
    client_key: NotRequired[pulumi.Input[str]]
    """Secret. Its private key."""
    client_auth: NotRequired[str]
    """Whether clients show a certificate: `none`, `optional` or `required`; default: none."""


class UserArgs(TypedDict):
    """A further user of the data nodes: its password, and its Redis ACL rules."""

    password: pulumi.Input[str]
    """Secret. What the user logs in with."""
    rules: pulumi.Input[str]
    """Redis ACL rules for keys, channels and commands, such as `~app:* +@read`."""


class BackupArgs(TypedDict):
    """Encrypted snapshots of the data, in a restic repository."""

    password: pulumi.Input[str]
    """Secret. Encrypts the repository: without it nothing can be restored."""
    repository: NotRequired[pulumi.Input[str]]
    """Where they are kept: `volume` (one of the stack's, which outlives it), a folder of the host, or what
    restic calls a repository, such as s3:https://host/bucket; default: volume."""
    every: NotRequired[pulumi.Input[str]]
    """Time between two, such as 30m, 6h or 1d; default: 1d."""
    keep: NotRequired[pulumi.Input[dict[str, int]]]
    """How many stay: `last`, `hourly`, `daily`, `weekly`, `monthly`, `yearly`."""
    environment: NotRequired[pulumi.Input[dict[str, str]]]
    """Secrets. What restic needs for the repository, such as AWS_ACCESS_KEY_ID."""
    host: NotRequired[pulumi.Input[str]]
    """With `hosts`: where it runs; default: the first that is not drained."""


class RedisHaArgs(TypedDict):
    """All arguments of RedisHa."""

    replicas: NotRequired[int]
    """Number of replicas, 0 and up; default: 2."""
    sentinels: NotRequired[int]
    """Number of Sentinels, 1 and up; fewer than 3 or an even number is warned of; default: 3."""
    quorum: NotRequired[pulumi.Input[int]]
    """Sentinels that must agree that the master is down; default: majority."""
    base_image: NotRequired[pulumi.Input[str]]
    """Image that ours is built on: an official one of Redis or Valkey; default: redis:8-alpine."""
    endpoint: NotRequired[bool]
    """A write and a read endpoint (HAProxy) for clients that do not ask the Sentinels; default: false."""
    endpoint_image: NotRequired[pulumi.Input[str]]
    """Image of the endpoint; default: haproxy:3.0-alpine."""
    metrics: NotRequired[bool]
    """Figures of all nodes for a Prometheus, on each host (redis_exporter, and what it cannot tell); default:
    false."""
    exporter_image: NotRequired[pulumi.Input[str]]
    """Image of the redis_exporter; default: oliver006/redis_exporter:v1.69.0-alpine."""
    backup: NotRequired[pulumi.Input[BackupArgs]]
    """Snapshots by schedule (docs/operate.md). `password`: encrypts them; `repository`: `volume`, a folder,
    s3:... ; `every`: 1d; `keep`: how many; `environment`: what restic needs."""
    restic_image: NotRequired[pulumi.Input[str]]
    """Image that the backup has restic from; default: restic/restic:0.18.0."""
    notify: NotRequired[pulumi.Input[NotifyArgs]]
    """Secret. A webhook that is told of failovers and more: `url`, `format`: `json`, `slack` or `alertmanager`,
    `events` (docs/operate.md)."""
    image_name: NotRequired[str]
    """Name of our image; default: by the names of project and cluster, such as redis-ha:STACK."""
    registry: NotRequired[str]
    """Registry to push the image to; default: it stays on the machine."""
    registry_user: NotRequired[pulumi.Input[str]]
    """User name at the registry."""
    registry_password: NotRequired[pulumi.Input[str]]
    """Secret. Password at the registry."""
    ports: NotRequired[PortsArgs]
    """First port of each role; the next one of a role gets +10."""
    hosts: NotRequired[list[HostArgs]]
    """Several Docker hosts: list of `name`, `docker`, `address` and more (docs/hosts.md); default: the one that
    the docker command uses."""
    swarm: NotRequired[bool]
    """The nodes as services of the Docker Swarm that `hosts` are the nodes of (docs/swarm.md); default:
    false."""
    sentinel_placement: NotRequired[str]
    """With `hosts`: `hard`: no two Sentinels on a host; `soft`: where there are too few hosts; default:
    hard."""
    network: NotRequired[str]
    """`bridge` (a subnet of the stack's own) or `host`; default: `bridge`, with `hosts` always `host`."""
    subnet: NotRequired[str]
    """The bridge's /24; default: one by the names of project, stack and cluster."""
    advertise: NotRequired[str]
    """Address of this host that nodes announce instead of their own."""
    publish: NotRequired[pulumi.Input[str]]
    """Host address that a bridge's ports are published on, or `none`; with `advertise` set: that address;
    default: 127.0.0.1."""
    master_name: NotRequired[pulumi.Input[str]]
    """Name that clients ask the Sentinels for; stays while the cluster is up; default: mymaster."""
    password: pulumi.Input[str]
    """Secret. Password of the application; made for dev when missing."""
    previous_password: NotRequired[pulumi.Input[str]]
    """Secret. Still accepted beside `password`, for a rotation without downtime."""
    system_password: NotRequired[pulumi.Input[str]]
    """Secret. What replication, Sentinels and hand-overs log in with; made for dev when missing, else derived
    from `password`."""
    other_system_password: NotRequired[pulumi.Input[str]]
    """Secret. Accepted beside `systemPassword`, for changing that without downtime."""
    users: NotRequired[pulumi.Input[dict[str, UserArgs]]]
    """Further users of the data nodes, by name: `password` (secret) and `rules` (Redis ACL)."""
    allow_dangerous_commands: NotRequired[pulumi.Input[bool]]
    """Let the application use FLUSHALL, FLUSHDB, FUNCTION FLUSH, SWAPDB, MONITOR, SHUTDOWN, KEYS; default:
    false."""
    tls: NotRequired[pulumi.Input[TlsArgs]]
    """Secret. `ca`, `cert`, `key`: PEM texts; plain connections are off then. `clientAuth`: `none`, `optional`
    or `required`. `clientCert`, `clientKey`: for the clients, as outputs."""
    profile: NotRequired[pulumi.Input[str]]
    """How quickly silence is taken for a failure: `fast`, `balanced` or `patient`; the two settings below go
    before it; default: balanced."""
    down_after: NotRequired[pulumi.Input[int]]
    """Silence after which a node counts as down, ms; default by `profile`: 600, 1250, 5000."""
    failover_timeout: NotRequired[pulumi.Input[int]]
    """Limit of a failover's steps, ms; default by `profile`: 10000, 10000, 30000."""
    parallel_syncs: NotRequired[pulumi.Input[int]]
    """Replicas that follow a new master at the same time; default: 1."""
    durability: NotRequired[pulumi.Input[str]]
    """`available`: one living instance is enough; `consistent`: a master without a replica stops taking writes;
    default: available."""
    append_only: NotRequired[pulumi.Input[bool]]
    """Append-only file on; default: true."""
    append_fsync: NotRequired[pulumi.Input[str]]
    """`always`, `everysec` or `no`; default: everysec."""
    max_memory: NotRequired[pulumi.Input[str]]
    """Redis' own memory limit; default: up to 60 % of `resources.memory`: a third of 128m, half of 1g."""
    restart: NotRequired[pulumi.Input[str]]
    """`no`, `on-failure`, `always` or `unless-stopped`; default: unless-stopped."""
    resources: NotRequired[pulumi.Input[ResourcesArgs]]
    """Limits: `memory` (such as 1g) and `cpus` of a data node, `sentinelMemory` of a Sentinel."""
    time_zone: NotRequired[pulumi.Input[str]]
    """IANA time zone of the image, as in Asia/Shanghai; default: UTC."""
    redis_config: NotRequired[pulumi.Input[dict[str, pulumi.Input[Any]]]]
    """Further redis.conf directives, name: value."""
    sentinel_config: NotRequired[pulumi.Input[dict[str, pulumi.Input[Any]]]]
    """Further sentinel.conf directives, name: value."""
    retain_data: NotRequired[bool]
    """Keep the volumes when nodes or stack are removed; default: false."""
    protect_data: NotRequired[bool]
    """Refuse what would remove a data node's volume, until this is off again and `up` has run; default:
    false."""
