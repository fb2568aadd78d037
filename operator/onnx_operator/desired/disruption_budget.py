"""The PodDisruptionBudget of the revision that clients reach."""

from typing import Any

from onnx_operator import names
from onnx_operator.desired.metadata import metadata
from onnx_operator.observed import Observed


def disruption_budget(observed: Observed, reached: str) -> dict[str, Any]:
    """Return the budget: one pod at a time may be evicted.

    Its selector is that revision alone, since a candidate that is Pending would block every drain.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(observed, observed.name),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": names.revision_selector(observed.name, reached)},
        },
    }
