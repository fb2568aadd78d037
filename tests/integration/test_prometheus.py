"""Prometheus itself answers the operator's queries, takes the chart's alerts, and sees the checks' metrics."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.inquiry import filled
from onnx_operator.measuring.exchange import NoAnswerError, new_session
from onnx_operator.measuring.prometheus import Prometheus
from onnx_operator.metrics import Metrics, Rollout
from tests.chart.rendering import NAMESPACE, of_kind, render
from tests.integration.prometheus_server import PrometheusServer, Scraped, prometheus

PODS = b"""
errors{revision="digits-2",pod="a"} 3
errors{revision="digits-2",pod="b"} 4
requests{revision="digits-2",pod="a"} 100
requests{revision="digits-1",pod="c"} 0
"""
CANDIDATE = {"candidate": "digits-2", "stable": "digits-1", "model": "digits", "namespace": "team"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), Scraped(lambda: PODS)) as running:
        running.wait_for("errors")
        yield running


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ('sum(errors{revision="{{candidate}}"}) / sum(requests{revision="{{candidate}}"})', 0.07),
        ("max(errors)", 4.0),
        ("scalar(max(errors)) * 2", 8.0),
        ('sum(requests{revision="{{candidate}}"}) / sum(requests{revision="{{stable}}"})', float("inf")),
        (
            'sum(requests{revision="{{stable}}"}) / 0',
            "the query gives NaN: nothing was counted yet, or it divides by 0.",
        ),
        (
            'errors{revision="{{model}}"}',
            "the query gives nothing: there are no such series yet, or it asks for the wrong ones.",
        ),
        ("errors", "the query gives 2 numbers: one is needed, e.g. by sum()."),
        ("errors[1m]", "the query gives a matrix: one number is needed."),
        ('"text"', "the query gives a string: one number is needed."),
        ("sum(errors", "Prometheus says bad_data: "),
        ('errors{revision="}', "Prometheus says bad_data: "),
    ],
)
def test_a_query_gives_a_number_or_says_why_not(server: PrometheusServer, query: str, answer: float | str) -> None:
    async def ask() -> float | str:
        async with new_session() as session:
            try:
                return await Prometheus(session, f"{server.url}/").ask(filled(query, CANDIDATE))
            except NoAnswerError as error:
                return str(error)

    found = asyncio.run(ask())
    if isinstance(answer, str) and isinstance(found, str):
        assert found.startswith(answer)
    else:
        assert found == answer


def test_a_value_that_is_put_in_stays_within_its_text(server: PrometheusServer) -> None:
    hostile = 'a"} or vector(1) or errors{x="'
    query = filled('sum(errors{revision="{{model}}"}) or vector(7)', {"model": hostile})
    found = server.get("/api/v1/query", query=query)
    assert found["status"] == "success"
    assert [series["value"][1] for series in found["data"]["result"]] == ["7"]


def test_the_charts_alerts_are_prometheus_own_and_notice_a_check_that_cannot_say(tmp_path: Path) -> None:
    (rule,) = of_kind(render("metrics.prometheusRule.enabled=true"), "PrometheusRule")
    metrics = Metrics()
    metrics.rollouts(lambda: True)
    said = (Judgement("errors", "Unknown", level=0.2), Judgement("outputs", "Pass", samples=100))
    metrics.running["team", "digits"] = Rollout("team/digits", "Progressing", 25, said)
    metrics.running["team", "cats"] = Rollout("team/cats", "Paused", 25, said)
    labels = {"namespace": NAMESPACE, "service": "onnx-operator-metrics"}
    with prometheus(tmp_path, Scraped(metrics.text), labels, rule["spec"]["groups"]) as running:
        seen = running.wait_for('onnx_operator_rollout_check_level{key="team/digits"}')
        assert [(series["metric"]["check"], series["value"][1]) for series in seen] == [("errors", "0.2")]
        pending = running.wait_for('ALERTS{alertname="OnnxModelRolloutUndecided"}')
        assert [(alert["metric"]["key"], alert["metric"]["check"]) for alert in pending] == [("team/digits", "errors")]
        (group,) = running.get("/api/v1/rules")["data"]["groups"]
        assert {one["health"] for one in group["rules"]} == {"ok"}
