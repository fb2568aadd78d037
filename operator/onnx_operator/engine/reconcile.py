"""The one reconcile: observe, decide, apply, report. It does not know which event asked for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from onnx_operator import names
from onnx_operator.api.status import RolloutStatus
from onnx_operator.apply.order import Applier
from onnx_operator.cache import Cache, Key
from onnx_operator.decide import reasons
from onnx_operator.decide.conditions import Verdict, conditions
from onnx_operator.decide.invariants import Violation, violations
from onnx_operator.decide.roles import Plan, plan, replaces
from onnx_operator.decide.trouble import Trouble
from onnx_operator.desired.manifests import manifests
from onnx_operator.engine.first_word import FirstWord
from onnx_operator.engine.teller import Teller
from onnx_operator.kube.difference import needs_apply
from onnx_operator.kube.errors import ConflictError
from onnx_operator.kube.kinds import AUTOSCALER, DISRUPTION_BUDGET, MODEL, POD
from onnx_operator.kube.protocol import Kube, list_all
from onnx_operator.observe import Observer
from onnx_operator.observed import Observed
from onnx_operator.report.status import conditions_of, status_manifest, status_of

Object = dict[str, Any]

# When somebody else has to act, or a pod did not answer, look again after so many seconds.
LOOK_AGAIN = 15.0
# A candidate may fail while the API server refuses something else.
LOOK_AT_ROLLOUT = 5.0
# They come with the promotion, to a model that has a status.
LATER = {AUTOSCALER.kind, DISRUPTION_BUDGET.kind}
# A revision that was made just now has ready pods already, which nobody has asked yet.
AT_ONCE = 0.05


@dataclass(frozen=True)
class Done:
    """What came of a reconcile: when to look again, in seconds, if not only upon news, and a line for people.

    ``refused`` if the API server refused a part of it: the next look is later and later, but not later than in
    ``at_most`` seconds.
    """

    summary: str
    again_after: float | None = None
    refused: bool = False
    at_most: float | None = None


class InvariantError(Exception):
    """A plan breaks rules that always hold, so nothing of it is written: a bug."""

    def __init__(self, broken: list[Violation]) -> None:
        super().__init__("; ".join(f"{violation.name}: {violation.message}" for violation in broken))
        self.broken = broken


class Reconciler:
    """Brings one model at a time to what its spec asks for."""

    def __init__(
        self,
        kube: Kube,
        cache: Cache,
        observer: Observer,
        applier: Applier,
        first_word: FirstWord,
        teller: Teller,
        clock: Callable[[], datetime],
    ) -> None:
        self._kube, self._cache, self._observer, self._applier = kube, cache, observer, applier
        self._first_word, self._teller, self._clock = first_word, teller, clock

    async def reconcile(self, key: Key) -> Done:
        """Bring the model to its spec.

        Raises:
            KubeError: try again later.
            InvariantError: the plan breaks a rule; nothing was written.
        """
        model = self._cache.get(MODEL, *key)
        if model is None or "deletionTimestamp" in model["metadata"]:
            self._first_word.forget(key)
            self._teller.forget(key)
            self._observer.forget(key)
            return Done("deleted: what it owned goes by garbage collection")
        now = self._clock()
        try:
            observed = await self._observer.observe(model, now)
            wanted = plan(observed)
            if replaces(observed, wanted):
                # What serves is about to go for it, so its pods are not taken on the cache's word.
                pods = await list_all(self._kube, POD, key[0], names.model_selector(key[1]))
                self._cache.replace(POD, key[0], pods, model=key)
                observed = await self._observer.observe(model, now)
                wanted = plan(observed)
        except ValidationError as error:
            await self._report(model, _invalid(model, error, now), now)
            return Done(f"the spec is not understood: {error}")
        if _is_incomplete(observed, wanted) and await self._is_gone(model):
            return Done("deleted: what it owned goes by garbage collection")
        if broken := violations(observed, wanted):
            raise InvariantError(broken)
        managed = observed.spec.state != "Unmanaged"
        refused = await self._applier.apply(observed, wanted) if managed else None
        verdicts = conditions(observed, wanted, refused)
        recorded = not managed or self._applier.is_recorded(observed, wanted)
        status = status_of(observed, wanted, verdicts, recorded)
        self._teller.sees(key, status, wanted)
        wait = None if refused else self._first_word.wait(key, observed.status, status)
        if wait is None:
            await self._report(model, status, now)
        roles = ", ".join(f"{p.revision.name} {p.role} {p.replicas}" for p in wanted.revisions)
        rollout = f"; {_progress(wanted.rollout)}" if wanted.rollout else ""
        said = ", ".join(f"{verdict.type}={verdict.status} {verdict.reason}" for verdict in verdicts)
        dues = (wait, wanted.again, _again(observed, wanted, refused))
        again = min((due for due in dues if due is not None), default=None)
        at_most = None if wanted.again is None else LOOK_AT_ROLLOUT
        return Done(f"{roles}{rollout}; {said}", again, refused=refused is not None, at_most=at_most)

    async def _is_gone(self, model: Object) -> bool:
        """Read the model live: whether it was deleted, which the watch of it has not told yet."""
        metadata = model["metadata"]
        live = await self._kube.get(MODEL, metadata["namespace"], metadata["name"])
        if live is not None and live["metadata"]["uid"] == metadata["uid"]:
            return "deletionTimestamp" in live["metadata"]
        self._cache.remove(MODEL, model)
        if live is not None:
            self._cache.put(MODEL, live)
        return True

    async def _report(self, model: Object, status: Object, now: datetime) -> None:
        before = model.get("status", {})
        metadata = model["metadata"]
        if not needs_apply({"status": status}, model, subresource="status"):
            return
        try:
            self._cache.put(MODEL, await self._kube.apply_status(status_manifest(model, status)))
        except ConflictError:
            # This status is about a model that has changed since, or was deleted and made anew.
            if live := await self._kube.get(MODEL, metadata["namespace"], metadata["name"]):
                self._cache.put(MODEL, live)
            raise
        await self._teller.tell(model, before, status, now)


def _is_incomplete(observed: Observed, made: Plan) -> bool:
    """Return whether an object is missing of a model that had all of them: perhaps the model went first."""
    if not observed.status.get("conditions") or observed.spec.state == "Unmanaged":
        return False
    had = [m for m in manifests(observed, made) if m["kind"] not in LATER]
    return any((m["kind"], m["metadata"]["name"]) not in observed.owned for m in had)


def _progress(rollout: RolloutStatus) -> str:
    return (
        f"{rollout.phase}, step {rollout.step} of {rollout.steps}, weight {rollout.weight} "
        f"({rollout.appliedWeight} applied)"
    )


def _again(observed: Observed, made: Plan, refused: Trouble | None) -> float | None:
    """Return when to look again though nothing is heard, in seconds; None if that is not needed."""
    if refused:
        return LOOK_AGAIN
    mute = {p.revision.name for p in made.revisions if observed.ready(p.revision.name) and not p.revision.signature}
    if not mute or observed.spec.state == "Unmanaged":
        return None
    asked = {revision.name for revision in observed.revisions}
    return LOOK_AGAIN if mute <= asked else AT_ONCE


def _invalid(model: Object, error: ValidationError, now: datetime) -> Object:
    """Return the status of a model whose spec this operator does not understand: as it was, with the reason."""
    problems = "; ".join(f"spec.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    message = f"{problems}. The CRD and the operator are of different versions: upgrade the one that is behind."
    before = model.get("status", {})
    ready = next((c for c in before.get("conditions", []) if c["type"] == "Ready"), None)
    verdicts = (
        Verdict(
            "Ready",
            bool(ready and ready["status"] == "True"),
            ready["reason"] if ready else reasons.INVALID_SPEC,
            ready["message"] if ready else message,
        ),
        Verdict("Reconciling", False, reasons.INVALID_SPEC, message),
        Verdict("Stalled", True, reasons.INVALID_SPEC, message),
    )
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    generation = model["metadata"]["generation"]
    made = [condition.model_dump() for condition in conditions_of(before, generation, verdicts, stamp)]
    return {**before, "observedGeneration": generation, "conditions": made}
