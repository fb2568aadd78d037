"""What must hold of every plan before anything of it is written: the last look at our own mistakes.

A violation is a bug of the operator's. Nothing is written then, so that what serves goes on serving.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from onnx_operator.decide.plan import Plan
from onnx_operator.decide.rollout.generations import released
from onnx_operator.observed import Observed


@dataclass(frozen=True)
class Violation:
    """One broken rule; ``name`` is a constant (docs/operations.md lists them), ``message`` a sentence."""

    name: str
    message: str


def violations(observed: Observed, plan: Plan) -> list[Violation]:
    """Return the rules that a plan breaks; one that is not carried out breaks none."""
    if observed.spec.state == "Unmanaged":
        return []
    return [found for check in CHECKS for found in check(observed, plan)]


def _serving_has_pods(observed: Observed, plan: Plan) -> Iterator[Violation]:
    """The serving revision has pods, unless the model is suspended, or another one is asked for in its room."""
    makes_room = plan.rollout is not None and plan.rollout.strategy == "Recreate" and plan.candidate is not None
    if observed.spec.state == "Active" and plan.planned(plan.serving).replicas < 1 and not makes_room:
        yield Violation("ServingHasPods", f"{plan.serving} serves and would be scaled to 0")


def _frozen(observed: Observed, plan: Plan) -> Iterator[Violation]:
    """What a revision froze never changes."""
    before = {revision.name: revision.data for revision in observed.revisions}
    for planned in plan.revisions:
        name = planned.revision.name
        if name in before and before[name] != planned.revision.data:
            yield Violation("FrozenRevision", f"{name} would be made of something else")


def _pinned(observed: Observed, plan: Plan) -> Iterator[Violation]:
    """The bytes of a revision, once pinned, never change."""
    before = {revision.name: revision.digest for revision in observed.revisions if revision.digest}
    for planned in plan.revisions:
        name, digest = planned.revision.name, planned.revision.digest
        if name in before and before[name] != digest:
            yield Violation("PinnedDigest", f"{name} would be pinned to {digest} instead of {before[name]}")


def _serving_is_kept(observed: Observed, plan: Plan) -> Iterator[Violation]:
    """Neither what serves nor what clients reach now is discarded."""
    for name in {plan.serving, observed.entry} & set(plan.discarded):
        yield Violation("ServingIsKept", f"{name} serves and would be deleted")


def _weight_to_ready_pods(observed: Observed, plan: Plan) -> Iterator[Violation]:
    """Requests go to ready pods of a revision that was not taken back, and never to where they come from."""
    for name, order in plan.orders.items():
        if order.revision is None:
            continue
        ready = {pod["metadata"]["uid"] for pod in observed.ready_pods(order.revision)}
        to = plan.planned(order.revision)
        if any(address.pod_uid not in ready for address in order.candidates):
            yield Violation("WeightToReadyPods", f"{name} would forward to pods of {order.revision} that are not ready")
        if name == order.revision or (order.weight and to.role == "Rejected") or not 0 <= order.weight <= 100:
            yield Violation("WeightToReadyPods", f"{name} would forward {order.weight}% to {order.revision}")


def _no_order_to_what_goes(observed: Observed, plan: Plan) -> Iterator[Violation]:
    """What a ready pod of another revision forwards to by order does not go down, but for a pod that cannot be told."""
    if plan.stable is None or observed.spec.state != "Active":
        return
    for planned in plan.revisions:
        revision = planned.revision
        goes = planned.role != "Stable" and planned.replicas == 0 and observed.asked(revision.name) > 0
        if goes and not released(observed, revision):
            yield Violation("ForwardedToIsKept", f"pods forward to {revision.name}, which would go down")


CHECKS: tuple[Callable[[Observed, Plan], Iterator[Violation]], ...] = (
    _serving_has_pods,
    _frozen,
    _pinned,
    _serving_is_kept,
    _weight_to_ready_pods,
    _no_order_to_what_goes,
)
