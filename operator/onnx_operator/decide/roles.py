"""Which revision the spec asks for, which one serves, and how many pods each has."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from onnx_operator import names
from onnx_operator.api.status import LastAction, Role
from onnx_operator.decide.actions import Refresh, refresh_of
from onnx_operator.decide.salvage import salvaged
from onnx_operator.decide.signature import signature_of
from onnx_operator.decide.trouble import fetched_digest
from onnx_operator.frozen.rendering import render
from onnx_operator.observed import Observed, Revision

# How many revisions that no longer serve are kept for the way back.
HISTORY_LIMIT = 5
PROMOTED_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class Planned:
    """A revision with its newest facts, its role and the replicas it should have.

    Of an autoscaled revision, ``replicas`` is what its autoscaler has set, held to the bounds of the spec.
    """

    revision: Revision
    role: Role
    replicas: int
    autoscaled: bool = False


@dataclass(frozen=True)
class Plan:
    """What should be, for one model.

    ``revisions`` is newest first; ``discarded`` names those to delete; ``action`` answers the manual action, if one is
    asked for.
    """

    revisions: tuple[Planned, ...]
    wanted: str
    stable: str | None
    discarded: tuple[str, ...] = ()
    action: LastAction | None = None

    @property
    def serving(self) -> str:
        """The revision that the entry Service leads to: before the first promotion, the one that is asked for."""
        return self.stable or self.wanted

    @property
    def candidate(self) -> str | None:
        """The revision that is asked for, while it is not stable."""
        return None if self.wanted == self.stable else self.wanted

    def serving_first(self) -> tuple[Planned, ...]:
        """Return the revisions in the order in which they matter to users: serving, coming, retired."""
        order = ["Stable", "Candidate", "Retired"]
        return tuple(sorted(self.revisions, key=lambda planned: order.index(planned.role)))

    def planned(self, name: str) -> Planned:
        """Return the plan of one revision."""
        return next(planned for planned in self.revisions if planned.revision.name == name)


def plan(observed: Observed) -> Plan:
    """Return what should be, from what is. The same observation gives the same plan, but for promotion's time."""
    existing = _existing(observed)
    base = base_name(observed)
    newest = _newest_of(existing, base)
    refresh, action = refresh_of(observed, newest, base)
    if newest is None or refresh:
        newest = _new(observed, existing, base, refresh)
        existing.append(newest)
    wanted = newest.name
    revisions = [learnt(revision, observed) for revision in existing]
    stable = stable_of(revisions)
    promoted = _successor(observed, revisions, wanted, stable) if observed.spec.state == "Active" else None
    if promoted:
        promoted_at = _after(observed.now, revisions)
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
    return Plan(kept, wanted, stable, discarded + _unborn(observed, revisions), action)


def replaces(observed: Observed, made: Plan) -> bool:
    """Return whether a plan leads clients away from the revision that they reach now."""
    return observed.entry is not None and observed.entry != made.serving


def holds_entry(observed: Observed, made: Plan) -> bool:
    """Return whether the entry has to stay where it is for now, and with it the pods that it leads to.

    What it is to lead to was ready when it was promoted, but may not be any more: its pods died, or somebody edited the
    entry. The plan is carried out without the switch until there are as many ready pods as are reached now, or needed.
    """
    if observed.entry is None or not replaces(observed, made):
        return False
    needed = made.planned(made.serving).replicas
    return observed.ready(made.serving) < min(needed, observed.ready(observed.entry))


def answering(observed: Observed, made: Plan) -> str:
    """Return the revision that answers clients: the serving one, or that to which the entry is held."""
    return observed.entry if observed.entry and holds_entry(observed, made) else made.serving


def base_name(observed: Observed) -> str:
    """Return the name of the first revision that is of this spec; a refresh makes others of it."""
    return names.revision_name(observed.name, names.revision_hash(observed.spec.frozen()))


def stable_of(revisions: list[Revision]) -> str | None:
    """Return the revision promoted last; None before the first promotion."""
    promoted = [revision for revision in revisions if revision.promoted_at]
    return max(promoted, key=lambda revision: revision.promoted_at or "").name if promoted else None


def learnt(revision: Revision, observed: Observed) -> Revision:
    """Return the revision with what its pods have reported since: digest and signature, each learnt once."""
    digest = revision.digest or fetched_digest(observed.pods.get(revision.name, ()))
    reported = observed.reported.get(revision.name, {})
    return replace(revision, digest=digest, signature=revision.signature or signature_of(reported.get("signature")))


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


def _existing(observed: Observed) -> list[Revision]:
    found = [*observed.revisions, *salvaged(observed)]
    # What clients are answered by was promoted last, whatever else is known of it.
    serves = observed.entry is not None and (
        observed.ready(observed.entry) > 0 or observed.status.get("stableRevision") == observed.entry
    )
    return [
        replace(revision, promoted_at=_after(observed.now, found))
        if serves and revision.name == observed.entry and revision not in observed.revisions
        else revision
        for revision in found
    ]


def _unborn(observed: Observed, revisions: list[Revision]) -> tuple[str, ...]:
    """Return the names of revisions of which no more than configuration was ever made, before the spec changed again.

    It is written together with the facts, and a process may be killed between two writes.
    """
    known = {revision.name for revision in revisions} | {observed.entry}
    return tuple(sorted(_labelled(observed, "ConfigMap") - _labelled(observed, "Deployment") - known))


def _labelled(observed: Observed, kind: str) -> set[str]:
    owned = (obj["metadata"].get("labels", {}) for (of, _), obj in observed.owned.items() if of == kind)
    return {labels[names.LABEL_REVISION] for labels in owned if names.LABEL_REVISION in labels}


def _newest_of(revisions: list[Revision], base: str) -> Revision | None:
    """Return the newest revision of a spec: the first one, or what the last refresh made of it."""
    same = [revision for revision in revisions if base in (revision.name, revision.refresh_of)]
    return max(same, key=lambda revision: revision.number, default=None)


def _new(observed: Observed, existing: list[Revision], base: str, refresh: Refresh | None) -> Revision:
    """Return a revision of the spec that is about to be made, with today's defaults.

    A refresh changes the server, not the model: the bytes that are pinned stay pinned.
    """
    name = refresh.name if refresh else base
    data = render(observed.name, name, observed.spec, observed.defaults)
    declared = observed.spec.model.sha256
    return Revision(
        name=name,
        number=max((revision.number for revision in existing), default=0) + 1,
        data={**data, "refreshOf": base} if refresh else data,
        digest=refresh.base.digest if refresh else (f"sha256:{declared}" if declared else None),
    )


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


def _after(now: datetime, revisions: list[Revision]) -> str:
    """Return the time of a promotion, later than every earlier one even if the clock went back."""
    latest = max((revision.promoted_at for revision in revisions if revision.promoted_at), default=None)
    if latest is not None:
        now = max(
            now, datetime.strptime(latest, PROMOTED_FORMAT).replace(tzinfo=now.tzinfo) + timedelta(microseconds=1)
        )
    return now.strftime(PROMOTED_FORMAT)
