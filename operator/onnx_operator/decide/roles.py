"""Which revision the spec asks for, which one serves, and how many pods each has."""

from dataclasses import replace

from onnx_operator.decide.actions import refresh_of
from onnx_operator.decide.plan import Plan, Planned, answering, holds_entry, replaces
from onnx_operator.decide.revisions import (
    PROMOTED_FORMAT,
    after,
    base_name,
    existing,
    learnt,
    new,
    newest_of_spec,
    stable_of,
    unborn,
)
from onnx_operator.decide.rollout.asking import asks
from onnx_operator.observed import Observed, Revision

__all__ = ["HISTORY_LIMIT", "PROMOTED_FORMAT", "Plan", "Planned", "answering", "asks", "holds_entry", "plan", "replaces"]

# How many revisions that no longer serve are kept for the way back.
HISTORY_LIMIT = 5


def plan(observed: Observed) -> Plan:
    """Return what should be, from what is. The same observation gives the same plan, but for promotion's time."""
    known = existing(observed)
    newest = newest_of_spec(observed, known)
    refresh, action = refresh_of(observed, newest, base_name(observed))
    if newest is None or refresh:
        newest = new(observed, known, refresh)
        known.append(newest)
    wanted = newest.name
    revisions = [learnt(revision, observed) for revision in known]
    stable = stable_of(revisions)
    promoted = _successor(observed, revisions, wanted, stable) if observed.spec.state == "Active" else None
    if promoted:
        promoted_at = after(observed.now, revisions)
        revisions = [replace(r, promoted_at=promoted_at) if r.name == promoted else r for r in revisions]
        stable = promoted
    revisions.sort(key=lambda revision: revision.number, reverse=True)
    planned = [_planned(observed, revision, wanted, stable) for revision in revisions]
    retired = [p.revision for p in planned if p.role == "Retired"]
    # The way back is what served last, not what was made last and never served.
    retired.sort(key=lambda revision: (revision.promoted_at or "", revision.number), reverse=True)
    # What clients still reach is not discarded, whatever else it is.
    discarded = tuple(revision.name for revision in retired[HISTORY_LIMIT:] if revision.name != observed.entry)
    kept = tuple(p for p in planned if p.revision.name not in discarded)
    return Plan(kept, wanted, stable, discarded + unborn(observed, revisions), action)


def target_replicas(observed: Observed, revision: Revision) -> int:
    """Return how many pods a serving or coming revision should have; one until its bytes are pinned."""
    if observed.spec.state == "Suspended":
        return 0
    if not revision.digest:
        return 1
    scaling = observed.spec.scaling
    if not scaling.automatic:
        return scaling.minReplicas
    return max(scaling.minReplicas, min(observed.asked(revision.name), scaling.maxReplicas or scaling.minReplicas))


def _candidate_replicas(observed: Observed, revision: Revision, stable: str | None) -> int:
    """Return the size of a revision that is to take the stable one's load: as many pods as that has now."""
    target = target_replicas(observed, revision)
    if stable is None or revision.digest is None or not observed.spec.scaling.automatic or target == 0:
        return target
    return max(observed.spec.scaling.minReplicas, observed.asked(stable))


def _successor(observed: Observed, revisions: list[Revision], wanted: str, stable: str | None) -> str | None:
    """Return the revision that is to be promoted now, if any."""
    pinned = {revision.name: revision for revision in revisions if revision.digest}
    if stable is None:
        # The first revision takes nobody's place, so one ready pod is enough. If the spec was changed before anybody
        # saw it ready, it serves all the same: clients reach it, and the new one may be bad.
        order = sorted(
            pinned, key=lambda name: (name == observed.entry, name == wanted, pinned[name].number), reverse=True
        )
        return next((name for name in order if observed.ready(name)), None)
    if stable == wanted or wanted not in pinned:
        return None
    # A later one comes with its full number.
    return wanted if observed.ready(wanted) >= _candidate_replicas(observed, pinned[wanted], stable) else None


def _planned(observed: Observed, revision: Revision, wanted: str, stable: str | None) -> Planned:
    if revision.name == stable:
        automatic = observed.spec.scaling.automatic and observed.spec.state == "Active" and revision.digest is not None
        return Planned(revision, "Stable", target_replicas(observed, revision), automatic)
    if revision.name == wanted:
        return Planned(revision, "Candidate", _candidate_replicas(observed, revision, stable))
    return Planned(revision, "Retired", 0)
