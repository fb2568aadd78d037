"""What must hold of every look of the operator: the invariants of the design, by their numbers there.

Written anew from what users rely on, and not with ``decide.invariants``, which is the operator's own last check.
"""

from collections.abc import Callable, Iterator

from onnx_operator.decide.conditions import conditions
from onnx_operator.decide.rollout.sight import pinned
from onnx_operator.decide.rollout.steps import steps_of
from tests.unit.operator.exploration.cluster import Look

# Copies that are enough for outputs to be judged.
ENOUGH = 100


def checked(look: Look) -> Look:
    """Return the look, of which everything holds that must."""
    for holds in HOLDS:
        for broken in holds(look):
            raise AssertionError(broken)
    return look


def clients_keep_their_pods(look: Look) -> Iterator[str]:
    """1: ready pods behind the entry stay min(needed, ready before); the named exceptions keep what they can."""
    before, after = look.before.ready(look.before.entry), look.after.ready(look.after.entry)
    asked = look.after.asked
    if asked.state == "Suspended":
        return
    needed = 0 if asked.rollout.strategy == "Recreate" else asked.scaling.minReplicas
    if _lends(look):
        needed = min(needed, before - 1)
    if after < min(needed, before):
        yield f"1: clients had {before} ready pods, and have {after}"


def _lends(look: Look) -> bool:
    """Return whether one ready pod may go: as was asked for, for a candidate that no node takes, and not the last."""
    before, after = look.before, look.after
    asks = after.asked.rollout.capacity.whenNoCapacity == "ShrinkStable" and before.entry == after.entry
    waits = any(p.stage == "pending" for name, there in before.pods if name != before.entry for p in there)
    decided = any(r.rollout and r.rollout.shrunk and not r.rollout.over for r in before.revisions)
    return asks and (waits or decided) and before.ready(before.entry) > 1


def weight_goes_to_ready_pods(look: Look) -> Iterator[str]:
    """1: no order sends requests to pods that are not ready, to what was taken back, or back where they come from."""
    for name, order in look.made.orders.items():
        ready = {f"uid-{p.uid}" for p in look.before.there(order.revision) if p.stage == "ready"}
        if {address.pod_uid for address in order.candidates} - ready:
            yield f"1: {name} is to forward to pods of {order.revision} that are not ready"
        # What was taken back after it took over serves until the way back is done.
        other = order.revision if order.revision != look.made.stable else None
        rejected = other and look.made.planned(other).revision.rejected
        if (order.weight or order.shadow) and (rejected or order.revision in {None, name}):
            yield f"1: {name} is to send requests to {order.revision}"
        if not 0 <= order.weight <= 100:
            yield f"1: a weight of {order.weight}"


def none_goes_while_forwarded_to(look: Look) -> Iterator[str]:
    """2: what ready pods that can hear forward to by order is not scaled to 0."""
    after = look.after
    if after.mute or after.asked.state == "Suspended":
        return
    left = dict(after.replicas)
    goes = {name for name, count in look.before.replicas if count and not left.get(name)}
    standing = [p for _, there in after.pods for p in there if p.stage == "ready"]
    if lost := sorted({p.told.revision for p in standing if p.told and p.told.revision and p.told.weight} & goes):
        yield f"2: pods forward to {lost}, which goes down"


def rejected_ones_never_grow(look: Look) -> Iterator[str]:
    """2: what was taken back gets no pods."""
    before = dict(look.before.replicas)
    for planned in look.made.revisions:
        name = planned.revision.name
        if planned.revision.rejected and name != look.made.stable and planned.replicas > before.get(name, 0):
            yield f"2: {name} was taken back, and grows"


def ready_says_who_answers(look: Look) -> Iterator[str]:
    """5: Ready is True if, and only if, the entry leads to ready pods."""
    ready = conditions(look.seen, look.made, None)[0]
    reached = look.seen.entry if look.after.asked.state == "Unmanaged" else look.after.entry
    if look.after.entry_stays or reached is None or look.after.entry != look.made.serving:
        return
    if ready.status != bool(look.before.ready(reached)):
        yield f"5: Ready is {ready.status} ({ready.message}), with {look.before.ready(reached)} ready pods of {reached}"


def none_goes_while_connected_to(look: Look) -> Iterator[str]:
    """8: pods that clients may have connections to stay until they were told to hand over, and had the time to."""
    if look.after.asked.state == "Suspended" or look.after.mute:
        return
    after, left = dict(look.after.replicas), dict(look.after.left)
    # Of what served before, somebody may have deleted what is known.
    known = {r.name for r in look.seen.revisions if r.promoted_at}
    for name, count in look.before.replicas:
        if name not in left or not count or after.get(name) or name not in known:
            continue
        facts = look.made.planned(look.made.serving).revision.rollout
        delay = pinned(facts).scaleDownDelaySeconds if facts and facts.rollout else 0
        waited = (look.after.now - left[name]).total_seconds()
        if waited < delay:
            yield f"8: {name} goes {waited} seconds after the entry left it, and not {delay}"


def same_bytes(look: Look) -> Iterator[str]:
    """9: the ready pods of a revision serve the same bytes."""
    for name, there in look.after.pods:
        if len(contents := {p.content for p in there if p.stage == "ready"}) > 1:
            yield f"9: pods of {name} serve {sorted(contents)}"


def no_step_without_evidence(look: Look) -> Iterator[str]:
    """A step with a shadow is not left before enough copies were compared, unless somebody said that it may."""
    known = {r.name: r.rollout for r in look.before.revisions}
    compared = sum(p.copies for p in look.before.there(look.before.entry) if p.stage == "ready")
    for revision in look.after.revisions:
        was, now = known.get(revision.name), revision.rollout
        if was is None or now is None or now.fast or now.over or was.started_at != now.started_at:
            continue
        steps = steps_of(pinned(was))
        copies = 0 <= was.step < len(steps) and steps[was.step].shadow is not None and not was.paused
        may = pinned(was).analysis.whenInconclusive == "Promote" or compared >= ENOUGH
        if copies and now.step > was.step and not may:
            yield f"{revision.name} went on without enough evidence"


HOLDS: tuple[Callable[[Look], Iterator[str]], ...] = (
    clients_keep_their_pods,
    weight_goes_to_ready_pods,
    none_goes_while_forwarded_to,
    rejected_ones_never_grow,
    ready_says_who_answers,
    none_goes_while_connected_to,
    same_bytes,
    no_step_without_evidence,
)
