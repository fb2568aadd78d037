"""The conditions, as chains of small checks: the first that has something to say gives reason and message."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from onnx_operator.decide import reasons
from onnx_operator.decide.finding import Trouble, sentence
from onnx_operator.decide.golden import mismatch
from onnx_operator.decide.plan import Plan, answering
from onnx_operator.decide.trouble import trouble_of
from onnx_operator.observed import Observed


@dataclass(frozen=True)
class Finding:
    """What is going on. ``phase`` is Done, Moving (it goes on by itself) or Stuck (somebody has to act)."""

    phase: str
    reason: str
    message: str


@dataclass(frozen=True)
class Verdict:
    """One condition's status, reason and message."""

    type: str
    status: bool
    reason: str
    message: str


def conditions(observed: Observed, plan: Plan, refused: Trouble | None) -> tuple[Verdict, Verdict, Verdict]:
    """Return Ready, Reconciling and Stalled.

    Ready says whether users are answered, by the serving revision; Reconciling and Stalled say whether the spec's
    revision is on its way or stuck. So a bad new version gives Ready=True with Stalled=True, which kstatus reads as
    Failed, and the old version goes on serving. ``refused`` is what the API server refused of this plan, if anything.
    """
    finding = progress(observed, plan, refused)
    moving, stuck = finding.phase == "Moving", finding.phase == "Stuck"
    return (
        readiness(observed, plan, finding),
        Verdict("Reconciling", moving, finding.reason, finding.message),
        Verdict(
            "Stalled",
            stuck,
            finding.reason if stuck else reasons.NO_FAILURE,
            finding.message if stuck else "Nothing is stuck.",
        ),
    )


def readiness(observed: Observed, plan: Plan, finding: Finding) -> Verdict:
    """Return the Ready condition."""
    reached = answering(observed, plan)
    ready = observed.ready(reached)
    if ready:
        message = f"{reached} answers with {ready} of {plan.planned(plan.serving).replicas} pods."
        if reached != plan.serving:
            message = f"{reached} answers with {_pods(ready)} until {plan.serving} has ready ones again."
        # A rollout would have taken it back; before a model's first revision there is nothing to go back to.
        if wrong := mismatch(plan.planned(reached).revision.golden):
            return Verdict("Ready", True, reasons.GOLDEN_MISMATCH, f"{message} But {wrong}")
        return Verdict("Ready", True, reasons.ANSWERING, message)
    # While another revision is on its way, this condition still speaks of the one that clients reach.
    other = plan.candidate or _rejected(observed, plan)
    own = _serving(observed, plan) if observed.spec.state == "Active" and plan.stable and other else None
    found = own or finding
    return Verdict("Ready", False, found.reason, found.message)


def progress(observed: Observed, plan: Plan, refused: Trouble | None) -> Finding:
    """Return the first finding of the chain."""
    if refused:
        return _goes_on(_from_trouble(refused), observed, plan)
    for check in CHECKS:
        if found := check(observed, plan):
            return found
    return Finding("Done", reasons.RECONCILED, f"{plan.serving} serves as the spec asks.")


def _unmanaged(observed: Observed, plan: Plan) -> Finding | None:
    if observed.spec.state != "Unmanaged":
        return None
    return Finding("Done", reasons.UNMANAGED, "spec.state is Unmanaged: the operator changes nothing.")


def _suspended(observed: Observed, plan: Plan) -> Finding | None:
    if observed.spec.state != "Suspended":
        return None
    left = sum(observed.existing(planned.revision.name) for planned in plan.revisions)
    if left:
        return Finding("Moving", reasons.SUSPENDING, f"spec.state is Suspended: {_pods(left)} still going down.")
    return Finding("Done", reasons.SUSPENDED, "spec.state is Suspended: no pods run. Set it to Active to serve again.")


