"""Kinds of schedules: which faults come together. Each draws its moments from the cluster's random numbers."""

from collections.abc import Callable

from agent.wire.answers import Address
from tests.agent.simulation.deployment.cluster import Cluster
from tests.agent.simulation.deployment.container import Container
from tests.agent.simulation.schedule.faults import Faults
from tests.agent.simulation.schedule.writers import Writer

Plan = Callable[[Cluster, Faults], None]
BEGIN = 0.3


def _writers(cluster: Cluster, *machines: str) -> None:
    cluster.writers += [Writer(cluster, by_sentinel=True), Writer(cluster, by_sentinel=False)]
    cluster.writers += [Writer(cluster, False, machine, patience=0.2) for machine in machines]


def _between(cluster: Cluster, low: float, high: float) -> float:
    return low + (high - low) * cluster.random.random()


def _any(cluster: Cluster) -> Container:
    return cluster.random.choice(list(cluster.containers.values()))


def _stalls(cluster: Cluster, faults: Faults, at: float, most: int) -> None:
    """Up to so many containers or servers that stand still around the moment `at`."""
    for _ in range(cluster.random.randint(0, most)):
        container = _any(cluster)
        begin = max(0.05, at + _between(cluster, -0.3, 1.0 if cluster.random.random() < 0.5 else 0.15))
        whole = cluster.random.random() < 0.5
        faults.stall(container, begin, _between(cluster, 0.05, 3.0) ** 1.5 / 2 + 0.05, whole)


def planned(cluster: Cluster, faults: Faults) -> None:
    """The master is stopped and started again; whatever stalls or dies beside it."""
    cluster.form()
    _writers(cluster)
    at = BEGIN + cluster.random.random() / 2
    faults.roll(cluster.nodes[0], at, again=cluster.random.choice((0, 0, 2)))
    _stalls(cluster, faults, at, 2)
    kind = cluster.random.random()
    if kind < 0.15:
        other = cluster.random.choice((*cluster.nodes[1:], *cluster.watchers))
        faults.kill(other, at + _between(cluster, -0.1, 0.3), _between(cluster, 0.5, 3))
    elif kind < 0.3:
        faults.roll(cluster.random.choice(cluster.nodes[1:]), at + _between(cluster, -0.2, 1.5))


def killed(cluster: Cluster, faults: Faults) -> None:
    """The master is killed; others may stall, die or lose their volumes at the same time."""
    cluster.form()
    _writers(cluster)
    at = BEGIN + cluster.random.random() / 2
    silent = cluster.random.random() < 0.2
    master = cluster.nodes[0]
    if cluster.random.random() < 0.2:
        faults.lose(master, at, _between(cluster, 0.1, 3))
    else:
        faults.kill(master, at, _between(cluster, 0.1, 4), silent)
    _stalls(cluster, faults, at, 1)
    if cluster.random.random() < 0.3:
        other = cluster.random.choice((*cluster.nodes[1:], *cluster.watchers))
        faults.kill(other, at + _between(cluster, -0.1, 0.4), _between(cluster, 0.3, 3))


def midway(cluster: Cluster, faults: Faults) -> None:
    """The master is stopped or killed; in the middle of that somebody stalls or dies just as a request comes."""
    cluster.form()
    _writers(cluster)
    at = BEGIN + cluster.random.random() / 2
    if cluster.random.random() < 0.7:
        faults.roll(cluster.nodes[0], at)
    else:
        faults.kill(cluster.nodes[0], at, _between(cluster, 0.3, 3.0))
    for _ in range(cluster.random.choice((1, 1, 2))):
        whole, deadly = cluster.random.random() < 0.3, cluster.random.random() < 0.25
        faults.trip(at, cluster.random.randint(1, 40), _between(cluster, 0.05, 3.0), whole, deadly)


def hung(cluster: Cluster, faults: Faults) -> None:
    """The master stands still for longer than down-after."""
    cluster.form()
    _writers(cluster)
    at = BEGIN + cluster.random.random() / 2
    faults.stall(cluster.nodes[0], at, _between(cluster, 1.0, 4.0), cluster.random.random() < 0.5)
    _stalls(cluster, faults, at + cluster.down_after, 1)


def everything(cluster: Cluster, faults: Faults) -> None:
    """Everything is killed and started in any order; a volume may be lost, all addresses may be others."""
    cluster.form()
    _writers(cluster)
    at = BEGIN + cluster.random.random() / 2
    spread = cluster.random.choice((0.0, 0.01, 0.5))
    starts = cluster.random.choice((0.1, 1.0, 4.0))
    lost = cluster.random.choice(cluster.nodes) if cluster.random.random() < 0.4 else None
    moved = spread < 0.1 and cluster.random.random() < 0.3
    for container in cluster.containers.values():
        down, back = at + spread * cluster.random.random(), 0.6 + starts * cluster.random.random()
        if container is lost:
            faults.lose(container, down, back)
        else:
            faults.kill(container, down, back + at - down)
    if moved:
        faults.call(at + 0.3, lambda: move(cluster))


def move(cluster: Cluster) -> None:
    """Every container has another address from now on; none of them runs."""
    moved = {}
    for container in cluster.containers.values():
        old = container.address
        container.address = moved[old] = Address(old.host.replace("10.0.", "10.1."), old.port)
    cluster.servers.clear()
    cluster.sentinels.clear()
    for watcher in cluster.watchers:
        if watcher.volume.master is not None:
            watcher.volume.master = moved[watcher.volume.master]


