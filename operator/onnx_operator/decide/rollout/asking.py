"""Whose pods have to be asked for their split before a decision is made: at rest, nobody's."""

from onnx_operator.decide.revisions import newest_of_spec, stable_of
from onnx_operator.decide.rollout.course import target_of
from onnx_operator.observed import Observed


def asks(observed: Observed) -> frozenset[str]:
    """Return the revisions whose ready pods are to be asked ``GET /v1/split``; ``observed.splits`` is not read.

    A rollout is under way, is being taken back, or has just ended: every revision that has pods then. Also where
    somebody else moves the requests: the rollout before may have left an order.
    """
    known = {revision.name: revision for revision in observed.revisions}
    stable = stable_of(list(observed.revisions))
    if stable is None or observed.spec.state != "Active":
        return frozenset()
    with_pods = frozenset(name for name, pods in observed.pods.items() if pods)
    wanted = newest_of_spec(observed, list(observed.revisions))
    comes = wanted is None or target_of(known, wanted.name, stable) != stable
    return with_pods if comes or len(with_pods) > 1 else frozenset()
