"""The part of ONNXModel's spec that says how a new revision takes the place of the old one. All of it is live."""

from typing import Any, Literal

from pydantic import Field

from onnx_operator.api.analysis import Analysis
from onnx_operator.api.base import ApiModel, rule

Strategy = Literal["Canary", "BlueGreen", "Recreate"]
WhenNoCapacity = Literal["Pause", "ShrinkStable", "Abort"]
Provider = Literal["InServer", "External"]

# The names of headers that the operator and the server use themselves, or that mean something on every way.
HEADER: dict[str, Any] = {
    "pattern": r"^[a-z0-9][a-z0-9-]*$",
    "x-kubernetes-validations": [
        rule(
            "!(self in ['onnx-forwarded', 'host', 'connection', 'content-length', 'content-type', 'content-encoding', "
            "'transfer-encoding', 'te', 'authorization', 'inference-header-content-length'])",
            "this header has a meaning of its own",
        )
    ],
}
WEIGHTS = "self.filter(step, has(step.weight)).map(step, step.weight)"


class Pause(ApiModel):
    """A stop: for some time, or until somebody resumes."""

    durationSeconds: int | None = Field(
        default=None,
        ge=1,
        le=604800,
        description="Seconds after which the rollout goes on by itself. Left out: it waits for the action resume.",
    )


class Shadow(ApiModel):
    """Copies of requests, which the candidate answers for comparison only."""

    percent: int = Field(
        default=100,
        ge=1,
        le=100,
        description="Percent of the requests of which the candidate gets a copy, after their clients have the stable "
        "revision's answer. Of requests that take less than 2 ms each stable pod copies 200, and then one in 3 to 20 "
        "seconds. Default: 100.",
    )
    minSamples: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="Copies that have to be compared before the outputs pass. More than 200 for each stable pod take "
        "time where requests take less than 2 ms: 3 to 20 seconds each. Default: 100.",
    )


class Step(ApiModel):
    """One step: a share of the requests, a pause, or copies of requests."""

    weight: int | None = Field(
        default=None, ge=1, le=100, description="Percent of the requests that the candidate answers from here on."
    )
    pause: Pause | None = Field(
        default=None, description="Stop here with the share as it is. {} waits for the action resume."
    )
    shadow: Shadow | None = Field(
        default=None,
        description="Send copies of requests to the candidate, and compare its outputs; the share stays as it is.",
    )
    minSamples: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="With weight: clients that the candidate must have answered in this step, besides what the checks "
        "need. Default: 0.",
    )


class Capacity(ApiModel):
    """What happens when no node takes the candidate's pods."""

    whenNoCapacity: WhenNoCapacity = Field(
        default="Pause",
        description="Pause: wait for capacity, however long it takes. ShrinkStable: the stable revision lends the "
        "place of one pod after the other, as long as one pod of it stays ready, and gets it back if that does not "
        "help within 60 seconds. Abort: take the candidate back after progressDeadlineSeconds.",
    )


class Rollout(ApiModel):
    """How a new revision takes the place of the old one. A change during a rollout is for the next one."""

    strategy: Strategy = Field(
        default="Canary",
        description="Canary: the new revision gets a growing share of the requests and is judged by what comes of it. "
        "BlueGreen: it comes up in full beside the old one, for testers only, and then takes over at once. Recreate: "
        "the old one goes down first, so nobody is answered in between; for clusters with room for one of the two.",
    )
    steps: list[Step] | None = Field(
        default=None,
        max_length=20,
        description="Canary: weights, strictly increasing, pauses and shadows; default: shadow 100, 5, 25, 50, 100; a "
        "last weight below 100 is followed by 100. BlueGreen: pauses and shadows, before it takes over; default: none. "
        "Recreate: none.",
        json_schema_extra={
            "x-kubernetes-list-type": "atomic",
            "x-kubernetes-validations": [
                rule(
                    "self.all(step, [has(step.weight), has(step.pause), has(step.shadow)].exists_one(one, one))",
                    "a step has one of weight, pause and shadow",
                ),
                rule(
                    "self.all(step, !has(step.minSamples) || has(step.weight))",
                    "minSamples of a step goes with its weight; a shadow has its own",
                ),
                rule(
                    f"{WEIGHTS}.isSorted() && {WEIGHTS}.all(one, {WEIGHTS}.exists_one(other, other == one))",
                    "the weights must grow from step to step",
                ),
            ],
        },
    )
    stepSeconds: int = Field(
        default=15,
        ge=0,
        le=86400,
        description="Seconds that a weight or shadow step lasts at the least, from when all pods of the stable "
        "revision share accordingly.",
    )
    progressDeadlineSeconds: int = Field(
        default=600,
        ge=1,
        le=86400,
        description="Seconds without any progress, in getting the candidate's pods ready and the stable ones to share, "
        "after which the candidate is taken back. Once a pod is ready the others may take as long as they take; "
        "nor does waiting for a node count, but with whenNoCapacity: Abort.",
    )
    scaleDownDelaySeconds: int = Field(
        default=60,
        ge=0,
        le=86400,
        description="Seconds that the old revision stays warm after a promotion, for a quick way back. Its pods "
        "forward what still comes to them. 0: it goes down at once.",
    )
    revisionHistoryLimit: int = Field(
        default=5, ge=0, le=50, description="How many revisions that serve no more are kept for the way back."
    )
    capacity: Capacity = Field(default=Capacity(), description="What happens when no node takes the candidate's pods.")
    analysis: Analysis = Field(default=Analysis(), description="What the candidate is judged by.")


class StickyBy(ApiModel):
    """What keeps a user's requests with one revision."""

    header: str = Field(
        min_length=1,
        max_length=64,
        description="Lower-case name of a request header, e.g. x-user. Requests with the same value go to the same "
        "revision during a rollout, and a growing weight moves users to the candidate only. gRPC: the metadata.",
        json_schema_extra=HEADER,
    )


class Routing(ApiModel):
    """Which requests go to which revision during a rollout."""

    provider: Provider = Field(
        default="InServer",
        description="InServer: the stable revision's pods forward the candidate's share. External: somebody else "
        "splits, e.g. a gateway, as status.rollout.weight says; the operator moves no request. A change during a "
        "rollout is for the next one.",
    )
    stickyBy: StickyBy | None = Field(
        default=None, description="What keeps a user's requests with one revision. Default: each request by itself."
    )
    previewHeader: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Lower-case name of a request header, e.g. x-preview. Requests that carry it, with another value "
        "than 0 or false, are answered by the candidate, whatever its weight.",
        json_schema_extra=HEADER,
    )


class SignatureRules(ApiModel):
    """What a new revision's inputs and outputs may be."""

    breaking: Literal["Refuse", "Allow"] = Field(
        default="Refuse",
        description="Refuse: a revision whose inputs or outputs would break clients of the stable one is taken back: "
        "one is missing or new among the inputs, or another datatype, rank or narrower dimension. Allow: it is not.",
    )


def across_fields() -> list[dict[str, Any]]:
    """Return the rules between the fields of ``spec.rollout``."""
    return [
        rule(
            "self.strategy != 'BlueGreen' || !has(self.steps) || self.steps.all(step, !has(step.weight))",
            "with strategy: BlueGreen, steps are pauses and shadows: it takes over all requests at once",
        ),
        rule(
            "self.strategy != 'Recreate' || !has(self.steps) || size(self.steps) == 0",
            "with strategy: Recreate there are no steps",
        ),
    ]
