"""The role of a data node: what it does next, from what it knows. Pure."""

from agent.decide.election import PATIENCE, lost
from agent.decide.situation import Situation
from agent.decide.steps import SOON, Announce, Begin, EndServer, Follow, Rest, Step, TakeOffice, TellAgain, Yield
from agent.view.node import Node
from agent.wire.answers import LIMBO

CONTESTED = 5.0
"""Seconds: a Sentinel says every two whom it takes for the master, and the others take over what is newer."""


def decide(now: Situation) -> Step:
    """The next step."""
    step = _next(now)
    if isinstance(step, Rest) and step.joined and now.own is not None:
        if not now.own.storing:
            return Rest("cannot write to its disk: is it full? Writes are refused", again=step.again)
        if not now.stored:  # who relies on it would rely on its memory alone
            return Rest("writing its copy to its disk", again=SOON)
    return step


def _next(now: Situation) -> Step:
    own = now.own
    if own is None:
        return _unanswered(now)
    if own.loading:
        return Rest("loading its data", again=SOON)
    if not now.settings.sentinels:
        return _unwatched(now, own)
    if own.is_master:
        return _in_office(now)
    if own.follows == now.named and own.link_up and not now.hung:
        return Rest(f"replica of {own.follows}", joined=True)
    if not now.council.majority:
        return _without_sentinels(now, own)
    if now.named == now.me:
        return _named(now)
    return _other_named(now, own)


def _unanswered(now: Situation) -> Step:
    """A server that hangs goes on with what its clients, and Sentinels, have sent before it hears of anything later."""
    council = now.council
    succeeded = council.majority and council.agreed and council.named not in (None, now.me)
    if (now.was_master or now.ordered) and succeeded and council.epoch > now.mark.epoch:
        return EndServer(f"it does not answer, and {council.named} is the master since epoch {council.epoch}")
    return Rest("its Redis does not answer", again=SOON)


def _unwatched(now: Situation, own: Node) -> Step:
    """No Sentinel at all: the declared roles are all there is."""
    if now.settings.declared_master:
        return (
            Rest(f"master of {len(own.replicas)} replicas", joined=True) if own.is_master else Begin("declared master")
        )
    if own.follows != now.settings.master:
        return Follow(now.settings.master, "declared master")
    return Rest(f"replica of {own.follows}" if own.link_up else f"link to master {own.follows} is down", own.link_up)


def _in_office(now: Situation) -> Step:
    council = now.council
    if not council.majority:
        if now.settings.consistent:
            return Rest("master, but most Sentinels are silent: writes are held back", again=SOON)
        return Rest("master; most Sentinels are silent", joined=True)
    if council.named == now.me:
        if now.own is not None and not now.own.storing and any(one.online for one in now.own.replicas):
            return Yield("it cannot write to its disk, and refuses writes")
        if now.contested_for >= CONTESTED and council.agreed and not council.failing_over:
            return Announce(now.me, "a Sentinel names another master for the same epoch")
        return Rest(f"master of {len(now.own.replicas) if now.own else 0} replicas", joined=True)
    assert council.named is not None  # noqa: S101 - a majority has answered
    if now.mark.master and now.mark.epoch > council.epoch:
        return TellAgain()
    if not now.mark.master and now.mark.epoch >= council.epoch and (council.failing_over or now.led):
        # The other Sentinels would notice up to a second later.
        return Announce(council.named, "a Sentinel has promoted it")
    if not council.agreed:
        return Rest(f"master; some Sentinels name {council.named}", joined=True, again=SOON)
    if now.named_node is None:
        return Follow(
            LIMBO, f"the Sentinels name {council.named} since epoch {council.epoch}, which does not answer yet"
        )
    if not (now.named_node.mark.whole or _may_follow(now, now.named_node)):
        return Announce(council.named, "that one was made master without the data that this node has")
    return Follow(council.named, f"the Sentinels name it as master since epoch {council.epoch}")


