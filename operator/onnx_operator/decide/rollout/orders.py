"""What the ready pods of each revision are to be told of their split."""

from onnx_operator.decide.rollout.course import Course
from onnx_operator.decide.rollout.generations import forwards
from onnx_operator.decide.rollout.handing_over import warm
from onnx_operator.decide.rollout.sight import pinned
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import Address, RolloutFacts, ShadowOrder, SplitOrder


def orders_of(observed: Observed, course: Course) -> dict[str, SplitOrder]:
    """Return the orders by revision; at rest, and where somebody else moves the requests, there are none."""
    if observed.spec.routing.provider == "External" or observed.spec.state != "Active":
        return {}
    made: dict[str, SplitOrder] = {}
    facts = course.revisions[course.stable].rollout
    before = warm(observed, course.revisions, course.stable)
    if before and facts and facts.handed_over_at:
        made[before] = _to(observed, course.revisions[course.stable], facts, hand_over=True)
        if forwards(observed, course.stable):
            # It came back while it was warm, and a pod of it could not be told in time.
            made[course.stable] = SplitOrder(facts.generation, None, 0)
    if running := course.running if course.stored else None:
        made[course.stable] = _to(observed, running.candidate, running.facts)
        if forwards(observed, running.candidate.name):
            # It served before and is warm still: what it was told to hand over comes to it again.
            made[running.candidate.name] = SplitOrder(running.facts.generation, None, 0)
    elif not course.running and (generation := _last_generation(observed, course)):
        made[course.stable] = SplitOrder(generation, None, 0)
    return {name: order for name, order in made.items() if observed.ready(name)}


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
    """Return the generation by which the stable pods stop forwarding to what has pods still; 0 if there is no such."""
    known = course.revisions.values()
    left = any(r.name != course.stable and r.rollout and r.rollout.over and observed.existing(r.name) for r in known)
    return max((r.rollout.generation for r in known if r.rollout), default=0) if left else 0
