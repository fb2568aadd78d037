"""The status, made from what was seen."""

from typing import Any

from onnx_operator import names
from onnx_operator.api.status import Condition, RejectedStatus, RevisionStatus, ScalingStatus, Signature, Status
from onnx_operator.decide.conditions import Verdict
from onnx_operator.decide.roles import Plan, answering
from onnx_operator.kube.kinds import AUTOSCALER
from onnx_operator.observed import Observed

Object = dict[str, Any]

# The API server refuses longer messages in nothing, but nobody reads them.
LONGEST_MESSAGE = 1024
OF_ROLLOUTS = ("rollout", "rejected")


def status_of(observed: Observed, plan: Plan, verdicts: tuple[Verdict, ...], recorded: bool = True) -> Object:
    """Return the status as it should be. What of a rollout is not ``recorded`` did not happen, and is not told."""
    serving = plan.planned(plan.serving).revision
    known = {revision.name for revision in observed.revisions}
    reached = answering(observed, plan)
    status = Status(
        observedGeneration=observed.generation,
        stableRevision=plan.stable,
        candidateRevision=plan.candidate,
        replicas=observed.existing(reached),
        readyReplicas=observed.ready(reached),
        revisions=[
            RevisionStatus(
                name=planned.revision.name,
                uri=planned.revision.uri,
                digest=planned.revision.digest,
                role=planned.role,
                replicas=observed.existing(planned.revision.name),
                ready=observed.ready(planned.revision.name),
            )
            for planned in plan.revisions
            if observed.spec.state != "Unmanaged" or planned.revision.name in known
        ],
        rollout=plan.rollout,
        rejected=[
            RejectedStatus(
                revision=planned.revision.name, reason=why.reason, message=why.message[:LONGEST_MESSAGE], at=why.at
            )
            for planned in plan.rejected
            if (why := planned.revision.rejected)
        ],
        scaling=scaling_of(observed, plan),
        lastAction=plan.action or observed.status.get("lastAction"),
        signature=Signature.model_validate(serving.signature) if serving.signature else None,
        url=names.url(observed.namespace, observed.name),
        conditions=conditions_of(observed.status, observed.generation, verdicts, _timestamp(observed)),
    )
    made = status.model_dump(exclude_none=True)
    if recorded:
        return made
    kept = {part: observed.status[part] for part in OF_ROLLOUTS if part in observed.status}
    return {part: value for part, value in made.items() if part not in OF_ROLLOUTS} | kept


def scaling_of(observed: Observed, plan: Plan) -> ScalingStatus:
    """Return who decides how many pods serve, in the autoscaler's own words where there is one."""
    scaling, planned = observed.spec.scaling, plan.planned(plan.serving)
    if not planned.autoscaled:
        why = "until the revision serves" if scaling.automatic else "spec.scaling has no maxReplicas and target"
        return ScalingStatus(backend="None", message=f"No autoscaler: {why}.")
    live = observed.owned.get((AUTOSCALER.kind, plan.serving), {})
    said = {condition["type"]: condition for condition in live.get("status", {}).get("conditions", [])}
    active = said.get("ScalingActive", {})
    message = f"{planned.least} to {planned.most} pods."
    if active.get("status") == "False" and active.get("reason") != "ScalingDisabled":
        message = f"{message} It does not scale: {active.get('message', active.get('reason'))}"
    return ScalingStatus(backend="HPA", message=message[:LONGEST_MESSAGE])


def conditions_of(status: Object, generation: int, verdicts: tuple[Verdict, ...], now: str) -> list[Condition]:
    """Return the conditions; the time of a condition whose status stays is the time it had."""
    before = {condition["type"]: condition for condition in status.get("conditions", [])}
    made = []
    for verdict in verdicts:
        value = "True" if verdict.status else "False"
        old = before.get(verdict.type, {})
        made.append(
            Condition(
                type=verdict.type,
                status="True" if verdict.status else "False",
                observedGeneration=generation,
                lastTransitionTime=old["lastTransitionTime"] if old.get("status") == value else now,
                reason=verdict.reason,
                message=verdict.message[:LONGEST_MESSAGE],
            )
        )
    return made


def status_manifest(model: Object, status: Object) -> Object:
    """Return what is applied to the status subresource: to this version of the model and to no other."""
    metadata = {key: model["metadata"][key] for key in ("namespace", "name", "resourceVersion")}
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": metadata,
        "status": status,
    }


def _timestamp(observed: Observed) -> str:
    return observed.now.strftime("%Y-%m-%dT%H:%M:%SZ")
