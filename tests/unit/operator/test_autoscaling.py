"""Autoscaling: one autoscaler, of the serving revision alone, within the bounds of the spec."""

from typing import Any

import pytest

from onnx_operator.decide.roles import plan
from onnx_operator.desired.manifests import manifests
from onnx_operator.observed import Observed
from onnx_operator.report.status import scaling_of
from tests.unit.operator.situations import EARLIER, deployment, name_of, observed, ready_pod, revision, spec

Object = dict[str, Any]

AUTOMATIC = {"minReplicas": 2, "maxReplicas": 6, "target": {"cpuPercent": 70}}
V1 = spec("s3://models/digits/1/", scaling=AUTOMATIC)
V2 = spec("s3://models/digits/2/", scaling=AUTOMATIC)
OLD, NEW = name_of(V1), name_of(V2)


def serving(replicas: int, **more: Any) -> Observed:
    asked = spec("s3://models/digits/1/", scaling=AUTOMATIC, **more)
    owned = {("Deployment", OLD): deployment(replicas)}
    return observed(asked, revision(V1, 1, EARLIER), owned=owned, pods={OLD: (ready_pod(),) * replicas})


def autoscalers(seen: Observed) -> list[Object]:
    return [m for m in manifests(seen, plan(seen)) if m["kind"] == "HorizontalPodAutoscaler"]


def test_the_serving_revision_gets_the_autoscaler_that_the_spec_asks_for() -> None:
    (made,) = autoscalers(serving(3))
    assert made["metadata"]["name"] == OLD
    assert made["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": OLD}
    assert (made["spec"]["minReplicas"], made["spec"]["maxReplicas"]) == (2, 6)
    assert made["spec"]["metrics"][0]["containerResource"]["target"]["averageUtilization"] == 70
    assert made["spec"]["metrics"][0]["containerResource"]["container"] == "server"


@pytest.mark.parametrize(("now", "planned"), [(0, 2), (1, 2), (2, 2), (4, 4), (6, 6), (9, 6)])
def test_what_the_autoscaler_has_set_stays_within_the_bounds(now: int, planned: int) -> None:
    assert plan(serving(now)).planned(OLD).replicas == planned


def test_suspending_takes_the_autoscaler_away() -> None:
    suspended = serving(3, state="Suspended")
    assert autoscalers(suspended) == []
    assert plan(suspended).planned(OLD).replicas == 0


def test_a_candidate_comes_as_large_as_the_stable_one_is_and_without_an_autoscaler() -> None:
    owned = {("Deployment", OLD): deployment(5), ("Deployment", NEW): deployment(1)}
    pods = {OLD: (ready_pod(),) * 5, NEW: (ready_pod(),) * 4}
    seen = observed(V2, revision(V1, 1, EARLIER), revision(V2, 2), owned=owned, pods=pods)
    made = plan(seen)
    assert made.planned(NEW).replicas == 5
    assert made.stable == OLD, "4 of 5 pods do not take over the load of 5"
    assert [m["metadata"]["name"] for m in autoscalers(seen)] == [OLD]


def test_the_status_gives_the_autoscalers_own_words() -> None:
    seen = serving(3)
    condition = {"type": "ScalingActive", "status": "False", "reason": "FailedGetMetrics", "message": "no metrics"}
    seen.owned["HorizontalPodAutoscaler", OLD] = {"status": {"conditions": [condition]}}
    said = scaling_of(seen, plan(seen))
    assert said.backend == "HPA"
    assert "no metrics" in said.message


def test_without_a_target_there_is_none_and_the_status_says_so() -> None:
    asked = spec("s3://models/digits/1/", 2)
    seen = observed(asked, revision(asked, 1, EARLIER), pods={name_of(asked): (ready_pod(),)})
    assert autoscalers(seen) == []
    assert scaling_of(seen, plan(seen)).backend == "None"