def _rejected(observed: Observed, plan: Plan) -> Finding | None:
    rejection = plan.planned(plan.wanted).revision.rejected
    if rejection is None or plan.stable is None:
        return None
    back = next((p.revision.rejected for p in plan.rejected if p.revision.name == rejection.back_to), None)
    if back:
        rejection = replace(back, message=f"{rejection.message} {rejection.back_to} was taken back. {back.message}")
    message = f"{plan.wanted} was taken back. {sentence(rejection.message)}"
    if observed.ready(plan.stable):
        message = f"{message} {plan.stable} goes on serving."
    remedy = f"Change the spec, or try it again with kubectl onnx retry {observed.name} -n {observed.namespace}."
    return Finding("Stuck", rejection.reason, f"{message} {remedy}")


def _candidate(observed: Observed, plan: Plan) -> Finding | None:
    if plan.stable is None or plan.candidate is None:
        return None
    if found := _trouble(observed, plan.candidate):
        reason = reasons.CAPACITY_PENDING if found.reason == reasons.UNSCHEDULABLE else found.reason
        named = Finding(found.phase, reason, f"{plan.candidate}: {found.message}")
        return _goes_on(named, observed, plan)
    waits = plan.rollout.message if plan.rollout else f"{plan.candidate} is about to come up."
    found = Finding("Moving", _pace(plan), waits)
    return _goes_on(found, observed, plan)


def _pace(plan: Plan) -> str:
    if plan.rollout is None or plan.rollout.phase != "Paused":
        return reasons.ROLLING_OUT
    return reasons.INCONCLUSIVE if plan.rollout.pausedBy == "Inconclusive" else reasons.PAUSED


def _serving(observed: Observed, plan: Plan) -> Finding | None:
    if found := _trouble(observed, plan.serving):
        return found
    ready, target = observed.ready(plan.serving), plan.planned(plan.serving).replicas
    if ready >= target and observed.existing(plan.serving) == target:
        return None
    if ready == 0:
        return _start(observed, plan.serving)
    message = f"{plan.serving} has {ready} of {target} pods ready"
    going = observed.existing(plan.serving) - target
    if ready >= target and going > 0:
        message += f", and {_pods(going)} too many, still going down"
    return Finding("Moving", reasons.WAITING_FOR_PODS, f"{message}.")


def _retired(observed: Observed, plan: Plan) -> Finding | None:
    left = sum(observed.existing(p.revision.name) for p in plan.revisions if p.role in {"Retired", "Rejected"})
    if not left:
        return None
    if plan.rollout and plan.rollout.phase == "HandingOver":
        return Finding("Moving", reasons.HANDING_OVER, plan.rollout.message)
    message = f"Retired revisions have {_pods(left)} left, to finish their requests and go down."
    return Finding("Moving", reasons.RETIRING, message)


CHECKS: tuple[Callable[[Observed, Plan], Finding | None], ...] = (
    _unmanaged,
    _suspended,
    _rejected,
    _candidate,
    _serving,
    _retired,
)


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"


def _trouble(observed: Observed, revision: str) -> Finding | None:
    found = trouble_of(observed.pods.get(revision, ()), observed.deployment(revision))
    return _from_trouble(found) if found else None


def _goes_on(finding: Finding, observed: Observed, plan: Plan) -> Finding:
    """Return the finding; of a revision that takes another's place, with the word that the other goes on serving."""
    if not (plan.stable and plan.candidate and observed.ready(plan.stable)):
        return finding
    return replace(finding, message=f"{sentence(finding.message)} {plan.stable} goes on serving.")


def _from_trouble(trouble: Trouble) -> Finding:
    return Finding("Stuck" if trouble.stuck else "Moving", trouble.reason, trouble.message)


def _start(observed: Observed, revision: str) -> Finding:
    """Return how far the first pods are: fetching or loading."""
    pods = observed.pods.get(revision, ())
    containers = [status for pod in pods for status in pod.get("status", {}).get("containerStatuses", [])]
    if any("running" in status.get("state", {}) for status in containers):
        return Finding("Moving", reasons.LOADING_MODEL, f"{revision} loads and warms up its model.")
    if pods:
        return Finding("Moving", reasons.FETCHING_MODEL, f"{revision} fetches its model.")
    return Finding("Moving", reasons.WAITING_FOR_PODS, f"{revision} has no pods yet.")
