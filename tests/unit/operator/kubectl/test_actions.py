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


def test_a_retry_of_what_the_spec_no_longer_asks_for_has_to_be_named() -> None:
    back = model("aborted")
    del back["status"]["candidateRevision"]
    with pytest.raises(ProblemError, match="asks for digits-hzbw5b6dxn, which was not rejected"):
        target("retry", back, [], None)
    assert target("retry", back, [], "digits-bq24cmd5fz") == "digits-bq24cmd5fz"


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
