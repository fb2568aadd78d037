"""ONNXModel's status. The field descriptions are what ``kubectl explain`` shows."""

from typing import Literal

from pydantic import Field

from onnx_operator.api.base import ApiModel

Role = Literal["Stable", "Candidate", "Retired", "Rejected"]
Phase = Literal["Preflight", "Progressing", "Paused", "Promoting", "HandingOver", "RollingBack", "Aborted"]


class Tensor(ApiModel):
    """One input or output of the model."""

    name: str = Field(description="The tensor's name.")
    datatype: str = Field(description="Open Inference Protocol datatype, e.g. FP32.")
    shape: list[int] = Field(
        description="Dimensions; -1 where any size goes.", json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )


class Signature(ApiModel):
    """The model's inputs and outputs."""

    inputs: list[Tensor] = Field(
        description="What a request carries.", json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    outputs: list[Tensor] = Field(
        description="What an answer carries.", json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )


class RevisionStatus(ApiModel):
    """One revision of the model."""

    name: str = Field(description="Name of its ControllerRevision, ConfigMap, Deployment and Service.")
    uri: str = Field(description="Where its model came from.")
    digest: str | None = Field(default=None, description="What all its pods serve: sha256:<64 hex digits>.")
    role: Role = Field(
        description="Stable: the entry Service leads to it. Candidate: asked for by the spec, not serving yet. "
        "Retired: kept for the way back. Rejected: taken back, and not tried again before a retry."
    )
    replicas: int = Field(description="Pods that it has.", json_schema_extra={"format": "int32"})
    ready: int = Field(description="Pods of it that are ready.", json_schema_extra={"format": "int32"})


class ScalingStatus(ApiModel):
    """Who decides how many pods serve."""

    backend: Literal["None", "HPA"] = Field(
        description="None: minReplicas pods serve. HPA: the HorizontalPodAutoscaler of the serving revision decides."
    )
    message: str = Field(description="What the autoscaler says of itself, or why there is none.")


class CheckStatus(ApiModel):
    """What one check says of the candidate."""

    check: str = Field(description="Name of the check, see docs/analysis.md.")
    verdict: Literal["Pass", "Fail", "Unknown"] = Field(
        description="Fail takes the candidate back at once; Unknown: there is not enough to judge by yet."
    )
    value: str | None = Field(default=None, description="What was measured, e.g. 2% (stable 0%).")
    interval: str | None = Field(
        default=None, description="What the truth is between, however often it is looked at, e.g. 0% to 1.4%."
    )
    samples: int | None = Field(
        default=None,
        description="What it is made of: requests, pairs or comparisons; rounded down to 1, 2 or 5 times a power of "
        "ten.",
        json_schema_extra={"format": "int64"},
    )
    needed: int | None = Field(
        default=None, description="How many samples a Pass takes.", json_schema_extra={"format": "int64"}
    )
    trend: str | None = Field(
        default=None,
        max_length=24,
        description="The value over time, as a sparkline; the highest bar is twice what is tolerated, or more.",
    )
    message: str | None = Field(default=None, description="Why, in a sentence.")


class RolloutStatus(ApiModel):
    """How far the rollout of a revision is."""

    phase: Phase = Field(
        description="Preflight: the candidate comes up. Progressing: it gets requests, step by step. Paused: it keeps "
        "its share until it is resumed. Promoting: it gets all its pods, then the entry. HandingOver: it serves, and "
        "the pods that served before forward what still comes to them. RollingBack: it gets no more requests, and its "
        "pods go down. Aborted: it was rejected."
    )
    strategy: str = Field(description="The strategy with which the rollout began.")
    revision: str = Field(description="The revision that is rolled out.")
    step: int = Field(description="Number of the step, from 1; 0 before the first.")
    steps: int = Field(description="How many steps there are, an implied last weight of 100 included.")
    progress: str = Field(description="Step and steps, e.g. 2/4.")
    weight: int = Field(description="Percent of the requests that the candidate is to get.")
    appliedWeight: int = Field(description="The smallest percentage that a pod of the stable revision has applied.")
    startedAt: str = Field(description="When the rollout began.", json_schema_extra={"format": "date-time"})
    stepStartedAt: str | None = Field(
        default=None, description="When the step began.", json_schema_extra={"format": "date-time"}
    )
    shadow: int | None = Field(
        default=None,
        description="Percent of the requests of which the candidate gets a copy in this step, to compare its outputs.",
    )
    previewUrl: str | None = Field(default=None, description="Where testers reach the candidate inside the cluster.")
    pausedBy: Literal["Step", "Person", "Inconclusive"] | None = Field(
        default=None,
        description="What paused it: a step of the rollout, somebody, or checks that could not say enough.",
    )
    inconclusive: str | None = Field(
        default=None, description="What the checks could not say within maxWaitSeconds, and in which step."
    )
    message: str = Field(description="What it waits for, in a sentence.")
    checks: list[CheckStatus] = Field(
        default=[],
        description="What each check says of the candidate.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["check"]},
    )


class RejectedStatus(ApiModel):
    """A revision that was taken back."""

    revision: str = Field(description="Its name.")
    reason: str = Field(description="Why, as one constant word; docs/conditions.md lists them.")
    message: str = Field(description="Why, in a sentence.")
    at: str = Field(description="When.", json_schema_extra={"format": "date-time"})


class LastAction(ApiModel):
    """The answer to the manual action that was asked for last."""

    action: str = Field(description="What was asked for, e.g. promote; or the annotation's text, if it is no action.")
    revision: str | None = Field(default=None, description="The revision that the action was about.")
    nonce: str | None = Field(default=None, description="What tells this request from others of the same words.")
    result: Literal["Accepted", "Ignored"] = Field(description="Whether the operator acts on it.")
    message: str = Field(description="What came of it, or why it is ignored.")


class Condition(ApiModel):
    """One aspect of the model's state, as in Kubernetes' API conventions."""

    type: str = Field(description="Ready, Reconciling or Stalled.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether the condition holds.")
    observedGeneration: int = Field(
        description="The generation of the spec this is about.", json_schema_extra={"format": "int64"}
    )
    lastTransitionTime: str = Field(description="When status changed last.", json_schema_extra={"format": "date-time"})
    reason: str = Field(description="Why, as one constant word; docs/conditions.md lists them.")
    message: str = Field(description="Why, in a sentence, with the remedy.")


class Status(ApiModel):
    """What the operator has seen."""

    observedGeneration: int = Field(
        default=0,
        description="The generation of the spec that this status is about.",
        json_schema_extra={"format": "int64"},
    )
    stableRevision: str | None = Field(
        default=None,
        description="The revision promoted last. The entry Service leads to it, as soon as it has ready pods.",
    )
    candidateRevision: str | None = Field(
        default=None, description="The revision that the spec asks for, while it is not the stable one."
    )
    replicas: int = Field(default=0, description="Pods of the serving revision.", json_schema_extra={"format": "int32"})
    readyReplicas: int = Field(
        default=0, description="Ready pods of the serving revision.", json_schema_extra={"format": "int32"}
    )
    revisions: list[RevisionStatus] = Field(
        default=[],
        description="The revisions that exist, newest first.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    rollout: RolloutStatus | None = Field(
        default=None, description="How far the rollout of a revision is; absent while none is under way."
    )
    rejected: list[RejectedStatus] = Field(
        default=[],
        description="Revisions that were taken back, newest first.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["revision"]},
    )
    scaling: ScalingStatus | None = Field(default=None, description="Who decides how many pods serve.")
    lastAction: LastAction | None = Field(
        default=None,
        description="The answer to the annotation onnx-operator.dev/action: ACTION@REVISION#NONCE.",
    )
    signature: Signature | None = Field(default=None, description="Inputs and outputs of the serving revision.")
    url: str | None = Field(default=None, description="Where clients inside the cluster reach the model.")
    conditions: list[Condition] = Field(
        default=[],
        description="Ready, Reconciling and Stalled, as kstatus reads them.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
