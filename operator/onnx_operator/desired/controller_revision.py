"""The ControllerRevision: what a revision froze, and the facts learnt about it."""

import functools
import json
from typing import Any

from onnx_operator import names
from onnx_operator.decide.golden import golden_of
from onnx_operator.decide.signature import signature_of
from onnx_operator.desired.metadata import metadata
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import Rejection, RolloutFacts


def controller_revision(observed: Observed, revision: Revision) -> dict[str, Any]:
    """Return the ControllerRevision. The API server keeps ``data`` from ever changing."""
    facts = {
        names.ANNOTATION_DIGEST: revision.digest,
        names.ANNOTATION_PROMOTED_AT: revision.promoted_at,
        names.ANNOTATION_SIGNATURE: _json(revision.signature) if revision.signature else None,
        names.ANNOTATION_GOLDEN: _json(revision.golden) if revision.golden else None,
        names.ANNOTATION_ROLLOUT: _json(revision.rollout.to_json()) if revision.rollout else None,
        names.ANNOTATION_REJECTED: _json(revision.rejected.to_json()) if revision.rejected else None,
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
        golden=golden_of(_parsed(facts.get(names.ANNOTATION_GOLDEN))),
        rollout=_rollout(facts.get(names.ANNOTATION_ROLLOUT)),
        rejected=Rejection.from_json(_parsed(facts.get(names.ANNOTATION_REJECTED))),
    )


@functools.lru_cache(maxsize=4096)
def _signature(text: str | None) -> dict[str, Any] | None:
    return signature_of(_parsed(text))  # it can be asked for again


@functools.lru_cache(maxsize=4096)
def _rollout(text: str | None) -> RolloutFacts | None:
    return RolloutFacts.from_json(_parsed(text))


def _json(fact: dict[str, Any]) -> str:
    return json.dumps(fact, sort_keys=True)


def _parsed(text: str | None) -> Any:
    """Return what was written; None where there is nothing, or somebody edited it."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