def _without_sentinels(now: Situation, own: Node) -> Step:
    """Most Sentinels are silent: nothing that could cost data follows from that."""
    settings, mark = now.settings, now.mark
    if own.link_up:
        return Rest(f"replica of {own.follows}; most Sentinels are silent", joined=True)
    if now.first_start and settings.declared_master and mark.empty:
        return Begin("first start")
    serving = [node for node in now.others.values() if node is not None and node.is_master]
    if len(serving) == 1 and serving[0].address != own.follows and _may_follow(now, serving[0]):
        return Follow(serving[0].address, "it serves as master, and most Sentinels are silent")
    if mark.empty and not settings.declared_master:
        if own.follows != settings.master:
            return Follow(settings.master, "declared master")
        return Rest(f"replica, waiting for a first master at {own.follows}", joined=not serving, again=SOON)
    if _last_master(now) and not serving:
        return Begin(f"it was the master, and most Sentinels have been silent for {PATIENCE:g} s")
    if mark.empty:
        return Rest("waiting for a Sentinel, or to be told that this is the first start", again=SOON)
    return Rest("waiting for most of the Sentinels", again=SOON)


def _last_master(now: Situation) -> bool:
    """It was the master, has its data, and no Sentinel knows of another one."""
    others = any(one.named != now.me for one in now.council.sentinels)
    return (
        now.mark.master and now.mark.whole and not now.settings.consistent and now.silent_for >= PATIENCE and not others
    )


def _may_follow(now: Situation, master: Node) -> bool:
    """A node with data does not follow a master that has none, nor one that is older than itself."""
    if now.mark.empty or not now.mark.whole:
        return True
    if not master.mark.known:  # no agent of ours has said anything: its keys are all there is to see
        return master.keys > 0 or (now.own is not None and now.own.keys == 0)
    return master.mark.whole and master.mark.epoch >= now.mark.epoch


def _named(now: Situation) -> Step:
    """The Sentinels name this node as master, and it is none yet: it has just started."""
    council, mark = now.council, now.mark
    if council.failing_over or not council.agreed:
        return Rest("the Sentinels are failing over", again=SOON)
    better = [node for node in now.answering if node.mark.worth > mark.worth]
    if mark.whole and not better:
        return TakeOffice(now.me, "the Sentinels name it as master, and its data is whole")
    if better:
        if now.mark.whole and now.lost_for >= PATIENCE and not now.settings.consistent:
            return TakeOffice(now.me, f"nobody better has taken over for {PATIENCE:g} s")
        return Rest(f"named as master, but {better[0].address} has newer data and must be promoted", again=SOON)
    if now.first_start and now.settings.declared_master:
        return TakeOffice(now.me, "first start")
    if now.rest_answers and all(node.mark.empty and not node.keys for node in now.answering):
        return TakeOffice(now.me, "no node has any data")
    if not now.settings.consistent and now.lost_for >= PATIENCE:
        return TakeOffice(now.me, f"no node with whole data has come for {PATIENCE:g} s", whole=False)
    return Rest("named as master, but its data is lost; another node must be promoted", again=SOON)


def _other_named(now: Situation, own: Node) -> Step:
    master, named = now.named_node, now.named
    assert named is not None  # noqa: S101 - a majority has answered
    if master is None or not master.is_master:
        return lost(now, own)
    if not _may_follow(now, master):
        # Sentinel by itself makes replicas follow it after its failover-timeout: it is replaced where that can be.
        step = lost(now, own) if not master.mark.whole else None
        why = f"not following {named}: that master has no data, and this node has"
        return step if isinstance(step, TakeOffice) else Rest(why, again=SOON)
    if own.follows != named:
        return Follow(named, f"the Sentinels name it as master since epoch {now.council.epoch}")
    if own.copying:
        return Rest(f"copying the data of {named}", again=SOON)
    return Rest(f"link to master {named} is down", again=SOON)
