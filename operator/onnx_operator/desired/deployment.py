"""The Deployment of a revision."""

import json
from typing import Any

from onnx_operator import names
from onnx_operator.desired.metadata import metadata
from onnx_operator.observed import Observed, Revision


def deployment(observed: Observed, revision: Revision) -> dict[str, Any]:
    """Return the Deployment, with the template that the revision froze.

    ``replicas`` is not in it: leaving it out of an apply that owned it resets it to 1, autoscalers write it too, and
    so it is written through ``/scale`` only.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(observed, revision.name, revision.name, {names.ANNOTATION_FROZEN: _frozen(revision)}),
        "spec": {
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": names.revision_selector(observed.name, revision.name)},
            "template": revision.data["template"],
        },
    }


def _frozen(revision: Revision) -> str:
    """Return what ``decide.salvage`` needs to read the revision back, should its ControllerRevision be deleted."""
    kept = {"declared": revision.data["declared"], "number": revision.number}
    if revision.refresh_of:
        kept["refreshOf"] = revision.refresh_of
    return json.dumps(kept, sort_keys=True)
