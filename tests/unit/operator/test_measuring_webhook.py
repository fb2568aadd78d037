"""Webhooks, asked over real HTTP: what is sent, who may be asked, and what of an answer counts."""

import asyncio
import json
import ssl
import zlib
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from onnx_operator.measure import Hook, Opinion
from onnx_operator.measuring.exchange import LONGEST_ANSWER, NoAnswerError, new_session
from onnx_operator.measuring.webhook import Webhooks
from tests.cluster.certificates import Authority
from tests.unit.operator.other_servers import Handler, never, says, serving, text

Object = dict[str, Any]

AT = "2026-11-01T12:00:00.000000Z"
DOCUMENT: Object = {"namespace": "team", "model": "digits", "step": 1}


def ask(handler: Handler, timeout: int = 5, path: str = "judge") -> Opinion | str:
    """Return a webhook's opinion, or why it has none."""

    async def main() -> Opinion | str:
        async with serving(judge=handler, elsewhere=says({"verdict": "Pass"})) as host, new_session() as session:
            try:
                return await Webhooks(session, [host]).ask(Hook("mine", f"http://{host}/{path}", timeout), DOCUMENT, AT)
            except NoAnswerError as error:
                return str(error)

    return asyncio.run(main())


def test_it_is_told_of_the_rollout_and_nothing_of_ours_goes_along() -> None:
    seen: list[tuple[str, object, set[str]]] = []

    async def judge(request: web.Request) -> web.Response:
        seen.append((request.method, json.loads(await request.text()), {name.lower() for name in request.headers}))
        return web.json_response({"verdict": "Pass", "message": "all 40", "value": 0.25})

    assert ask(judge) == Opinion(AT, "Pass", "all 40", "0.25")
    headers = {"host", "accept", "accept-encoding", "user-agent", "content-type", "content-length"}
    assert seen == [("POST", {"check": "mine", **DOCUMENT}, headers)]


@pytest.mark.parametrize("verdict", ["Pass", "Fail", "Unknown"])
def test_each_verdict_is_taken(verdict: str) -> None:
    assert ask(says({"verdict": verdict})) == Opinion(AT, verdict, "", None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (says({"verdict": "Pass"}, 500), "it answered 500."),
        (says({"verdict": "Pass"}, 201), "it answered 201."),
        (text("<html>"), "it answered 200 with what is no JSON."),
        (text(""), "it answered 200 with what is no JSON."),
        (text("[" * 5000), "it answered 200 with what is no JSON."),
        (says([]), "its answer is no JSON object."),
        (says({}), 'its answer has no "verdict" that is "Pass", "Fail" or "Unknown".'),
        (says({"verdict": "pass"}), 'its answer has no "verdict" that is "Pass", "Fail" or "Unknown".'),
        (says({"verdict": ["Pass"]}), 'its answer has no "verdict" that is "Pass", "Fail" or "Unknown".'),
        (says({"verdict": "Pass", "value": True}), "its message must be a text, its value a text or a number."),
        (says({"verdict": "Pass", "message": {}}), "its message must be a text, its value a text or a number."),
        (says({"verdict": "Pass", "x": "y" * LONGEST_ANSWER}), f"the answer is longer than {LONGEST_ANSWER} bytes."),
        (text("", 302, Location="/elsewhere"), "it answered 302: redirects are not followed."),
        (text("", 307, Location="http://169.254.169.254/"), "it answered 307: redirects are not followed."),
    ],
)
def test_what_is_no_answer_says_why(handler: Handler, why: str) -> None:
    assert ask(handler) == why


def test_who_is_late_is_not_waited_for() -> None:
    assert ask(never, 1) == "it did not answer within 1 s."


def test_an_answer_that_grows_when_it_is_unpacked_is_not_unpacked() -> None:
    packed = zlib.compress(json.dumps({"verdict": "Pass", "x": "y" * 10_000_000}).encode())
    assert len(packed) < LONGEST_ANSWER

    async def bomb(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "deflate"})

    assert ask(bomb) == "it answered 200 with what is no JSON."


def test_long_words_are_cut_and_made_one_line() -> None:
    found = ask(says({"verdict": "Fail", "message": "a\n\x1b[31mb\x00" + "c" * 1000, "value": "v" * 100}))
    assert isinstance(found, Opinion)
    assert found.message == "a [31mb " + "c" * 292 + "…"
    assert found.value == "v" * 40 + "…"


