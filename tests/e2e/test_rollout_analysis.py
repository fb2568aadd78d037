"""Versions that come up well and are bad all the same: their answers, their speed or their errors give them away.

Clients never retry and know the right answers. The canary is that of a manifest without a word, but for its times:
the first step sends copies, so that no user gets an answer before the outputs were compared.
"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e import digit_models as models
from tests.e2e import leaking
from tests.e2e.judging import QUICK, Judging, samples
from tests.e2e.kubectl import Kubectl, Object
from tests.e2e.replicas import Replicas
from tests.e2e.scenario import FORCED, Scenario

LAYERS = 100
"""Of the model that is to be twice as slow: two or three milliseconds."""


@pytest.fixture
def judging(scenario: Scenario, tmp_path: Path) -> Judging:
    return Judging(scenario, tmp_path)


def test_an_equal_version_is_promoted(judging: Judging) -> None:
    judging.serve()
    new = judging.scenario.ask(models.equal())
    judged = judging.promoted("v2 is equal", new)
    assert judged.wrong == 0
    assert judged.candidate > 100
    last = [rollout for _, rollout in judging.states(new) if rollout["phase"] == "Progressing"][-1]
    verdicts = {check["check"]: check["verdict"] for check in last["checks"]}
    assert {name: verdicts[name] for name in ("errors", "latency", "outputs", "health")} == dict.fromkeys(
        ("errors", "latency", "outputs", "health"), "Pass"
    )


@pytest.mark.parametrize(
    ("name", "model", "checks"),
    [
        ("v3 has permuted labels", models.permuted_labels, ["outputs"]),
        ("v3 answers NaN to a fifth", lambda: models.not_a_number(0.2), ["health"]),
        ("v3 answers NaN", lambda: models.not_a_number(1.0), ["health", "outputs"]),
        ("v3 is a constant", models.constant, ["health", "outputs"]),
        ("v3 fails 5 % of requests", lambda: models.failing_for(0.05), ["errors"]),
    ],
)
def test_a_bad_version_is_caught_before_a_user_has_an_answer_of_it(
    name: str, model: Callable[[], bytes], checks: list[str], judging: Judging
) -> None:
    judging.serve()
    new = judging.scenario.ask(model())
    judged = judging.caught(name, new, *checks)
    assert judged.wrong == 0
    assert judged.candidate == 0


def test_values_off_by_one_percent_are_caught_where_the_version_is_to_be_equivalent(judging: Judging) -> None:
    judging.serve()
    new = judging.scenario.ask(models.off_by(0.01), model={"change": "Equivalent"})
    judged = judging.caught("v3's values are off by 1 % (Equivalent)", new, "outputs")
    assert judged.wrong == 0
    assert judged.candidate == 0


def test_a_version_that_is_twice_as_slow_is_caught(judging: Judging) -> None:
    judging.serve(models.deep(LAYERS))
    new = judging.scenario.ask(models.deep(2 * LAYERS))
    judged = judging.caught("v3 is twice as slow", new, "latency")
    assert judged.wrong == 0


def test_a_version_that_leaks_memory_is_caught(judging: Judging) -> None:
    """A leak is told from a run-in by some hundred requests; a shadow that lasts so long keeps it from users."""
    judging.scenario.kubectl.apply(leaking.config_map())
    # A model that runs for a millisecond, beside which it takes little time to keep so much.
    steps = [{"shadow": {"minSamples": 2000}}, {"weight": 100}]
    judging.serve(models.deep(40), rollout={**QUICK, "steps": steps})
    new = judging.scenario.ask(models.deep(40), podTemplate=leaking.pod_template())
    judged = judging.caught(f"v3 leaks {leaking.KEPT // 1024} KiB a request", new, "memory")
    assert judged.wrong == 0
    assert judged.candidate == 0


@pytest.mark.parametrize("right", [True, False])
def test_the_models_own_test_data_is_run_before_anything_else(right: bool, judging: Judging) -> None:
    judging.serve()
    of = models.good() if right else models.permuted_labels()
    data = models.test_data(of, models.images()[:5])
    files = {"model.onnx": models.equal(), **{f"test_data_set_0/{name}": content for name, content in data.items()}}
    new = judging.scenario.ask(files)
    if right:
        judged = judging.promoted("v2 is equal, and right about its test data", new)
    else:
        judged = judging.caught("v3 is wrong about its test data", new, "golden")
        phases = {rollout["phase"] for _, rollout in judging.states(new)}
        assert phases <= {"Preflight", "RollingBack", "Aborted"}, "it did not leave preflight"
        assert judged.candidate == 0
    assert judged.wrong == 0


@pytest.mark.parametrize(
    ("name", "model", "promoted", "pause"),
    [
        # Clients ask so slowly that judging takes some seconds: a few answers tell permuted labels.
        ("operator killed while it judges permuted labels", models.permuted_labels, False, 2.0),
        ("operator killed while it judges an equal v2", models.equal, True, 0.2),
    ],
)
def test_an_operator_that_is_killed_while_it_judges_comes_to_the_same_verdict(
    name: str, model: Callable[[], bytes], promoted: bool, pause: float, judging: Judging, operator: Kubectl
) -> None:
    replicas = Replicas(operator)
    judging.serve(pause=pause)
    new = judging.scenario.ask(model())
    judging.scenario.wait(_undecided(new))
    leader = replicas.wait_leader()
    operator("delete", "pod", leader, *FORCED)
    killed, states = time.monotonic(), [rollout for _, rollout in judging.states(new)]
    assert states[-1]["phase"] == "Progressing", "it had no verdict yet"
    judged = judging.promoted(name, new) if promoted else judging.caught(name, new, "outputs")
    assert replicas.wait_leader() != leader
    assert judged.wrong == 0
    if promoted:
        first = next(rollout for at, rollout in judging.states(new) if at > killed and rollout.get("checks"))
        before, after = samples(states, "outputs") or 0, samples([first], "outputs") or 0
        assert 0 < before <= after, "what was compared before counts still"


def _undecided(revision: str) -> Callable[[Object], bool]:
    """Return a check that some outputs of a revision were compared, too few for a verdict."""

    def check(model: Object) -> bool:
        rollout = model["status"].get("rollout", {})
        checks = {one["check"]: one for one in rollout.get("checks", []) if rollout["revision"] == revision}
        outputs = checks.get("outputs", {"verdict": ""})
        return bool(outputs["verdict"] == "Unknown" and outputs.get("samples"))

    return check
