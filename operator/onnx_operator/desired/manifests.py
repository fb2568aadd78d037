"""The table of contents: from a plan to the objects that should be, in the order they are written."""

from collections.abc import Iterator, Sequence
from itertools import chain
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
    """Yield all objects that should be, in the order they are written."""
    rounds = [revision_rounds(observed, planned) for planned in plan.serving_first()]
    last = [*disruption_budgets(observed, plan), *autoscalers(observed, plan.revisions)]
    for together in chain(*rounds, [[entry_service(observed, plan.serving)]], [last]):
        yield from together


def revision_rounds(observed: Observed, planned: Planned) -> list[list[Object]]:
    """Return the objects of one revision, in rounds: those of a round are written at the same time.

    Its facts come before what follows from them. What pods have to fetch, once that is pinned, is in the live
    configuration, and a pod starts without it; so it comes before the pods. A first pod needs nothing of it, and the
    kubelet waits for the frozen configuration: so all of them are made at once.
    """
    revision = planned.revision
    facts = [controller_revision(observed, revision)]
    configuration = [config_map(observed, revision), live_config_map(observed, revision)]
    pods = [deployment(observed, revision)] if _has_deployment(observed, planned) else []
    access = [revision_service(observed, revision.name)]
    if revision.digest:
        return [facts, configuration, pods, access]
    return [facts, [*pods, *configuration], access]


def disruption_budgets(observed: Observed, plan: Plan) -> list[Object]:
    """Return the budget of the stable revision, where it can help: with one replica it would only block drains."""
    scaling = observed.spec.scaling
    if plan.stable is None or max(scaling.minReplicas, scaling.maxReplicas or 1) == 1:
        return []
    return [disruption_budget(observed, plan.stable)]


def autoscalers(observed: Observed, revisions: Sequence[Planned]) -> list[Object]:
    """Return the autoscalers; they come last, because nothing follows from one, and one may be refused."""
    return [horizontal_pod_autoscaler(observed, planned.revision) for planned in revisions if planned.autoscaled]


def _has_deployment(observed: Observed, planned: Planned) -> bool:
    # A Deployment is born with one replica, so one that should have none is kept if it is there, never made.
    return planned.replicas > 0 or observed.deployment(planned.revision.name) is not None