def test_by_tls_only_trusted_certificates_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority = Authority(tmp_path, "our-ca")
    pair = authority.server("hook", "hook", ["127.0.0.1"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)

    async def main(ca_file: str) -> Opinion | str:
        async with serving(tls, judge=says({"verdict": "Pass"})) as host, new_session(ca_file) as session:
            try:
                return await Webhooks(session, [host]).ask(Hook("mine", f"https://{host}/judge", 5), DOCUMENT, AT)
            except NoAnswerError as error:
                return str(error)

    assert asyncio.run(main(str(authority.pair.certificate))) == Opinion(AT, "Pass")
    assert "CERTIFICATE_VERIFY_FAILED" in str(asyncio.run(main("")))
    assert not caplog.records
    assert "CERTIFICATE_VERIFY_FAILED" in str(asyncio.run(main(str(tmp_path / "missing.crt"))))
    assert "cannot be read" in caplog.text


def test_nobody_listens() -> None:
    async def main() -> str:
        async with serving() as host:
            gone = host
        async with new_session() as session:
            with pytest.raises(NoAnswerError) as raised:
                await Webhooks(session, [gone]).ask(Hook("mine", f"http://{gone}/judge", 5), DOCUMENT, AT)
        return str(raised.value)

    assert asyncio.run(main()).startswith("it cannot be asked: Cannot connect to host")


@pytest.mark.parametrize(
    ("url", "hosts", "allowed"),
    [
        ("https://hooks.example/judge", ["hooks.example"], True),
        ("https://HOOKS.example/judge", ["hooks.Example"], True),
        ("https://hooks.example/judge", ["hooks.example:443"], True),
        ("http://hooks.example/judge", ["hooks.example"], True),
        ("http://hooks.example/judge", ["hooks.example:443"], False),
        ("http://hooks.example:8080/judge", ["hooks.example"], False),
        ("http://hooks.example:8080/judge", ["hooks.example:8080"], True),
        ("http://hooks.example:80/judge", ["hooks.example"], True),
        ("http://[fd00::1]:8080/judge", ["[fd00::1]:8080"], True),
        ("http://127.0.0.1:8080/judge", ["hooks.example:8080"], False),
        ("http://2130706433:8080/judge", ["127.0.0.1:8080"], False),
        ("http://not.hooks.example/judge", ["hooks.example"], False),
        ("http://hooks.example.evil.test/judge", ["hooks.example"], False),
        ("http://hooks.example@evil.test/judge", ["hooks.example"], False),
        ("http://hooks.example:80@evil.test/judge", ["hooks.example"], False),
        ("http://me:secret@hooks.example/judge", ["hooks.example"], False),
        ("http://evil.test#@hooks.example/judge", ["hooks.example"], False),
        ("http://evil.test\\@hooks.example/judge", ["hooks.example"], False),
        ("http://evil.test/?hooks.example", ["hooks.example"], False),
        ("http://hooks.example:99999/judge", ["hooks.example"], False),
        ("ftp://hooks.example/judge", ["hooks.example"], False),
        ("https:///judge", ["hooks.example"], False),
        ("https://hooks.example/judge", [], False),
    ],
)
def test_only_hosts_that_the_settings_name_are_asked(url: str, hosts: list[str], allowed: bool) -> None:
    async def main() -> str | None:
        async with new_session() as session:
            return Webhooks(session, hosts).refusal(url)

    assert (asyncio.run(main()) is None) is allowed


def test_a_host_that_may_not_be_asked_is_not_and_the_remedy_is_told() -> None:
    asked: list[str] = []

    async def judge(_: web.Request) -> web.Response:
        asked.append("judge")
        return web.json_response({"verdict": "Pass"})

    async def main() -> str:
        async with serving(judge=judge) as host, new_session() as session:
            with pytest.raises(NoAnswerError) as raised:
                await Webhooks(session, ["hooks.example"]).ask(Hook("mine", f"http://{host}/judge", 5), DOCUMENT, AT)
            return str(raised.value).removeprefix(host)

    assert asyncio.run(main()) == " may not be asked: add it to analysis.webhookHosts of the operator's chart."
    assert not asked
