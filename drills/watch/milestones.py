"""The steps of a failover, picked out of a time line: seconds from the fault to each."""

from drills.target.cluster import Cluster
from drills.watch.load import Load
from drills.watch.timeline import Event, Timeline


def milestones(cluster: Cluster, timeline: Timeline, load: Load, began: float) -> dict[str, float]:
    """The steps of the (first) failover after `began`, which is in seconds since the epoch; those that were taken.

    sdown, odown, elected, promoted, announced, first_write, following (all others), returned (the old master).
    """

    def after(events: list[Event]) -> float | None:
        return events[0].at - began if events else None

    if not (switches := timeline.find("+switch-master", began)):
        return _taken(sdown=after(timeline.find("+sdown", began)))
    # name, old address, old port, new address, new port
    words = switches[0].detail.split()
    old = cluster.by_address((words[1], int(words[2])))
    new = cluster.by_address((words[3], int(words[4])))
    promoted = timeline.find("role", began, new.name if new else "?", "master") if new else []
    promoted = [e for e in promoted if e.detail == "master"]
    linked = f"replica of {words[3]}:{words[4]}, linked"
    returned = timeline.find("role", began, old.name, linked) if old else []
    others = [n for n in cluster.nodes if n not in (old, new)]
    follow = [timeline.find("role", began, n.name, linked) for n in others]
    # A gap shorter than this cannot be told from the client's own pace.
    gaps = [g for c in load.clients for g in c.gaps(0.1, began) if g.start <= switches[0].at]
    resumed = [g.end for g in gaps if g.seconds == max(other.seconds for other in gaps if other.client == g.client)]
    return _taken(
        sdown=after(timeline.find("+sdown", began, containing="master ")),
        odown=after(timeline.find("+odown", began)),
        elected=after(timeline.find("+elected-leader", began)),
        promoted=after(promoted),
        announced=after(switches),
        first_write=min(resumed) - began if resumed else None,
        following=max(e[0].at for e in follow) - began if follow and all(follow) else None,
        returned=after(returned),
    )


def _taken(**steps: float | None) -> dict[str, float]:
    return {name: at for name, at in steps.items() if at is not None}
