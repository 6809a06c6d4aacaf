"""When a replica may take the place of a master: what counts as its end, and who is next. Pure."""

from dataclasses import replace

from agent.decide.situation import Situation
from agent.decide.steps import AT_ONCE, SOON, Ascertain, Rest, Step, TakeOffice
from agent.view.node import Node
from agent.wire.answers import Probe

PATIENCE = 60.0
"""Seconds after which `available` goes before what is better and has not come: docs/how-it-works.md names it."""
TURN = 0.4
"""Seconds that each candidate with a lower address is left to go first."""
MORE_TURN = 1.3
"""The same for each that has more: what it has would be lost. Longer than LEASE (act/claim.py), for which it may have
to wait before it asks for votes, because this node has asked for them in vain."""
COLD_TURN = 3.0
"""The same after a start, where some of them may lack much: long enough for a second try at the Sentinels' votes."""
GRACE = 10.0
"""Seconds that a node with newer data is left to go first, where none has what it takes and patience has ended."""
REFUSED = TURN / 2
"""Seconds after which a lost master whose port is closed has ended, where there was no door to it."""
RETURN = 1.0
"""Seconds that a named master which has started anew is left to take office."""
LINK_DOWN_AFTERS = 10
"""As in Sentinel: a link may have been down for so many times down-after, and for as long as the master has been."""


def lost(now: Situation, own: Node) -> Step:
    """The named master does not serve. Take its place, make sure that this is so, or wait."""
    end = _end(now)
    if end is None:
        closed = now.door_closed and now.lost_for < RETURN
        return Rest(f"link to master {now.named} is down", again=AT_ONCE if closed else SOON)
    for node in now.answering:
        if node.link_up and node.follows == now.named and not now.hung:
            return Rest(f"{node.address} is still linked to {now.named}", again=AT_ONCE)
    step = _succession(now, own, end)
    if now.glanced and now.named_node is None and now.probe is not Probe.CLOSED:
        return Ascertain(step.disputed if isinstance(step, TakeOffice) and now.rest_answers else None)
    return replace(step, ended=True) if isinstance(step, Rest) else step


def _succession(now: Situation, own: Node, end: str) -> Step:
    """The named master has ended: whether it is this node's turn to take its place."""
    if now.council.total == 1:
        return Rest(f"{end}; the only Sentinel fails over by itself", again=SOON)
    if now.council.failing_over and not now.elected:
        return Rest(f"{end}; the Sentinels are failing over", again=SOON)
    for node in now.answering:
        if node.is_master:
            return Rest(f"{end}; {node.address} is master already", again=SOON)
    if now.named is None:
        return Rest("no master is named", again=SOON)
    hindrance = _hindrance(now, own)
    late = not now.settings.consistent and now.lost_for >= PATIENCE
    if hindrance and not late:
        return Rest(f"{end}; {hindrance}", again=SOON)
    if hindrance:
        better = tuple(node.address for node in now.answering if node.mark.worth > now.mark.worth)
        # A node without whole data does not go before one that has it, however long that takes.
        patient = not now.mark.whole and any(node.mark.whole for node in now.answering)
        if better and (patient or now.lost_for < PATIENCE + GRACE):
            return Rest(f"{end}; {better[0]} has newer data and goes first", again=SOON, nudge=better)
    elif not now.rest_answers and now.ended_for < TURN:
        return Rest(f"{end}; a data node that may have more does not answer yet", again=AT_ONCE)
    before = [node for node in now.answering if _ranks_before(node, now, own)]
    # The better ones have waited for whoever does not answer, too: their turn begins after that.
    waited = 0.0 if now.rest_answers else TURN
    if before and now.ended_for < waited + sum(_turn(node, now, own) for node in before):
        first = tuple(node.address for node in before)
        return Rest(f"{end}; {first[0]} has more or goes first", again=AT_ONCE, nudge=first)
    return TakeOffice(now.named, end, whole=now.mark.whole)


def _end(now: Situation) -> str | None:
    """How the named master has ended; None where nothing says so for certain."""
    master = now.named_node
    if master is not None and not master.loading and not now.mark.empty and not master.mark.whole and master.mark.known:
        return f"{now.named} has lost its data"
    if master is not None and master.is_master:  # `role` has seen that this node may not follow it
        return f"{now.named} serves without the data that this node has"
    if master is not None:  # it has started anew, and has not taken office
        waited = master.mark.worth < now.mark.worth or now.back_for >= RETURN
        return f"{now.named} has started anew" if waited else None
    if now.door_closed and now.probe is not Probe.LISTENS:
        return f"{now.named} has ended"
    if now.sees_down:
        return f"{now.named} is down for the Sentinels"
    if now.probe is Probe.CLOSED and (not now.in_touch or now.lost_for >= REFUSED):
        return f"{now.named} does not run"
    return None


def _hindrance(now: Situation, own: Node) -> str | None:
    """Why this node's data does not let it take over; None where it does."""
    if not now.mark.whole:
        return "this node's data is not whole"
    if not own.storing:
        return "this node cannot write to its disk"
    if _nobody_has_more(now):
        return None
    if now.mark.epoch < now.council.epoch:
        return f"this node was last in sync in epoch {now.mark.epoch}, and a node of {now.council.epoch} may come back"
    if now.in_touch:
        allowed = LINK_DOWN_AFTERS * now.settings.down_after + now.council.down_for
        return None if own.link_down_for <= allowed else "this node's link has been down for too long"
    return "this node has not been in touch since it started, and a newer one may come back"


def _nobody_has_more(now: Situation) -> bool:
    """Every known data node has answered, and none has newer data than this one.

    Of a master that serves, with data or without, a node from before its time does not take the place.
    """
    master = now.named_node
    if master is None or not now.rest_answers or master.mark.worth >= now.mark.worth:
        return False
    if master.is_master and now.mark.epoch < now.council.epoch:
        return False
    return all(node.mark.worth <= now.mark.worth for node in now.answering)


def _ranks_before(node: Node, now: Situation, own: Node) -> bool:
    """Whether another replica goes first: newer data, then more of it, then the lower address."""
    if (not node.mark.whole and node.mark.known) or node.copying or not node.storing:
        return False
    if node.loading and now.in_touch:  # after a start, others load too, and what they have is worth waiting for
        return False
    its, mine = _compared(node, now, own)
    return its > mine or (its == mine and node.address < now.me)


def _turn(node: Node, now: Situation, own: Node) -> float:
    """Seconds that `node` is left to go first."""
    if not now.in_touch:
        return COLD_TURN
    its, mine = _compared(node, now, own)
    return MORE_TURN if its > mine else TURN


def _compared(node: Node, now: Situation, own: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What `node` has and what this one has: by their offsets now, or by what they have noted."""
    if now.in_touch and node.priority > 0:
        epoch = node.mark.epoch if node.mark.known else now.mark.epoch
        return (epoch, node.offset), (now.mark.epoch, own.offset)
    return node.mark.worth, now.mark.worth
