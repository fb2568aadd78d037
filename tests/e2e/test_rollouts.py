"""Rollouts under constant load of clients that never retry: whatever the new version does, no request is lost."""

import pytest

from tests.e2e import misbehaving_models as bad
from tests.e2e.load import by_version, within
from tests.e2e.load_client import KINDS
from tests.e2e.models import scale_model
from tests.e2e.scenario import CRASHED, FORCED, Scenario, steady

REVISION = "onnx-operator.dev/revision"


def test_a_good_version_is_promoted(scenario: Scenario) -> None:
    scenario.serve()
    new = scenario.ask(scale_model(2.0))
    model = scenario.wait_promoted(new)
    requests = scenario.finish("good v2 is promoted", new)
    scenario.check_shares(new, {25, 50, 100}, requests)
    assert model["status"].get("rejected", []) == []
    version = new.rpartition("-")[2]
    assert {request.tells for request in requests if request.version == version} == {2.0}
    assert set(by_version(requests[-40:])) == {version}
    assert {request.kind for request in within(requests, scenario.changed_at, 1e12)} == set(KINDS)
    ready = scenario.watched.pods(new)
    assert len(ready) == 2
    assert scenario.loads(new) == (2, 2), "each pod loaded the model once, and none was built anew"


def test_a_version_that_crashes_after_100_requests_is_taken_back(scenario: Scenario) -> None:
    scenario.serve(rollout=steady(50))
    new = scenario.ask(bad.crashing(100))
    fault = scenario.failed_at("reset", "refused")
    scenario.wait_rejected(new, *CRASHED)
    requests = scenario.finish("v3 crashes after 100 requests", new, fault)
    assert 90 <= by_version(requests)[new.rpartition("-")[2]] <= 110
    # 143: the one that was started again, and was told to end while it still loaded.
    assert scenario.exit_codes(new) - {143} == {136}, "the server died of SIGFPE, and of nothing else"


def test_a_version_that_answers_500_is_taken_back(scenario: Scenario) -> None:
    scenario.serve(rollout=steady(25))
    new = scenario.ask(bad.failing())
    fault = scenario.failed_at("serverError")
    scenario.wait_rejected(new, "CandidateErrors")
    requests = scenario.finish("v3 answers 500", new, fault)
    assert by_version(requests)[new.rpartition("-")[2]] == 0


def test_a_version_that_hangs_is_taken_back(scenario: Scenario) -> None:
    # What hangs computes; its share of the machine is small, so that the clients' times are those of the stable pods.
    scenario.serve(rollout=steady(25))
    limits = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "300m", "memory": "512Mi"}}
    new = scenario.ask(bad.hanging(), resources=limits)
    # Fewer say nothing: one pause of a process makes all answers late that it has at hand.
    fault = scenario.failed_at("late", least=20)
    scenario.wait_rejected(new, "CandidateErrors")
    requests = scenario.finish("v3 hangs", new, fault)
    scenario.kubectl("delete", "pods", f"--selector={REVISION}={new}", *FORCED)
    assert by_version(requests)[new.rpartition("-")[2]] == 0


@pytest.mark.parametrize("weight", [5, 25, 50, 100])
def test_a_rollout_is_aborted_by_hand_at_a_step(weight: int, scenario: Scenario) -> None:
    scenario.serve(rollout=steady(weight) if weight < 100 else {**steady(50), "steps": [{"weight": 100}]})
    new = scenario.ask(scale_model(2.0))
    scenario.wait_weight(weight)
    fault = scenario.act("abort", new)
    scenario.wait_rejected(new, "Aborted")
    requests = scenario.finish(f"abort by hand at {weight} %", new, fault)
    scenario.check_shares(new, {weight}, requests)
    assert set(by_version(requests[-20:])) == {scenario.stable.rpartition("-")[2]}
