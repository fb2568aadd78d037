"""One forwarded request: whatever happens in whatever order, one answer, and the right one is blamed."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.traffic.arms import FAILURES
from onnx_server.traffic.forward import GRACE_SECONDS, TURN_SECONDS, Forward
from onnx_server.traffic.message import Answer
from onnx_server.traffic.outcome import Outcome, failure_of
from onnx_server.traffic.preview import PREVIEW_SECONDS, Preview
from tests.unit.server.traffic.timers import Timers

DELAY = 0.1


class Story:
    """A client, a candidate, and what was told of them. `own_status` set: the own answer is there at once."""

    def __init__(self, own_status: int | None = None) -> None:
        self.timers = Timers()
        self.own_status = own_status
        self.began = 0
        self.sent: list[str] = []
        self.told: list[Outcome] = []
        self.cancelled = 0
        self.forward = Forward(self, self.told.append, self.timers.later)
        self.forward.begin(self, DELAY)

    def run(self) -> None:
        self.began += 1
        if self.own_status is not None:
            self.own(self.own_status)

    def own(self, status: int) -> None:
        self.forward.own(status, self._sender(f"own {status}"))

    def _sender(self, what: str) -> Callable[[], None]:
        return lambda: self.sent.append(what)

    def forwarded(self, answer: Answer) -> None:
        self.sent.append(f"candidate {answer.status}")

    def unreachable(self, message: str) -> None:
        self.sent.append(message)

    def cancel(self) -> None:
        self.cancelled += 1

    def wait(self) -> None:
        """Let the candidate be late."""
        self.timers.pass_(DELAY)
        self.timers.pass_(TURN_SECONDS)

    def answer(self, status: int) -> "Story":
        self.forward.answered(Answer(status, (), (b"",)))
        return self


def test_the_candidate_answers() -> None:
    story = Story().answer(200)
    story.timers.pass_(10)
    assert (story.sent, story.told, story.began) == (["candidate 200"], ["answered"], 0)
    assert story.timers.pending == 0


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (500, "serverError"),
        (502, "serverError"),
        (503, "overloaded"),
        (504, "late"),
        (400, "clientError"),
        (302, "clientError"),
    ],
)
def test_another_answer_is_a_failure_and_this_pod_answers(status: int, failure: str) -> None:
    story = Story(own_status=200).answer(status)
    assert (story.sent, story.told) == (["own 200"], [failure])


@pytest.mark.parametrize("failure", ["refused", "reset"])
def test_no_answer_is_a_failure_and_this_pod_answers(failure: str) -> None:
    story = Story()
    story.forward.failed("refused" if failure == "refused" else "reset")
    assert (story.began, story.sent) == (1, [])
    story.own(200)
    assert (story.sent, story.told) == (["own 200"], [failure])


def test_an_error_that_this_pod_answers_with_too_is_the_clients() -> None:
    story = Story(own_status=400).answer(400)
    assert (story.sent, story.told) == (["own 400"], ["bothRefused"])
    story = Story(own_status=500).answer(500)
    assert (story.sent, story.told) == (["own 500"], ["serverError"])


def test_a_late_candidate_is_overtaken() -> None:
    story = Story()
    story.wait()
    assert (story.began, story.told) == (1, [])
    story.own(200)
    assert (story.sent, story.told, story.cancelled) == (["own 200"], ["late"], 1)
    story.answer(200)
    assert story.sent == ["own 200"]


def test_what_came_while_the_loop_was_held_up_is_not_late() -> None:
    story = Story(own_status=200)
    story.timers.pass_(10 * DELAY)
    assert story.began == 0
    story.answer(200)
    assert (story.sent, story.told) == (["candidate 200"], ["answered"])


def test_a_late_candidate_may_still_be_first() -> None:
    story = Story()
    story.wait()
    story.answer(200)
    story.own(200)
    assert (story.sent, story.told) == (["candidate 200"], ["answered"])


def test_an_own_failure_waits_a_little_for_the_late_candidate() -> None:
    story = Story(own_status=503)
    story.wait()
    assert story.sent == []
    assert story.answer(200).sent == ["candidate 200"]
    story = Story(own_status=503)
    story.wait()
    story.timers.pass_(GRACE_SECONDS)
    assert (story.sent, story.told) == (["own 503"], ["late"])
    story = Story(own_status=503)
    story.wait()
    assert story.answer(500).sent == ["own 503"]
    assert story.told == ["serverError"]


def test_a_client_that_leaves_takes_the_request_with_it() -> None:
    story = Story()
    story.forward.leave()
    assert (story.sent, story.told, story.cancelled, story.timers.pending) == ([], ["left"], 1, 0)
    story = Story().answer(500)
    story.forward.leave()
    assert (story.sent, story.told) == ([], ["serverError"])


events = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.sampled_from([200, 200, 400, 500, 503, 504])),
        st.tuples(st.just("own"), st.sampled_from([200, 400, 500, 503])),
        st.tuples(st.just("failed"), st.just(0)),
        st.tuples(st.just("time"), st.integers(1, 20)),
        st.tuples(st.just("leave"), st.just(0)),
    ),
    max_size=8,
)


@given(events, st.sampled_from([None, 200, 400, 500]))
def test_one_answer_whatever_happens(events: list[tuple[str, int]], own_status: int | None) -> None:
    story = Story(own_status)
    candidate_done = own_done = left = False
    for event, value in events:
        if event == "answer" and not candidate_done:
            candidate_done = True
            story.answer(value)
        elif event == "failed" and not candidate_done:
            candidate_done = True
            story.forward.failed("reset")
        elif event == "own" and story.began and not own_done and own_status is None:
            own_done = True
            story.own(value)
        elif event == "time":
            story.timers.pass_(value / 10)
        elif event == "leave":
            left = True
            story.forward.leave()
            break
    if not left:
        story.wait()
        if story.began and not own_done and own_status is None:
            story.own(200)
        story.timers.pass_(GRACE_SECONDS)
    assert story.began <= 1
    assert len(story.sent) <= 1 if left else len(story.sent) == 1
    assert len(story.told) == 1
    assert story.forward.over
    assert story.timers.pending == 0
    if story.sent and story.sent[0].startswith("candidate"):
        assert story.sent == ["candidate 200"]
        assert story.told == ["answered"]
    if story.sent == ["own 200"]:
        assert story.told[0] in FAILURES


def test_every_status_has_a_name() -> None:
    assert {failure_of(status) for status in range(201, 600)} == {"clientError", "serverError", "overloaded", "late"}


class Previewed(Story):
    def __init__(self) -> None:
        self.timers = Timers()
        self.sent, self.told, self.cancelled, self.began = [], [], 0, 0
        self.preview = Preview(self, self.told.append, self.timers.later)
        self.preview.begin(self)


def test_a_tester_sees_what_the_candidate_says() -> None:
    for status, outcome in ((200, "answered"), (400, "clientError"), (500, "serverError")):
        tester = Previewed()
        tester.preview.answered(Answer(status, (), (b"",)))
        assert (tester.sent, tester.told, tester.began) == ([f"candidate {status}"], [outcome], 0)
        assert tester.timers.pending == 0


def test_a_tester_hears_why_there_is_no_answer() -> None:
    tester = Previewed()
    tester.preview.failed("refused")
    assert tester.sent == ["the candidate's pod cannot be reached"]
    tester = Previewed()
    tester.timers.pass_(PREVIEW_SECONDS)
    assert "300 s" in tester.sent[0]
    assert (tester.told, tester.cancelled) == (["late"], 1)
    tester = Previewed()
    tester.preview.leave()
    tester.preview.failed("reset")
    assert (tester.sent, tester.told) == ([], ["left"])
