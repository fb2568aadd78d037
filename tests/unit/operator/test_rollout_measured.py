"""The user's own checks: what an answer means, and what is asked."""

from dataclasses import replace
from typing import Any

import pytest

from onnx_operator.api.analysis import PrometheusQuery
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.checks.measured import level_of, measured
from onnx_operator.decide.rollout.conditions import fails
from onnx_operator.decide.rollout.inquiry import filled, inquiry_of
from onnx_operator.decide.rollout.judging import judged
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.measure import Answer, Measure, Number, Opinion, Silence
from onnx_operator.observed import Observed
from onnx_operator.rollout import RolloutFacts
from tests.unit.operator.situations import ready_pod
from tests.unit.operator.test_rollout_table import CANDIDATE, PREFLIGHT, STABLE, STEPS, ago, facts, seen

Object = dict[str, Any]

QUERY: Object = {"name": "clicks", "query": "sum(clicks)", "max": "0.5"}
HOOK: Object = {"name": "acceptance", "url": "https://hooks.example/judge"}
BEFORE, AFTER = ago(20), ago(5)


def rollout(**analysis: Any) -> Object:
    return {**STEPS, "analysis": analysis}


def judging(**analysis: Any) -> RolloutFacts:
    return facts(0, weight=25, weighted_at=ago(15), rollout=rollout(**analysis))


def answered(of: RolloutFacts, **answers: tuple[Answer, ...]) -> Sight:
    """Return a rollout in which others have answered so, the newest last."""
    sight = seen(of, 1, stable=1)
    found = {name: Measure(said[-1], said[-2] if len(said) > 1 else None) for name, said in answers.items()}
    return replace(sight, observed=replace(sight.observed, measured=found))


def said_of(query: Object, *values: float | Silence, at: str = AFTER) -> Judgement:
    answers = tuple(value if isinstance(value, Silence) else Number(at, value) for value in values)
    given = {"clicks": answers} if answers else {}
    (judgement,) = measured(answered(judging(prometheus=[query]), **given))
    return judgement


def said_by_hook(*answers: Answer) -> Judgement:
    given = {"acceptance": answers} if answers else {}
    (judgement,) = measured(answered(judging(webhooks=[HOOK]), **given))
    return judgement


@pytest.mark.parametrize(
    ("limits", "values", "verdict"),
    [
        ({"max": "0.5"}, (0.4,), "Pass"),
        ({"max": "0.5"}, (0.5,), "Pass"),
        ({"max": "0.5"}, (0.6,), "Unknown"),  # once may be a bad scrape
        ({"max": "0.5"}, (0.6, 0.6), "Fail"),
        ({"max": "0.5"}, (0.6, 0.4), "Pass"),
        ({"max": "0.5"}, (0.6, 0.4, 0.6), "Unknown"),
        ({"max": "0.5"}, (0.6, Silence(AFTER, "x"), 0.6), "Unknown"),
        ({"max": "0.5"}, (float("inf"), float("inf")), "Fail"),
        ({"min": "0.9"}, (0.9,), "Pass"),
        ({"min": "0.9"}, (0.8, 0.1), "Fail"),
        ({"min": "-1", "max": "1"}, (-1.0,), "Pass"),
        ({"min": "-1", "max": "1"}, (-2.0, 2.0), "Fail"),
    ],
)
def test_a_query_is_judged_by_its_limits(limits: Object, values: tuple[float, ...], verdict: str) -> None:
    query = {key: value for key, value in QUERY.items() if key != "max"} | limits
    assert said_of(query, *values).verdict == verdict


def test_only_a_pass_of_this_step_lets_it_go_on() -> None:
    early = said_of(QUERY, 0.4, at=BEFORE)
    assert (early.verdict, early.holds) == ("Unknown", True)
    assert "of before this step" in early.message
    assert said_of(QUERY, 0.4, at=AFTER).verdict == "Pass"
    assert said_of(QUERY, 0.6, 0.6, at=BEFORE).verdict == "Fail", "what speaks against it does so at any time"


def test_without_an_answer_the_step_is_held_and_the_reason_is_told() -> None:
    silent = said_of(QUERY, Silence(AFTER, "it did not answer within 5 s."))
    assert (silent.verdict, silent.holds, silent.message) == ("Unknown", True, "it did not answer within 5 s.")
    unasked = said_of(QUERY)
    assert (unasked.verdict, unasked.holds, unasked.message) == ("Unknown", True, "it was not asked yet.")


def test_a_failed_query_says_what_it_gave_and_what_is_allowed() -> None:
    failed = said_of(QUERY, 0.61, 0.723456)
    assert failed.reason == "MetricOutOfRange"
    assert failed.message == "the query clicks is 0.723, for the second time in a row outside of at most 0.5."
    assert failed.value == "0.723 (at most 0.5)"


