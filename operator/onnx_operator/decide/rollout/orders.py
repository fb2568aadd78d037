"""What the ready pods of each revision are to be told of their split."""

from onnx_operator.decide.rollout.course import Course
from onnx_operator.decide.rollout.generations import forwards
from onnx_operator.decide.rollout.handing_over import warm
from onnx_operator.decide.rollout.provider import elsewhere, has_orders
from onnx_operator.decide.rollout.sight import Sight, pinned
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import Address, RolloutFacts, ShadowOrder, SplitOrder


def orders_of(observed: Observed, course: Course) -> dict[str, SplitOrder]:
    """Return the orders by revision; at rest there are none.

    Where somebody else moves the requests, only who still goes by an order is told to stop.
    """
    if observed.spec.state == "Unmanaged":
        return {}
    if observed.spec.state == "Suspended":
        return _ready(observed, _stopped(observed, course, ()))
    made: dict[str, SplitOrder] = {}
    facts = course.revisions[course.stable].rollout
    before = warm(observed, course.revisions, course.stable)
    if before and facts and facts.handed_over_at:
        if not elsewhere(observed, facts):
            hand_over = _to(observed, course.revisions[course.stable], facts, hand_over=True)
            # What comes back while it is warm is told what its rollout says.
            comes = {course.target} if course.running and course.stored else set()
            made |= {name: hand_over for name in before if name not in comes}
        if forwards(observed, course.stable):
            # It came back while it was warm, and a pod of it could not be told in time.
            made[course.stable] = _nothing(facts.generation)
    if running := course.running if course.stored else None:
        made |= _of_running(running, course.stable)
    else:
        handed_over = made.keys() - {course.stable}
        stopped = _stopped(observed, course, before)
        made |= {name: order for name, order in stopped.items() if name not in handed_over}
    return _ready(observed, made)


def _ready(observed: Observed, orders: dict[str, SplitOrder]) -> dict[str, SplitOrder]:
    return {name: order for name, order in orders.items() if observed.ready(name)}


def _stopped(observed: Observed, course: Course, kept: tuple[str, ...]) -> dict[str, SplitOrder]:
    """Return the order by which stable pods forward nothing, while there are pods that they may forward to.

    So do those that were stable a moment ago and do not hand over yet, where they forward to what is not ``kept``.
    """
    generation = _last_generation(observed, course)
    if not generation:
        return {}
    stale = {
        name
        for name in observed.pods
        for split in observed.split_states(name)
        if split and split.weight and split.revision not in {course.stable, *kept}
    }
    return {name: _nothing(generation) for name in {course.stable} | stale}


def _of_running(running: Sight, stable: str) -> dict[str, SplitOrder]:
    observed, name, generation = running.observed, running.candidate.name, running.facts.generation
    if running.routed_elsewhere:
        return {of: _nothing(generation) for of in (stable, name) if has_orders(observed, of)}
    made = {stable: _to(observed, running.candidate, running.facts)}
    if forwards(observed, name):
        # It served before and is warm still: what it was told to hand over comes to it again.
        made[name] = _nothing(generation)
    return made


def _nothing(generation: int) -> SplitOrder:
    return SplitOrder(generation, None, 0)


def _to(observed: Observed, revision: Revision, facts: RolloutFacts, hand_over: bool = False) -> SplitOrder:
    routing = observed.spec.routing
    addresses = tuple(
        Address(pod["metadata"]["uid"], pod["status"]["podIP"])
        for pod in sorted(observed.ready_pods(revision.name), key=lambda pod: str(pod["metadata"]["uid"]))
        if pod["status"].get("podIP")
    )
    return SplitOrder(
        facts.generation,
        revision.name,
        facts.weight,
        addresses,
        routing.stickyBy.header if routing.stickyBy else None,
        routing.previewHeader,
        hand_over,
        "" if hand_over else facts.started_at,
        _shadow(facts),
    )


def _shadow(facts: RolloutFacts) -> ShadowOrder | None:
    if not facts.shadow:
        return None
    analysis = pinned(facts).analysis
    return ShadowOrder(
        facts.shadow,
        relative_tolerance=float(analysis.outputs.relativeTolerance),
        absolute_tolerance=float(analysis.outputs.absoluteTolerance),
        keep_inputs=analysis.outputs.keepInputs == "Worst",
        replay=analysis.replay == "Golden",
    )


def _last_generation(observed: Observed, course: Course) -> int:
    """Return the generation by which the stable pods stop forwarding to what has pods still; 0 if there is no such.

    That of a rollout which begins only now is not stored, and is for its first order.
    """
    known = [revision.rollout for revision in course.revisions.values() if revision.rollout and revision.rollout.over]
    left = any(_is_left(observed, course, revision) for revision in course.revisions.values())
    return max((facts.generation for facts in known), default=0) if left else 0


def _is_left(observed: Observed, course: Course, revision: Revision) -> bool:
    facts = revision.rollout
    if revision.name == course.stable or facts is None or not facts.over or not observed.existing(revision.name):
        return False
    return not elsewhere(observed, facts) or has_orders(observed, course.stable)
