"""The part of ONNXModel's spec that says what a candidate is judged by."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from onnx_operator.api.base import ApiModel, rule

Change = Literal["Retrained", "Equivalent"]
WhenInconclusive = Literal["Pause", "Promote", "Abort"]
Evidential = Literal["Errors", "Latency", "Outputs", "Memory", "Golden"]

# A decimal as ML's users write it; the API has no floats.
DECIMAL = r"^[0-9]+(\.[0-9]+)?([eE]-?[0-9]{1,2})?$"
NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
# What the operator's own checks are called.
OWN_CHECKS = ("readiness", "restarts", "errors", "latency", "outputs", "health", "memory", "golden")
ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}


def by_name(*rules: dict[str, Any]) -> dict[str, Any]:
    """Return what the CRD says of a list whose items have names."""
    listed: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    taken = rule(f"self.all(one, !(one.name in {list(OWN_CHECKS)}))", "the operator has a check of that name itself")
    return {**listed, "x-kubernetes-validations": [taken, *rules]}


class Outputs(ApiModel):
    """How the candidate's outputs are compared with the stable revision's."""

    relativeTolerance: str = Field(
        default="0.005",
        max_length=16,
        pattern=DECIMAL,
        description="Two elements a (stable) and b are equal if |b - a| <= absoluteTolerance + relativeTolerance * "
        "(|a| + the output's root mean square / 2.5). An output is equal if at most 1 % of its elements are not, and "
        "the root mean square of b - a is within the same bound. A decimal, e.g. 0.005 or 1e-3.",
    )
    absoluteTolerance: str = Field(
        default="0", max_length=16, pattern=DECIMAL, description="See relativeTolerance. A decimal, e.g. 1e-6."
    )
    minAgreement: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Percent of the copied requests whose outputs have to agree. Default: 99 with model.change: "
        "Equivalent, where all elements have to be equal; 50 with Retrained, where labels, the highest score, or "
        "values in relation to their spread have to.",
    )
    ignore: list[str] = Field(
        default=[],
        max_length=32,
        description="Names of outputs that are not compared, e.g. of boxes in no fixed order. NaN and constant outputs "
        "are still noticed.",
        json_schema_extra=ATOMIC,
    )
    keepInputs: Literal["Never", "Worst"] = Field(
        default="Never",
        description="Worst: the stable pods keep the inputs of the copies whose outputs differed most, for "
        "`onnx-operator worst` to fetch while the rollout runs. Never: only their digests. Inputs may be personal "
        "data.",
    )


class PrometheusQuery(ApiModel):
    """A query whose value is to be within limits."""

    name: str = Field(min_length=1, max_length=40, pattern=NAME, description="Name of the check.")
    query: str = Field(
        min_length=1,
        max_length=4096,
        description="A PromQL query that gives one number. {{namespace}}, {{model}}, {{stable}} and {{candidate}} are "
        "put in.",
    )
    min: str | None = Field(default=None, max_length=16, pattern=r"^-?" + DECIMAL[1:], description="The lowest value.")
    max: str | None = Field(default=None, max_length=16, pattern=r"^-?" + DECIMAL[1:], description="The highest value.")


class Webhook(ApiModel):
    """Somebody else's judgement."""

    name: str = Field(min_length=1, max_length=40, pattern=NAME, description="Name of the check.")
    url: str = Field(
        max_length=2048,
        pattern=r"^https?://[^\s]+$",
        description='Gets a POST with the rollout as JSON, and answers 200 with {"verdict": "Pass"|"Fail"|'
        '"Unknown", "message": ..., "value": ...}. The operator\'s settings say which hosts are allowed.',
    )
    timeoutSeconds: int = Field(default=5, ge=1, le=30, description="After so many seconds the answer is Unknown.")


class Analysis(ApiModel):
    """What a candidate is judged by. Without a word here, by its errors, speed, memory and outputs."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.prometheus) || !has(self.webhooks) || "
                    "self.prometheus.all(query, !self.webhooks.exists(hook, hook.name == query.name))",
                    "a query and a webhook cannot have the same name",
                )
            ]
        }
    )

    maxErrorRateIncrease: int = Field(
        default=1,
        ge=0,
        le=100,
        description="Percentage points that the candidate's share of failed requests may be above the stable one's.",
    )
    maxLatencyIncrease: int = Field(
        default=50,
        ge=1,
        le=900,
        description="Percent that the candidate may be slower: its time for a batch of the same size. 20 is "
        "reasonable where all nodes are alike.",
    )
    maxMemoryIncrease: int = Field(
        default=50,
        ge=1,
        le=1000,
        description="Percent that a candidate's memory may grow while it serves; steady growth beyond is a leak.",
    )
    outputs: Outputs = Field(default=Outputs(), description="How outputs are compared in steps with a shadow.")
    skip: list[Evidential] = Field(
        default=[], max_length=5, description="Checks that do not judge.", json_schema_extra=ATOMIC
    )
    maxWaitSeconds: int = Field(
        default=1800,
        ge=0,
        le=604800,
        description="Seconds that a step waits for checks that cannot say Pass or Fail yet, e.g. for want of traffic.",
    )
    whenInconclusive: WhenInconclusive = Field(
        default="Pause",
        description="What happens then. Pause: wait for the action resume, abort or promote. Promote: go on to the "
        "next step. Abort: take the candidate back.",
    )
    replay: Literal["Never", "Golden"] = Field(
        default="Never",
        description="Golden: while no client asks, the model's own test data (test_data_set_* beside it) is sent in "
        "steps with a shadow, so that a model without traffic can be judged.",
    )
    prometheus: list[PrometheusQuery] = Field(
        default=[],
        max_length=10,
        description="Queries that are asked every 15 seconds.",
        json_schema_extra=by_name(
            rule("self.all(query, has(query.min) || has(query.max))", "a query needs min, max or both"),
            rule(
                "self.all(query, !has(query.min) || !has(query.max) || double(query.min) <= double(query.max))",
                "a query's min must not be above its max",
            ),
        ),
    )
    webhooks: list[Webhook] = Field(
        default=[], max_length=10, description="Asked every 15 seconds.", json_schema_extra=by_name()
    )
