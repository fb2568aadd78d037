"""The table of contents: from a plan to the objects that should be."""

from collections.abc import Iterator, Sequence
from typing import Any

from onnx_operator.decide.roles import Plan, Planned
from onnx_operator.desired.config_map import config_map
from onnx_operator.desired.controller_revision import controller_revision
from onnx_operator.desired.deployment import deployment
from onnx_operator.desired.disruption_budget import disruption_budget
from onnx_operator.desired.horizontal_pod_autoscaler import horizontal_pod_autoscaler
from onnx_operator.desired.live_config_map import live_config_map
from onnx_operator.desired.service import entry_service, revision_service
from onnx_operator.observed import Observed

Object = dict[str, Any]


def manifests(observed: Observed, plan: Plan) -> Iterator[Object]:
    """Yield all objects that should be. ``apply.order`` says when each is written."""
    for planned in plan.serving_first():
        for together in revision_rounds(observed, planned):
            yield from together
    yield entry_service(observed, plan.serving)
    yield from disruption_budgets(observed, plan, plan.serving)
    yield from autoscalers(observed, plan.revisions)


def revision_rounds(observed: Observed, planned: Planned) -> list[list[Object]]:
    """Return the objects of one revision, in rounds: those of a round are written at the same time.

    What its pods are made of comes before them. Nothing follows from its Service.
    """
    revision = planned.revision
    made_of = [controller_revision(observed, revision), config_map(observed, revision)]
    pods = [deployment(observed, revision)] if _has_deployment(observed, planned) else []
    return [
        [*made_of, live_config_map(observed, revision)],
        [*pods, revision_service(observed, revision.name)],
    ]


def disruption_budgets(observed: Observed, plan: Plan, reached: str | None) -> list[Object]:
    """Return the budget of the revision that clients reach, from the first promotion on."""
    if plan.stable is None or reached is None or not has_disruption_budget(observed):
        return []
    return [disruption_budget(observed, reached)]


def has_disruption_budget(observed: Observed) -> bool:
    """Return whether a budget can help: with one replica it would only block drains."""
    scaling = observed.spec.scaling
    return max(scaling.minReplicas, scaling.maxReplicas or 1) > 1


def autoscalers(observed: Observed, revisions: Sequence[Planned]) -> list[Object]:
    """Return the autoscalers. Nothing follows from one, and one may be refused."""
    return [horizontal_pod_autoscaler(observed, planned) for planned in revisions if planned.autoscaled]


def _has_deployment(observed: Observed, planned: Planned) -> bool:
    # A Deployment is born with one replica, so one that should have none is kept if it is there, never made.
    return planned.replicas > 0 or observed.deployment(planned.revision.name) is not None