@pytest.mark.parametrize(
    ("answer", "verdict", "holds", "message"),
    [
        (Opinion(AFTER, "Pass", "40 of 40 cases"), "Pass", False, "40 of 40 cases"),
        (Opinion(BEFORE, "Pass"), "Unknown", True, "the answer is of before this step; it is asked again."),
        (Opinion(AFTER, "Fail", "3 of 40 cases"), "Fail", False, "the webhook acceptance says Fail: 3 of 40 cases."),
        (Opinion(AFTER, "Fail"), "Fail", False, "the webhook acceptance says Fail: without a word why."),
        (Opinion(AFTER, "Unknown", "still at it"), "Unknown", True, "still at it"),
        (Opinion(AFTER, "Unknown"), "Unknown", True, "it says Unknown."),
        (Silence(AFTER, "it answered 500."), "Unknown", True, "it answered 500."),
        (None, "Unknown", True, "it was not asked yet."),
    ],
)
def test_a_webhooks_word_counts_at_once(answer: Answer | None, verdict: str, holds: bool, message: str) -> None:
    found = said_by_hook(*((answer,) if answer else ()))
    assert (found.verdict, found.holds, found.message) == (verdict, holds, message)
    assert found.reason == ("WebhookSaysFail" if verdict == "Fail" else "")


def test_a_fail_takes_the_candidate_back_as_that_of_any_check_does() -> None:
    sight = answered(judging(webhooks=[HOOK]), acceptance=(Opinion(AFTER, "Fail"),))
    assert fails(sight)
    assert [judgement.check for judgement in judged(sight)][-1] == "acceptance"
    assert not fails(answered(judging(webhooks=[HOOK]), acceptance=(Opinion(AFTER, "Pass"),)))


@pytest.mark.parametrize(
    ("limits", "value", "level"),
    [
        ({"max": "2"}, 1.0, 0.5),
        ({"max": "2"}, 3.0, 1.5),
        ({"max": "2"}, -3.0, 0.0),
        ({"max": "0"}, 0.0, 0.0),
        ({"max": "0"}, 0.1, 1.001),
        ({"max": "2"}, 1e9, 1000.0),
        ({"max": "2"}, float("inf"), 1000.0),
        ({"min": "2"}, 4.0, 0.5),
        ({"min": "2"}, 1.0, 2.0),
        ({"min": "2"}, 0.0, 1.001),
        ({"min": "-2"}, -1.0, 0.0),
        ({"min": "1", "max": "3"}, 2.0, 0.0),
        ({"min": "1", "max": "3"}, 2.5, 0.5),
        ({"min": "1", "max": "3"}, 5.0, 3.0),
        ({"min": "1", "max": "1"}, 1.0, 0.0),
        ({"min": "1", "max": "1"}, 1.1, 1.001),
    ],
)
def test_the_level_is_the_share_of_what_is_allowed(limits: Object, value: float, level: float) -> None:
    assert level_of(value, PrometheusQuery(name="q", query="1", **limits)) == pytest.approx(level)


def watched(of: RolloutFacts | None, **more: Any) -> Observed:
    sight = seen(of or PREFLIGHT, 1, stable=1, candidate=replace(CANDIDATE, rollout=of), **more)
    return replace(sight.observed, pods={name: (ready_pod(name),) for name in (STABLE.name, CANDIDATE.name)})


def test_what_is_asked_has_everything_put_in() -> None:
    query = 'rate(errors{namespace="{{namespace}}",pod=~"{{candidate}}-.*"}[1m]) / on() {{stable}}{{model}}{{other}}'
    of = judging(prometheus=[{**QUERY, "query": query}], webhooks=[{**HOOK, "timeoutSeconds": 7}])
    asked = inquiry_of(watched(of))
    assert asked is not None
    assert asked.queries[0].promql == (
        f'rate(errors{{namespace="team",pod=~"{CANDIDATE.name}-.*"}}[1m]) / on() {STABLE.name}digits{{{{other}}}}'
    )
    assert (asked.hooks[0].name, asked.hooks[0].url, asked.hooks[0].timeout) == ("acceptance", HOOK["url"], 7)
    assert asked.document == {
        "namespace": "team",
        "model": "digits",
        "stable": STABLE.name,
        "candidate": CANDIDATE.name,
        "startedAt": of.started_at,
        "step": 1,
        "steps": 3,
        "weight": 25,
        "url": "http://digits.team.svc:8000",
        "candidateUrl": f"http://{CANDIDATE.name}.team.svc:8000",
    }


def test_the_questions_are_those_of_the_rollouts_beginning() -> None:
    of = judging(prometheus=[QUERY])
    begun, changed = watched(of), watched(of, rollout=rollout(prometheus=[{**QUERY, "query": "other"}]))
    assert inquiry_of(begun) == inquiry_of(changed)


def test_nobody_is_asked_before_the_first_step_nor_after_the_last_nor_for_nothing() -> None:
    asks = rollout(prometheus=[QUERY])
    assert inquiry_of(watched(None)) is None
    assert inquiry_of(watched(facts(-1, rollout=asks))) is None
    assert inquiry_of(watched(facts(0, rollout=asks))) is not None
    assert inquiry_of(watched(facts(0, rollout=asks, over=True))) is None
    assert inquiry_of(watched(facts(0, rollout=asks), state="Suspended")) is None
    assert inquiry_of(watched(facts(0, rollout=rollout()))) is None
    promoted = replace(watched(facts(0, rollout=asks)), revisions=(STABLE, replace(CANDIDATE, promoted_at=ago(1))))
    assert inquiry_of(promoted) is None


@pytest.mark.parametrize(
    ("value", "put_in"), [('a"} or vector(1)', r"a\"} or vector(1)"), ("a\\", r"a\\"), ("a\nb", r"a\nb"), ("'", r"\'")]
)
def test_a_value_cannot_leave_the_text_that_it_is_put_into(value: str, put_in: str) -> None:
    assert filled('x{y="{{model}}"}', {"model": value}) == f'x{{y="{put_in}"}}'
