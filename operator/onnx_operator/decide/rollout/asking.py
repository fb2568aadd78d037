"""Whose pods have to be asked for their split before a decision is made: at rest, nobody's."""

from onnx_operator.decide.revisions import newest_of_spec, stable_of
from onnx_operator.observed import Observed


def asks(observed: Observed) -> frozenset[str]:
    """Return the revisions whose ready pods are to be asked ``GET /v1/split``; ``observed.splits`` is not read.

    A rollout is under way, is being taken back, or has just ended: every revision that has pods then.
    """
    stable = stable_of(list(observed.revisions))
    if stable is None or observed.spec.state != "Active":
        return frozenset()
    wanted = newest_of_spec(observed, list(observed.revisions))
    with_pods = frozenset(name for name in observed.pods if observed.pods[name])
    comes = wanted is None or (wanted.name != stable and wanted.rejected is None)
    return with_pods if comes or len(with_pods) > 1 else frozenset()
