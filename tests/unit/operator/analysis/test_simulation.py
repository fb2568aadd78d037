"""The checks' promises, by simulation: seeded, 2,000 rollouts each. ANALYSIS_ROLLOUTS=20000 tells more.

``python -m benchmarks.analysis`` prints the tables of docs/analysis.md from the same simulations.
"""

import os

import numpy as np
import pytest

from benchmarks.analysis import cases, vectorised
from benchmarks.analysis.bound import errors_found_at_most
from benchmarks.analysis.detection import errors_found, outputs_found
from benchmarks.analysis.durations import taken_back
from benchmarks.analysis.peers import aborts
from benchmarks.analysis.report import AS_FAST, SLOWER, simulated
from benchmarks.analysis.truth import Plan
from onnx_operator.decide.analysis import budget, pairs, sequential
from onnx_operator.decide.analysis.difference import Arm, due, refutes_at_most_more

COUNT = int(os.environ.get("ANALYSIS_ROLLOUTS", "2000"))
# A rollout that waits goes on after so long, so that it is looked at in all its steps.
WAITS = 1800 if COUNT > 2000 else 60


def test_the_budget_is_one_percent() -> None:
    assert sum((budget.ERRORS, budget.COMPUTE, budget.WORK, budget.OUTPUTS, budget.HEALTH)) <= 0.01


def test_the_simulations_tests_are_the_operators() -> None:
    draw = np.random.default_rng(3)
    tries = draw.integers(1, 2000, 400)
    hits = draw.binomial(tries, draw.random(400) ** 2)
    for most in (0.01, 0.5):
        own = [sequential.against_at_most(int(n), int(x), most) for n, x in zip(tries, hits, strict=True)]
        assert np.allclose(vectorised.against_at_most(tries, hits, most), own)
    sides = draw.integers(0, 200, (400, 8))
    percents = (50, 80, 90, 110, 130, 150, 180, 300)
    own = [pairs.against_at_most(dict(zip(percents, row, strict=True)), 120) for row in sides.tolist()]
    assert np.allclose(vectorised.pairs_against(sides), own)
    others = draw.integers(0, 4000, 400)
    other_hits = draw.binomial(others, 0.02)
    rare = draw.binomial(tries, 0.08)
    found = vectorised.refutes_at_most_more(tries, rare, others, other_hits, 0.01, 0.006)
    own_flags = [
        refutes_at_most_more(Arm(n, x), Arm(m, a), 0.01, 0.006, due(0.01))
        for n, x, m, a in zip(tries.tolist(), rare.tolist(), others.tolist(), other_hits.tolist(), strict=True)
    ]
    assert found.tolist() == own_flags
    assert 20 < sum(own_flags) < 380


@pytest.mark.parametrize("rate", cases.RATES)
@pytest.mark.parametrize("stable", cases.STABLE)
def test_a_candidate_at_the_edge_of_all_tolerances_is_aborted_in_one_percent_at_most(rate: int, stable: float) -> None:
    plan = Plan(wait_seconds=WAITS)
    outcome = simulated(cases.at_the_edge(stable, plan), plan, rate, COUNT, 11)
    assert outcome.aborted <= 0.01 * COUNT
    assert outcome.by.get("errors", 0) <= 0.006 * COUNT


@pytest.mark.parametrize("rate", cases.RATES)
def test_so_is_an_equivalent_one_with_several_outputs(rate: int) -> None:
    plan = Plan(apart=0.01, wait_seconds=WAITS)
    outcome = simulated(cases.at_the_edge(0.001, plan, outputs=4), plan, rate, COUNT, 12)
    assert outcome.aborted <= 0.01 * COUNT


@pytest.mark.parametrize("rate", cases.RATES)
@pytest.mark.parametrize(("stable", "unsure"), [(0.001, 0.005), (0.05, 0.05)])
def test_a_candidate_as_good_as_the_stable_revision_comes_through(rate: int, stable: float, unsure: float) -> None:
    outcome = simulated(cases.as_good(stable), Plan(), rate, COUNT, 13)
    assert outcome.aborted <= 0.002 * COUNT
    assert outcome.inconclusive <= unsure * COUNT
    assert outcome.seconds is not None
    assert outcome.seconds < 300


def test_five_percent_errors_are_found_within_400_requests() -> None:
    assert errors_found(0.001, 0.05, 19, 0, 400, COUNT, 14) >= 0.95
    assert errors_found(0.001, 0.05, 19, 300, 400, COUNT, 14) >= 0.95
    # As long as all requests are copied, the stable revision answers no more of them than the candidate.
    assert errors_found(0.001, 0.05, 1, 0, 400, COUNT, 15) >= 0.8
    assert errors_found(0.001, 0.05, 1, 0, 600, COUNT, 15) >= 0.95


def test_no_test_finds_five_percent_errors_much_more_often_while_all_requests_are_copied() -> None:
    assert 0.95 < errors_found_at_most(0.001, 0.05, 400, 0.01, budget.ERRORS) < 0.97
    assert errors_found_at_most(0.001, 0.05, 200, 0.01, budget.ERRORS) < 0.7
    tolerated = errors_found_at_most(0.01, 0.02, 400, 0.01, budget.ERRORS)
    assert tolerated == pytest.approx(budget.ERRORS)


@pytest.mark.parametrize("what", SLOWER)
def test_forty_percent_slower_is_found_within_300_batches(what: str) -> None:
    servers = SLOWER[what]
    least = 0.95 if servers.noise < 0.3 else 0.9
    assert taken_back(servers, 20, 300, COUNT // 40, 16) >= least


@pytest.mark.parametrize("what", AS_FAST)
def test_another_mix_of_batches_or_another_load_never_fails(what: str) -> None:
    assert taken_back(AS_FAST[what], 20, 300, COUNT // 80, 17) == 0


def test_outputs_that_are_wrong_are_found_within_200_copies() -> None:
    for outputs in (1, 10):
        for own_runs in (10, 160):  # a model of milliseconds, and one of seconds in a single pod
            assert outputs_found(0.9, 0.5, outputs, 200, COUNT, 18, own_runs)[0] >= 0.99
            assert outputs_found(0.1, 0.99, outputs, 200, COUNT, 19, own_runs)[0] >= 0.99
            assert outputs_found(0.25, 0.99, outputs, 200, COUNT, 20, own_runs)[0] >= 0.99


def test_the_usual_rule_takes_back_a_quarter_to_nearly_all_healthy_canaries() -> None:
    # Ten measurements of a minute, 60 requests each, 0.5 % of which fail for both revisions.
    assert aborts(0.005, 60, 10, 3, 50 * COUNT, 21) == pytest.approx(0.248, abs=0.01)
    assert aborts(0.005, 60, 10, 0, 50 * COUNT, 21) == pytest.approx(0.951, abs=0.01)