def copying(cluster: Cluster, faults: Faults) -> None:
    """Replicas lose their volumes and copy for long; the master is killed meanwhile, and comes back."""
    cluster.copying = 1.0
    cluster.form()
    _writers(cluster)
    for node in cluster.random.sample(cluster.nodes[1:], cluster.random.randint(1, len(cluster.nodes) - 1)):
        faults.lose(node, BEGIN + cluster.random.random() / 2, _between(cluster, 0.1, 0.3))
    at = BEGIN + _between(cluster, 0.3, 2.0)
    faults.kill(cluster.nodes[0], at, _between(cluster, 0.1, 3.0))
    _stalls(cluster, faults, at, 1)


def rewriting(cluster: Cluster, faults: Faults) -> None:
    """The master is killed while replicas rewrite their files, and so is its successor; both come back."""
    cluster.form()
    _writers(cluster)
    at = BEGIN + cluster.random.random() / 2
    for node in cluster.nodes[1:]:
        faults.rewrite(node, at - 0.2 * cluster.random.random(), _between(cluster, 1, 6))
    faults.kill(cluster.nodes[0], at, _between(cluster, 0.1, 1.0))
    faults.kill_master(at + _between(cluster, 0.5, 4.0), _between(cluster, 0.1, 1.0))
    _stalls(cluster, faults, at, 1)


def partition(cluster: Cluster, faults: Faults) -> None:
    """Some machines are cut off, with clients on them; a roll-out may go on there."""
    cluster.form()
    _writers(cluster, "m0", cluster.random.choice(("m1", "m2")))
    at = BEGIN + cluster.random.random() / 2
    machines = [f"m{index}" for index in range(max(len(cluster.nodes), len(cluster.watchers)))]
    seconds = _between(cluster, 0.2, 5.0)
    faults.cut(cluster.random.sample(machines, cluster.random.randint(1, len(machines) - 1)), at, seconds)
    if cluster.random.random() < 0.4:
        faults.roll(cluster.nodes[0], at + _between(cluster, -0.2, seconds))
    if cluster.random.random() < 0.2:
        faults.cut([cluster.random.choice(machines)], at + _between(cluster, 0, 2), _between(cluster, 0.2, 2.0))


def minority(cluster: Cluster, faults: Faults) -> None:
    """The master is cut off together with a replica and a Sentinel; a roll-out goes on there."""
    cluster.form()
    _writers(cluster, "m0", "m1")
    at = BEGIN + cluster.random.random() / 2
    seconds = _between(cluster, 2.0, 6.0)
    faults.cut(["m0", cluster.nodes[-1].machine], at, seconds)
    for node in (cluster.nodes[0], cluster.nodes[-1]):
        faults.roll(node, at + _between(cluster, 0.1, seconds))


def noise(cluster: Cluster, faults: Faults) -> None:
    """Connections are dropped, servers stand still for a moment, links break for half a second: nobody is promoted."""
    cluster.down_after = 1.25
    cluster.calm = True
    cluster.form()
    _writers(cluster)
    at = BEGIN
    while at < 4.0:
        at += _between(cluster, 0.05, 1.0)
        kind = cluster.random.random()
        if kind < 0.5:
            faults.drop_clients(cluster.random.choice(cluster.nodes), at)
        elif kind < 0.8:
            faults.stall(_any(cluster), at, 0.5 * cluster.random.random(), cluster.random.random() < 0.5)
            at += 0.5
        else:
            faults.cut([f"m{cluster.random.randint(0, 2)}"], at, 0.5)
            at += 1.0


def first_start(cluster: Cluster, faults: Faults) -> None:
    """Empty volumes, started in any order; something may die meanwhile."""
    cluster.first_start = True
    _writers(cluster)
    for container in cluster.containers.values():
        faults.call(cluster.random.random(), container.start)
    if cluster.random.random() < 0.5:
        faults.kill(_any(cluster), _between(cluster, 0.2, 2.0), 0.5)


def mixed(cluster: Cluster, faults: Faults) -> None:
    """A few faults of any kind."""
    cluster.form()
    _writers(cluster)
    at = BEGIN
    for _ in range(cluster.random.randint(2, 4)):
        at += _between(cluster, 0.0, 2.0)
        kind = cluster.random.random()
        if kind < 0.3:
            faults.kill(_any(cluster), at, _between(cluster, 0.1, 3.0), cluster.random.random() < 0.2)
        elif kind < 0.6:
            faults.roll(cluster.random.choice(cluster.nodes), at)
        elif kind < 0.9:
            faults.stall(_any(cluster), at, _between(cluster, 0.1, 3.0), cluster.random.random() < 0.5)
        else:
            faults.drop_clients(cluster.random.choice(cluster.nodes), at)


PLANS: dict[str, Plan] = {
    each.__name__: each
    for each in (
        planned,
        killed,
        midway,
        hung,
        everything,
        copying,
        rewriting,
        partition,
        minority,
        noise,
        first_start,
        mixed,
    )
}
WEIGHTS = {
    "planned": 5,
    "killed": 4,
    "midway": 3,
    "hung": 2,
    "everything": 2,
    "copying": 2,
    "rewriting": 1,
    "partition": 3,
    "minority": 1,
    "noise": 1,
    "first_start": 1,
    "mixed": 3,
}
"""How often each is drawn."""
