"""The table of contents: from a plan to the objects that should be, in the order they are written."""

from collections.abc import Iterator
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


def manifests(observed: Observed, plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield all objects that should be, in the order they are written."""
    for planned in plan.serving_first():
        yield from revision_manifests(observed, planned)
    yield from entry_manifests(observed, plan)


def revision_manifests(observed: Observed, planned: Planned) -> Iterator[dict[str, Any]]:
    """Yield the objects of one revision: its facts before what follows from them, its configuration before its pods."""
    yield controller_revision(observed, planned.revision)
    yield config_map(observed, planned.revision)
    yield live_config_map(observed, planned.revision)
    yield revision_service(observed, planned.revision.name)
    if _has_deployment(observed, planned):
        yield deployment(observed, planned.revision)
    if planned.autoscaled:
        yield horizontal_pod_autoscaler(observed, planned.revision)


def entry_manifests(observed: Observed, plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield what leads to the serving revision; it comes after the revision's own objects."""
    yield entry_service(observed, plan.serving)
    if has_disruption_budget(observed):
        yield disruption_budget(observed, plan.serving)


def has_disruption_budget(observed: Observed) -> bool:
    """Return whether a budget can help: with one replica it would only block drains."""
    scaling = observed.spec.scaling
    return max(scaling.minReplicas, scaling.maxReplicas or 1) > 1


def _has_deployment(observed: Observed, planned: Planned) -> bool:
    # A Deployment is born with one replica, so one that should have none is kept if it is there, never made.
    return planned.replicas > 0 or observed.deployment(planned.revision.name) is not None
