"""The ControllerRevision: what a revision froze, and the facts learnt about it."""

import functools
import json
from typing import Any

from onnx_operator import names
from onnx_operator.decide.signature import signature_of
from onnx_operator.desired.metadata import metadata
from onnx_operator.observed import Observed, Revision


def controller_revision(observed: Observed, revision: Revision) -> dict[str, Any]:
    """Return the ControllerRevision. The API server keeps ``data`` from ever changing."""
    facts = {
        names.ANNOTATION_DIGEST: revision.digest,
        names.ANNOTATION_PROMOTED_AT: revision.promoted_at,
        names.ANNOTATION_SIGNATURE: json.dumps(revision.signature, sort_keys=True) if revision.signature else None,
    }
    known = {key: value for key, value in facts.items() if value}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata(observed, revision.name, revision.name, known),
        "revision": revision.number,
        "data": revision.data,
    }


def revision_of(live: dict[str, Any]) -> Revision:
    """Return what a live ControllerRevision says: the way back of ``controller_revision``."""
    facts = live["metadata"].get("annotations", {})
    return Revision(
        name=live["metadata"]["name"],
        number=int(live["revision"]),
        data=live["data"],
        digest=facts.get(names.ANNOTATION_DIGEST),
        promoted_at=facts.get(names.ANNOTATION_PROMOTED_AT),
        signature=_signature(facts.get(names.ANNOTATION_SIGNATURE)),
    )


@functools.lru_cache(maxsize=4096)
def _signature(text: str | None) -> dict[str, Any] | None:
    try:
        return signature_of(json.loads(text or "null"))
    except ValueError:  # somebody edited it; it can be asked for again
        return None
