"""Who moves the requests of a rollout: whoever did so when it began. What pods were told then ends with it."""

from onnx_operator.observed import Observed
from onnx_operator.rollout import RolloutFacts


def elsewhere(observed: Observed, facts: RolloutFacts) -> bool:
    """Return whether somebody else moves the requests of a rollout; where nothing is stored of that, as asked for."""
    return (facts.provider or observed.spec.routing.provider) == "External"


def has_orders(observed: Observed, revision: str) -> bool:
    """Return whether a ready pod of a revision goes by an order: it forwards, copies, or shows testers a preview."""
    return any(split and split.revision for split in observed.split_states(revision))
