"""The PodDisruptionBudget of the stable revision."""

from typing import Any

from onnx_operator import names
from onnx_operator.desired.metadata import metadata
from onnx_operator.observed import Observed


def disruption_budget(observed: Observed, stable: str) -> dict[str, Any]:
    """Return the budget: one pod at a time may be evicted.

    Its selector is the stable revision alone, since a candidate that is Pending would block every drain.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(observed, observed.name),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": names.revision_selector(observed.name, stable)},
        },
    }
