"""Connections to a candidate's pod, which is a real socket: kept, bounded, renewed, and never mixed up."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from onnx_server.traffic import candidate as module
from onnx_server.traffic.candidate import Ask, Candidate
from onnx_server.traffic.message import Answer, Request
from onnx_server.traffic.split import Address
from tests.contract.scripted_pod import Behaviour, scripted_pod

REQUEST = Request(b"POST /v2/models/m/infer HTTP/1.1\r\ncontent-type: application/json\r\n", b'{"x": 1}')


@dataclass
class Heard:
    """A listener."""

    heard: list[Answer | str] = field(default_factory=list)

    def answered(self, answer: Answer) -> None:
        self.heard.append(answer)

    def failed(self, failure: str) -> None:
        self.heard.append(failure)

    async def one(self) -> Answer | str:
        await until(lambda: bool(self.heard))
        assert len(self.heard) == 1
        return self.heard[0]


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.002)


def play(story: Callable[[Candidate], Coroutine[Any, Any, None]], port: int) -> None:
    """Run a story about the pod at `port`, and let its connections end."""

    async def main() -> None:
        candidate = Candidate(Address("uid", "127.0.0.1", port), b"digits-a")
        try:
            await story(candidate)
        finally:
            candidate.retire()
            await asyncio.sleep(0.02)  # transports close in the loop's next turns

    asyncio.run(main())


async def asked(candidate: Candidate, request: Request = REQUEST) -> Answer | str:
    listener = Heard()
    candidate.ask(request, listener)
    assert candidate.in_flight == 1
    answer = await listener.one()
    assert candidate.in_flight == 0
    return answer


def test_a_request_and_its_answer() -> None:
    async def story(candidate: Candidate) -> None:
        answer = await asked(candidate)
        assert isinstance(answer, Answer)
        assert (answer.status, answer.headers, answer.body) == (
            200,
            ((b"content-type", b"application/json"),),
            pod.body,
        )
        candidate.retire()
        await until(lambda: pod.open == 0)

    with scripted_pod() as pod:
        play(story, pod.port)
    (received,) = pod.received
    assert received.line == "POST /v2/models/m/infer HTTP/1.1"
    assert received.body == REQUEST.body
    assert received.headers == {
        "content-type": "application/json",
        "host": f"127.0.0.1:{pod.port}",
        "onnx-forwarded": "digits-a",
        "content-length": "8",
    }


def test_connections_are_kept_and_as_many_as_are_needed() -> None:
    async def story(candidate: Candidate) -> None:
        for _ in range(5):
            await asked(candidate)
        assert pod.connections == 1
        pod.delay = 0.2
        listeners = [Heard() for _ in range(4)]
        for listener in listeners:
            candidate.ask(REQUEST, listener)
        assert candidate.in_flight == 4
        for listener in listeners:
            assert isinstance(await listener.one(), Answer)
        assert pod.connections == 4
        candidate.retire()
        await until(lambda: pod.open == 0)

    with scripted_pod() as pod:
        play(story, pod.port)


def test_connections_are_bounded_and_the_rest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 3)

    async def story(candidate: Candidate) -> None:
        listeners = [Heard() for _ in range(30)]
        for listener in listeners:
            candidate.ask(REQUEST, listener)
        for listener in listeners:
            assert isinstance(await listener.one(), Answer)
        assert pod.connections == 3
        assert candidate.in_flight == 0

    with scripted_pod() as pod:
        pod.delay = 0.01
        play(story, pod.port)


def test_a_connection_that_ends_with_its_answer_is_not_used_again() -> None:
    async def story(candidate: Candidate) -> None:
        for _ in range(3):
            assert isinstance(await asked(candidate), Answer)
        assert pod.connections == 3

    with scripted_pod("close") as pod:
        play(story, pod.port)


def test_a_stale_connection_is_not_the_candidates_fault() -> None:
    """The pod closes after each answer without saying so; sometimes the next request is under way by then."""

    async def story(candidate: Candidate) -> None:
        for round_ in range(60):
            assert isinstance(await asked(candidate), Answer), round_

    with scripted_pod("shut") as pod:
        play(story, pod.port)


def test_a_reset_is_tried_again_once_and_only_on_a_used_connection() -> None:
    async def story(candidate: Candidate) -> None:
        assert isinstance(await asked(candidate), Answer)
        pod.behaviour = "reset"
        assert await asked(candidate) == "reset"
        assert len(pod.received) == 3
        assert await asked(candidate) == "reset"
        assert len(pod.received) == 4

    with scripted_pod() as pod:
        play(story, pod.port)


@pytest.mark.parametrize("behaviour", ["half", "garbage", "twice"])
def test_what_is_no_answer_is_a_reset(behaviour: Behaviour) -> None:
    async def story(candidate: Candidate) -> None:
        for _ in range(3):
            assert await asked(candidate) == "reset"
        await until(lambda: pod.open == 0)
        assert len(pod.received) == 3

    with scripted_pod(behaviour) as pod:
        play(story, pod.port)


def test_chunks_and_interim_answers() -> None:
    async def story(candidate: Candidate) -> None:
        for _ in range(3):
            answer = await asked(candidate)
            assert isinstance(answer, Answer)
            assert (answer.status, answer.body) == (201, pod.body)
            assert answer.headers == ((b"content-type", b"application/json"),)
        assert pod.connections == 1

    with scripted_pod("chunked") as pod:
        pod.status = 201
        play(story, pod.port)


def test_large_bodies_both_ways() -> None:
    body = bytes(range(256)) * 40_000

    async def story(candidate: Candidate) -> None:
        answer = await asked(candidate, Request(REQUEST.head, body))
        assert isinstance(answer, Answer)
        assert answer.body == body[::-1]

    with scripted_pod() as pod:
        pod.body = body[::-1]
        play(story, pod.port)
    assert pod.received[0].body == body


def test_a_refusal_excludes_the_pod_for_a_second() -> None:
    async def story(candidate: Candidate) -> None:
        listeners = [Heard() for _ in range(3)]
        before = time.monotonic()
        for listener in listeners:
            candidate.ask(REQUEST, listener)
        for listener in listeners:
            assert await listener.one() == "refused"
        assert not candidate.reachable
        assert before + 1 <= candidate.excluded_until <= time.monotonic() + 1
        with scripted_pod(port=port):
            assert isinstance(await asked(candidate), Answer)
            assert candidate.reachable
            assert candidate.excluded_until == 0

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    play(story, port)


def test_a_node_that_does_not_answer_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.1)

    async def story(candidate: Candidate) -> None:
        assert await asked(candidate) == "refused"

    # A full backlog, so that the kernel drops what comes, as a network to a dead node does.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
        for _ in range(8):
            each = stack.enter_context(socket.socket())
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        time.sleep(0.05)
        play(story, full.getsockname()[1])


def test_a_cancelled_request_ends_the_candidates_work() -> None:
    async def story(candidate: Candidate) -> None:
        listener = Heard()
        under_way = candidate.ask(REQUEST, listener)
        await until(lambda: len(pod.received) == 1)
        under_way.cancel()
        under_way.cancel()
        assert candidate.in_flight == 0
        await until(lambda: pod.left == 1)
        waiting: Ask = candidate.ask(REQUEST, listener)
        waiting.cancel()
        assert candidate.in_flight == 0
        await asyncio.sleep(0.05)
        assert len(pod.received) == 1
        assert listener.heard == []

    with scripted_pod("hang") as pod:
        play(story, pod.port)


def test_a_retired_pod_answers_what_it_has() -> None:
    async def story(candidate: Candidate) -> None:
        listener = Heard()
        candidate.ask(REQUEST, listener)
        await until(lambda: len(pod.received) == 1)
        candidate.retire()
        assert isinstance(await listener.one(), Answer)
        await until(lambda: pod.open == 0)

    with scripted_pod() as pod:
        pod.delay = 0.1
        play(story, pod.port)


def test_idle_connections_are_left_before_the_other_side_closes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)

    async def story(candidate: Candidate) -> None:
        await asked(candidate)
        await asyncio.sleep(0.1)
        await asked(candidate)
        assert pod.connections == 2
        await until(lambda: pod.open == 1)

    with scripted_pod() as pod:
        play(story, pod.port)
