from dataclasses import replace

import pytest

from onnx_operator import names
from onnx_operator.decide.roles import Plan, plan
from onnx_operator.frozen.rendering import Defaults
from onnx_operator.observed import Observed, Revision
from tests.unit.operator.situations import EARLIER, digest, name_of, observed, ready_pod, revision, spec

ASKED = spec("s3://models/digits/1/")
STABLE = revision(ASKED, promoted_at=EARLIER)
OTHER = spec("s3://models/digits/2/")
PATCHED = Defaults("example.test/server:patched", 5)


def seen(action: str | None, *revisions: Revision, **more: object) -> Observed:
    pods = {STABLE.name: (ready_pod(),)}
    return observed(ASKED, *(revisions or (STABLE,)), action=action, pods=pods, defaults=PATCHED, **more)


def result(made: Plan) -> str:
    assert made.action is not None
    return made.action.result


def test_a_refresh_makes_a_revision_of_the_same_spec_with_todays_defaults() -> None:
    made = plan(seen(f"refresh@{STABLE.name}#1"))
    refreshed = made.planned(made.wanted)
    assert refreshed.role == "Candidate"
    assert refreshed.revision.number == 2
    assert refreshed.revision.data["declared"] == ASKED.frozen()
    images = {c["image"] for c in refreshed.revision.data["template"]["spec"]["containers"]}
    assert images == {"example.test/server:patched"}
    assert refreshed.revision.digest == digest(), "a refresh changes the server, not the model"
    assert made.stable == STABLE.name, "and the old one serves until the new one does"
    assert result(made) == "Accepted"


def test_a_refreshed_revision_stays_the_wanted_one_without_the_annotation() -> None:
    first = plan(seen(f"refresh@{STABLE.name}#1"))
    refreshed = first.planned(first.wanted).revision
    for action in (f"refresh@{STABLE.name}#1", None):
        later = plan(seen(action, STABLE, refreshed))
        assert later.wanted == refreshed.name
        assert len(later.revisions) == 2, "one request makes one revision"
    assert result(plan(seen(f"refresh@{STABLE.name}#1", STABLE, refreshed))) == "Accepted"


def test_a_refresh_can_be_refreshed() -> None:
    first = plan(seen(f"refresh@{STABLE.name}#1"))
    refreshed = first.planned(first.wanted).revision
    again = plan(seen(f"refresh@{refreshed.name}#1", STABLE, refreshed))
    assert again.wanted not in {STABLE.name, refreshed.name}
    assert again.planned(again.wanted).revision.number == 3


def test_a_way_back_to_an_older_spec_leads_to_its_refresh() -> None:
    first = plan(seen(f"refresh@{STABLE.name}#1"))
    refreshed = replace(first.planned(first.wanted).revision, promoted_at=EARLIER)
    newer = replace(revision(OTHER, 3, promoted_at=EARLIER.replace("11:00", "11:30")))
    assert plan(seen(None, STABLE, refreshed, newer)).wanted == refreshed.name


def test_a_refresh_that_is_forgotten_with_its_revision_does_not_come_alive() -> None:
    action = f"refresh@{STABLE.name}#1"
    first = plan(seen(action))
    refreshed = replace(first.planned(first.wanted).revision, promoted_at=EARLIER.replace("11:00", "11:10"))
    limit = {"strategy": "BlueGreen", "revisionHistoryLimit": 0}
    other = replace(revision(OTHER, 3, EARLIER.replace("11:00", "11:30")), signature=None)
    at = observed(spec(OTHER.model.uri, rollout=limit), refreshed, other, action=action)
    later = plan(replace(at, pods={other.name: (ready_pod(),)}))
    assert (later.discarded, result(later)) == ((refreshed.name,), "Accepted")
    left = tuple(planned.revision for planned in later.revisions)
    back = plan(seen(action, *left, STABLE))
    assert (back.wanted, result(back)) == (STABLE.name, "Accepted")


def test_a_refresh_that_was_ignored_does_not_come_alive() -> None:
    action = f"refresh@{STABLE.name}#1"
    made = plan(observed(OTHER, STABLE, action=action))
    back = plan(seen(action, *(planned.revision for planned in made.revisions)))
    assert (back.wanted, result(back)) == (STABLE.name, "Ignored")
    assert plan(seen(f"refresh@{STABLE.name}#2", *(p.revision for p in made.revisions))).wanted != STABLE.name


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("refresh@digits-other#1", "is not the revision that the spec asks for"),
        ("refresh", "is not an action"),
        ("refresh@#1", "is not an action"),
        ("", "is not an action"),
        (f"refresh@{STABLE.name}", "is not an action"),
        (f"refresh@{STABLE.name}#{'x' * 65}", "is not an action"),
        (f"explode@{STABLE.name}#1", "knows no action 'explode'"),
        ("ü" * 5000, "is not an action"),
    ],
)
def test_what_cannot_be_done_is_ignored_and_says_why(action: str, says: str) -> None:
    made = plan(seen(action))
    assert made.wanted == STABLE.name
    assert made.action is not None
    assert (made.action.result, says in made.action.message) == ("Ignored", True)
    assert len(made.action.message) < 400


def test_a_refresh_that_is_about_another_spec_is_stale() -> None:
    made = plan(observed(OTHER, STABLE, action=f"refresh@{STABLE.name}#1"))
    assert made.wanted == name_of(OTHER)
    assert result(made) == "Ignored"


def test_the_refreshed_names_differ_by_revision_and_nonce() -> None:
    made = {names.refreshed_name("digits", of, nonce) for of in ("digits-a", "digits-b") for nonce in ("1", "2")}
    assert len(made) == 4
