"""The revisions of a model: what exists, what the spec asks for, what is new, and what is learnt of each."""

from dataclasses import replace
from datetime import datetime, timedelta

from onnx_operator import names
from onnx_operator.decide.golden import golden_of
from onnx_operator.decide.refresh import Refresh
from onnx_operator.decide.salvage import salvaged
from onnx_operator.decide.signature import signature_of
from onnx_operator.decide.times import moment, stamp
from onnx_operator.decide.trouble import fetched_digest
from onnx_operator.frozen.rendering import render
from onnx_operator.observed import Observed, Revision


def newest_of_spec(observed: Observed, revisions: list[Revision]) -> Revision | None:
    """Return the newest revision of the spec: the first one, or what the last refresh made of it."""
    base = observed.base_name
    same = [revision for revision in revisions if base in (revision.name, revision.refresh_of)]
    return max(same, key=lambda revision: revision.number, default=None)


def stable_of(revisions: list[Revision]) -> str | None:
    """Return the revision promoted last; None before the first promotion."""
    promoted = [revision for revision in revisions if revision.promoted_at]
    return max(promoted, key=lambda revision: revision.promoted_at or "").name if promoted else None


def existing(observed: Observed) -> list[Revision]:
    """Return the revisions that are known, those whose ControllerRevision somebody deleted included."""
    found = [*observed.revisions, *salvaged(observed)]
    # What clients are answered by was promoted last, whatever else is known of it.
    serves = observed.entry is not None and (
        observed.ready(observed.entry) > 0 or observed.status.get("stableRevision") == observed.entry
    )
    return [
        replace(revision, promoted_at=after(observed.now, found))
        if serves and revision.name == observed.entry and revision not in observed.revisions
        else revision
        for revision in found
    ]


def new(observed: Observed, known: list[Revision], refresh: Refresh | None) -> Revision:
    """Return a revision of the spec that is about to be made, with today's defaults.

    A refresh changes the server, not the model: the bytes that are pinned stay pinned.
    """
    base = observed.base_name
    name = refresh.name if refresh else base
    data = render(observed.name, name, observed.spec, observed.defaults)
    declared = observed.spec.model.sha256
    return Revision(
        name=name,
        number=max((revision.number for revision in known), default=0) + 1,
        data={**data, "refreshOf": base} if refresh else data,
        digest=refresh.base.digest if refresh else (f"sha256:{declared}" if declared else None),
    )


def learnt(revision: Revision, observed: Observed) -> Revision:
    """Return the revision with what its pods have reported since: digest, signature and test data, each learnt once."""
    digest = revision.digest or fetched_digest(observed.pods.get(revision.name, ()))
    reported = observed.reported.get(revision.name, {})
    return replace(
        revision,
        digest=digest,
        signature=revision.signature or signature_of(reported.get("signature")),
        golden=revision.golden or golden_of(reported.get("golden")),
    )


def unborn(observed: Observed, revisions: list[Revision]) -> tuple[str, ...]:
    """Return the names of revisions of which no more than configuration was ever made, before the spec changed again.

    It is written together with the facts, and a process may be killed between two writes.
    """
    known = {revision.name for revision in revisions} | {observed.entry}
    return tuple(sorted(_labelled(observed, "ConfigMap") - _labelled(observed, "Deployment") - known))


def after(now: datetime, revisions: list[Revision]) -> str:
    """Return the time of a promotion, later than every earlier one even if the clock went back."""
    latest = max((revision.promoted_at for revision in revisions if revision.promoted_at), default=None)
    before = moment(latest) if latest else None
    return stamp(max(now, before + timedelta(microseconds=1)) if before else now)


def _labelled(observed: Observed, kind: str) -> set[str]:
    owned = (obj["metadata"].get("labels", {}) for (of, _), obj in observed.owned.items() if of == kind)
    return {labels[names.LABEL_REVISION] for labels in owned if names.LABEL_REVISION in labels}
