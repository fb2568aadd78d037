"""Queries, asked over real HTTP of a server that answers as the API of Prometheus is documented.

https://prometheus.io/docs/prometheus/latest/querying/api/; tests/integration asks Prometheus itself.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from onnx_operator.measuring.exchange import NoAnswerError, new_session
from onnx_operator.measuring.prometheus import NOT_SET_UP, Prometheus
from tests.unit.operator.other_servers import Handler, never, says, serving, text

Object = dict[str, Any]

SERIES: Object = {"metric": {"job": "models"}, "value": [1793534400.0, "0.25"]}


def ask(handler: Handler, timeout: float = 5.0, token_file: str = "") -> float | str:
    """Return the number that a query gives, or why it gives none."""

    async def main() -> float | str:
        async with serving(prefix__api__v1__query=handler) as host, new_session() as session:
            try:
                return await Prometheus(session, f"http://{host}/prefix/", token_file, timeout).ask("sum(up) + 1")
            except NoAnswerError as error:
                return str(error)

    return asyncio.run(main())


def vector(*series: object) -> Handler:
    return says({"status": "success", "data": {"resultType": "vector", "result": list(series)}})


def value(text: object) -> Handler:
    return vector({"metric": {}, "value": [1793534400.0, text]})


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (vector(SERIES), 0.25),
        (says({"status": "success", "data": {"resultType": "scalar", "result": [1.0, "3"]}}), 3.0),
        (says({"status": "success", "warnings": ["w"], "data": {"resultType": "vector", "result": [SERIES]}}), 0.25),
        (value("1e-3"), 0.001),
        (value("+Inf"), float("inf")),
        (value("NaN"), "the query gives NaN: nothing was counted yet, or it divides by 0."),
        (value("many"), "the query gives many, which is no number."),
        (vector(), "the query gives nothing: there are no such series yet, or it asks for the wrong ones."),
        (vector(SERIES, SERIES), "the query gives 2 numbers: one is needed, e.g. by sum()."),
        (
            says({"status": "success", "data": {"resultType": "matrix", "result": []}}),
            "the query gives a matrix: one number is needed.",
        ),
        (
            says({"status": "error", "errorType": "bad_data", "error": 'parse error:\n unexpected "x"'}, 400),
            'Prometheus says bad_data: parse error: unexpected "x".',
        ),
        (
            says({"status": "error", "errorType": "timeout", "error": "y" * 500}, 503),
            "Prometheus says timeout: " + "y" * 191 + "….",
        ),
        (says({"error": "no route"}, 404), "Prometheus answered 404 with what is no answer of its API."),
        (says({"status": "success"}), "Prometheus answered 200 with what is no answer of its API."),
        (value(0.5), "Prometheus answered 200 with what is no answer of its API."),
        (text("Unauthorized", 401), "it answered 401 with what is no JSON."),
        (text("", 302, Location="http://169.254.169.254/"), "it answered 302: redirects are not followed."),
    ],
)  # fmt: skip
def test_a_number_or_why_there_is_none(handler: Handler, expected: float | str) -> None:
    assert ask(handler) == expected


def test_who_is_late_is_not_waited_for() -> None:
    assert ask(never, 0.3) == "it did not answer within 0.3 s."


def test_the_query_is_sent_as_a_form_without_any_credentials() -> None:
    seen: list[tuple[str, Object, str | None]] = []

    async def query(request: web.Request) -> web.StreamResponse:
        seen.append((request.method, dict(await request.post()), request.headers.get("Authorization")))
        return await vector(SERIES)(request)

    assert ask(query) == 0.25
    assert seen == [("POST", {"query": "sum(up) + 1", "timeout": "4s"}, None)]


def test_the_token_is_read_anew_each_time(tmp_path: Path) -> None:
    token, seen = tmp_path / "token", list[str | None]()

    async def query(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return await vector(SERIES)(request)

    for content in ("one\n", "two"):
        token.write_text(content)
        assert ask(query, token_file=str(token)) == 0.25
    assert seen == ["Bearer one", "Bearer two"]
    token.unlink()
    assert ask(query, token_file=str(token)) == (
        "the operator's token for Prometheus cannot be read: No such file or directory."
    )
    token.write_text("a\r\nX-Injected: b")
    assert str(ask(query, token_file=str(token))).startswith("Forbidden control character")
    assert len(seen) == 2


def test_without_a_prometheus_the_remedy_is_told() -> None:
    async def main() -> str:
        async with new_session() as session:
            with pytest.raises(NoAnswerError) as raised:
                await Prometheus(session, "").ask("1")
            return str(raised.value)

    assert asyncio.run(main()) == NOT_SET_UP
