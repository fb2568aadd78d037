"""What is told of the checks: the same words while little changes, so that a look at nothing new writes nothing."""

from dataclasses import replace
from typing import Any

import pytest

from onnx_operator.api.status import CheckStatus
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout import check_status
from onnx_operator.decide.rollout.check_status import check_statuses
from onnx_operator.decide.rollout.sight import Sight
from tests.unit.operator.test_rollout_table import ALL, COURSE, JUDGING, seen

Object = dict[str, Any]

WAITS = Judgement(
    "outputs", "Unknown", "", "38 of 100 copies", "97 %", samples=38, needed=100, interval="90 % to 99 %", holds=True,
    level=0.5,
)  # fmt: skip


def told(monkeypatch: pytest.MonkeyPatch, now: Judgement, before: CheckStatus | None = None, **of: str) -> CheckStatus:
    """Return what is told when a check says this, and this was told before."""
    monkeypatch.setattr(check_status, "judged", lambda _: (now,))
    sight = seen(JUDGING, 1)
    said = before.model_dump(exclude_none=True) if before else None
    rollout = {"revision": sight.candidate.name, "startedAt": COURSE, "checks": [said] if said else [], **of}
    observed = replace(sight.observed, status={"rollout": rollout})
    (found,) = check_statuses(Sight(observed, sight.candidate, sight.stable, sight.facts, 8))
    return found


def test_all_of_a_judgement_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, WAITS) == CheckStatus(
        check="outputs", verdict="Unknown", value="97 %", interval="90 % to 99 %", samples=20, needed=100, trend="▂",
        message="38 of 100 copies",
    )  # fmt: skip


def test_a_few_samples_more_change_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    first = told(monkeypatch, WAITS)
    more = replace(WAITS, message="49 of 100 copies", value="95 %", interval="91 % to 98 %", samples=49, level=0.9)
    assert told(monkeypatch, more, first) == first


def test_many_more_are_told_with_another_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    first = told(monkeypatch, WAITS)
    more = told(monkeypatch, replace(WAITS, message="50 of 100 copies", samples=50, level=1.2), first)
    assert (more.message, more.samples, more.trend) == ("50 of 100 copies", 50, "▂▅")


def test_another_verdict_is_told_at_once_without_another_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    first = told(monkeypatch, replace(WAITS, samples=100))
    passes = told(monkeypatch, replace(WAITS, verdict="Pass", samples=101, message="", holds=False), first)
    assert (passes.verdict, passes.message, passes.trend) == ("Pass", None, "▂")


def test_another_rollout_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    first = told(monkeypatch, WAITS)
    more = replace(WAITS, samples=39, message="39 of 100 copies")
    assert told(monkeypatch, more, first, startedAt="2026-11-01T10:00:00.000000Z").message == "39 of 100 copies"
    assert told(monkeypatch, more, first, revision="digits-other").trend == "▂"


def test_without_samples_words_are_told_when_they_change_and_numbers_when_their_bar_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ready = Judgement("readiness", "Pass", value="1 ready")
    first = told(monkeypatch, ready)
    assert told(monkeypatch, replace(ready, value="2 ready"), first).value == "2 ready"
    query = Judgement("queue", "Pass", value="3.1 (at most 9)", level=0.3)
    first = told(monkeypatch, query)
    assert told(monkeypatch, replace(query, value="3.2 (at most 9)", level=0.31), first) == first
    later = told(monkeypatch, replace(query, value="8 (at most 9)", level=0.9), first)
    assert (later.value, later.trend) == ("8 (at most 9)", "▂▄")


def test_a_pod_that_does_not_answer_one_look_is_no_news() -> None:
    before: list[Object] = []
    for splits in (ALL, (*ALL[:3], None), ALL):
        sight = seen(JUDGING, 1, splits=splits)
        rollout = {"revision": sight.candidate.name, "startedAt": COURSE, "checks": before}
        at = replace(sight.observed, status={"rollout": rollout})
        now = [said.model_dump(exclude_none=True) for said in check_statuses(replace(sight, observed=at, found={}))]
        assert now == (before or now)
        before = now
    gone = seen(JUDGING, 1, stable=3, splits=ALL[:3])
    at = replace(
        gone.observed, status={"rollout": {"revision": gone.candidate.name, "startedAt": COURSE, "checks": before}}
    )
    assert [said.model_dump(exclude_none=True) for said in check_statuses(replace(gone, observed=at))] != before
