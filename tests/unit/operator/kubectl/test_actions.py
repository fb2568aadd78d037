"""Which revision an action is about."""

import pytest

from onnx_operator.kubectl.actions import target
from onnx_operator.kubectl.problems import ProblemError
from tests.unit.operator.kubectl.recorded_states import model, revisions


@pytest.mark.parametrize(
    ("verb", "state", "said"),
    [
        ("promote", "healthy", "not being rolled out"),
        ("promote", "aborted", "The rollout of digits-bq24cmd5fz was aborted"),
        ("pause", "suspended", "not being rolled out"),
        ("retry", "healthy", "No revision of digits was rejected"),
        ("rollback", "progressing", "digits-bq24cmd5fz is being rolled out, and digits-hzbw5b6dxn still serves"),
        ("refresh", "unseen", "digits has no revision yet"),
    ],
)
def test_nothing_can_be_meant(verb: str, state: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        target(verb, model(state), revisions(), None)


@pytest.mark.parametrize("verb", ["retry", "refresh"])
@pytest.mark.parametrize("state", ["aborted", "rolling-back", "rolled-back"])
def test_a_rejected_revision_is_still_what_the_spec_asks_for(verb: str, state: str) -> None:
    assert target(verb, model(state), [], None) == "digits-bq24cmd5fz"


def test_a_retry_of_what_the_spec_no_longer_asks_for_has_to_be_named() -> None:
    back = model("healthy")
    back["status"]["rejected"] = [{"revision": "digits-7wz2kxq9bd", "reason": "X", "message": "x.", "at": ""}]
    with pytest.raises(ProblemError, match="asks for digits-bq24cmd5fz, which was not rejected; digits-7wz2kxq9bd was"):
        target("retry", back, [], None)
    assert target("retry", back, [], "digits-7wz2kxq9bd") == "digits-7wz2kxq9bd"


def test_what_is_stalled_for_another_reason_is_not_what_was_rejected_once() -> None:
    stalled = model("stalled")
    stalled["status"]["rejected"] = [{"revision": "digits-7wz2kxq9bd", "reason": "X", "message": "x.", "at": ""}]
    with pytest.raises(ProblemError, match="asks for digits-r4gj2dq4zj"):
        target("retry", stalled, [], None)


def test_the_way_back_leads_to_what_served_last() -> None:
    assert target("rollback", model("healthy"), revisions(), None) == "digits-hzbw5b6dxn"


def test_the_way_back_never_leads_to_what_was_rejected() -> None:
    healthy = model("healthy")
    healthy["status"]["rejected"] = [{"revision": "digits-hzbw5b6dxn", "reason": "X", "message": "x.", "at": ""}]
    assert target("rollback", healthy, revisions(), None) == "digits-7wz2kxq9bd"


def test_an_aborted_rollout_does_not_stand_in_the_way_back() -> None:
    assert target("rollback", model("aborted"), revisions(), None) == "digits-7wz2kxq9bd"


def test_there_may_be_no_way_back() -> None:
    with pytest.raises(ProblemError, match="No other revision of digits has served before"):
        target("rollback", model("healthy"), revisions()[:1], None)
