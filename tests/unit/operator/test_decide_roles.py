from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from onnx_operator import names
from onnx_operator.api.rollout import Rollout
from onnx_operator.decide.roles import Plan, plan, replaces
from onnx_operator.frozen.rendering import Defaults
from tests.unit.operator.situations import (
    EARLIER,
    NOW,
    SIGNATURE,
    digest,
    loading_pod,
    name_of,
    observed,
    ready_pod,
    revision,
    spec,
)

V1, V2, V3 = (f"s3://models/digits/{n}/" for n in (1, 2, 3))
HISTORY_LIMIT = Rollout().revisionHistoryLimit
STAMP = "2026-11-01T12:00:00.000000Z"


def roles(made: Plan) -> dict[str, tuple[str, int]]:
    return {planned.revision.name: (planned.role, planned.replicas) for planned in made.revisions}


def test_the_first_revision_starts_with_one_pod_until_its_bytes_are_pinned() -> None:
    asked = spec(V1, 3)
    made = plan(observed(asked))
    assert roles(made) == {name_of(asked): ("Candidate", 1)}
    assert (made.stable, made.serving, made.candidate) == (None, name_of(asked), name_of(asked))
    (only,) = made.revisions
    assert only.revision.number == 1
    assert only.revision.digest is None
    assert only.revision.data["declared"] == {"model": {"uri": V1}}


def test_the_first_pods_digest_is_pinned_and_then_the_revision_grows() -> None:
    asked = spec(V1, 3)
    first = revision(asked, pinned=None)
    made = plan(observed(asked, first, pods={first.name: (loading_pod(),)}))
    assert made.planned(first.name).revision.digest == digest()
    assert roles(made) == {first.name: ("Candidate", 3)}


def test_a_declared_digest_needs_no_pinning() -> None:
    asked = spec(V1, 3, model={"sha256": "0" * 64})
    made = plan(observed(asked))
    assert roles(made) == {name_of(asked): ("Candidate", 3)}
    assert made.revisions[0].revision.digest == "sha256:" + "0" * 64


def test_a_digest_is_learnt_once() -> None:
    asked = spec(V1)
    first = revision(asked, pinned="a")
    made = plan(observed(asked, first, pods={first.name: (loading_pod(what="b"),)}))
    assert made.planned(first.name).revision.digest == digest("a")


def test_the_first_revision_serves_with_its_first_ready_pod() -> None:
    asked = spec(V1, 3)
    first = revision(asked)
    made = plan(observed(asked, first, pods={first.name: (ready_pod(), loading_pod("q"))}))
    assert (made.stable, made.candidate) == (first.name, None)
    assert made.planned(first.name).revision.promoted_at == STAMP


def test_nothing_serves_before_it_is_pinned() -> None:
    asked = spec(V1)
    first = revision(asked, pinned=None)
    mute = ready_pod()
    mute["status"]["initContainerStatuses"] = []
    assert plan(observed(asked, first, pods={first.name: (mute,)})).stable is None


def updating(ready: int, replicas: int = 2, pinned: str | None = "b") -> Plan:
    old, new = spec(V1, replicas), spec(V2, replicas)
    stable, candidate = revision(old, 1, EARLIER), revision(new, 2, pinned=pinned)
    pods = {candidate.name: (*(ready_pod(f"p{n}", "b") for n in range(ready)), loading_pod("last", "b"))}
    return plan(observed(new, stable, candidate, pods=pods))


def test_a_new_version_takes_over_with_all_its_pods_and_not_before() -> None:
    old, new = name_of(spec(V1)), name_of(spec(V2))
    assert roles(updating(0)) == {new: ("Candidate", 2), old: ("Stable", 2)}
    assert roles(updating(1)) == {new: ("Candidate", 2), old: ("Stable", 2)}
    made = updating(2)
    assert roles(made) == {new: ("Stable", 2), old: ("Retired", 0)}
    assert (made.serving, made.candidate) == (new, None)


def test_a_new_version_that_is_not_pinned_has_one_pod_beside_the_old_ones() -> None:
    old, new = spec(V1, 5), spec(V2, 5)
    made = plan(observed(new, revision(old, 1, EARLIER), revision(new, 2, pinned=None)))
    assert roles(made) == {name_of(new): ("Candidate", 1), name_of(old): ("Stable", 5)}


def test_that_clients_are_led_to_another_revision_is_known_beforehand() -> None:
    old, new = spec(V1), spec(V2)
    stable, candidate = revision(old, 1, EARLIER), revision(new, 2)
    entry = {("Service", "digits"): {"spec": {"selector": names.revision_selector("digits", stable.name)}}}
    waiting = observed(new, stable, candidate, owned=entry)
    ready = replace(waiting, pods={candidate.name: (ready_pod(),)})
    first = replace(ready, owned={})
    assert [replaces(seen, plan(seen)) for seen in (waiting, ready, first)] == [False, True, False]


def test_a_first_version_that_is_ready_serves_though_the_spec_has_moved_on() -> None:
    old, new = spec(V1, 2), spec(V2, 2)
    first, second = revision(old, 1), revision(new, 2, pinned=None)
    seen = observed(new, first, second, pods={first.name: (ready_pod(),)})
    assert roles(plan(seen)) == {second.name: ("Candidate", 1), first.name: ("Stable", 2)}
    both = replace(seen, pods={**seen.pods, second.name: (ready_pod("q", "b"),)})
    assert plan(both).stable == second.name, "what the spec asks for comes first"


def test_the_same_observation_gives_the_same_plan() -> None:
    asked = spec(V1, 2)
    first = revision(asked)
    seen = observed(asked, first, pods={first.name: (ready_pod(),)})
    assert plan(seen) == plan(seen)


def test_a_third_version_supersedes_the_second_that_never_served() -> None:
    first, second, third = spec(V1, 2), spec(V2, 2), spec(V3, 2)
    made = plan(observed(third, revision(first, 1, EARLIER), revision(second, 2)))
    assert roles(made) == {
        name_of(third): ("Candidate", 1),
        name_of(second): ("Retired", 0),
        name_of(first): ("Stable", 2),
    }
    assert made.planned(name_of(third)).revision.number == 3


def test_going_back_to_the_version_that_serves_only_drops_the_candidate() -> None:
    old, new = spec(V1, 2), spec(V2, 2)
    made = plan(observed(old, revision(old, 1, EARLIER), revision(new, 2)))
    assert roles(made) == {name_of(new): ("Retired", 0), name_of(old): ("Stable", 2)}
    assert made.candidate is None


def test_going_back_to_an_earlier_version_uses_what_it_froze() -> None:
    old, new = spec(V1, 2), spec(V2, 2)
    first, second = revision(old, 1, EARLIER), revision(new, 2, "2026-11-01T11:30:00.000000Z", "b")
    seen = observed(old, first, second, defaults=Defaults("example.test/server:2", 99))
    made = plan(seen)
    assert roles(made) == {name_of(new): ("Stable", 2), name_of(old): ("Candidate", 2)}
    coming = replace(made.planned(first.name).revision, rollout=None)
    assert coming == first, "neither a new image nor a new number nor a new digest"
    back = plan(replace(seen, pods={first.name: (ready_pod("p"), ready_pod("q"))}))
    assert back.stable == first.name


def test_a_live_field_changes_no_revision() -> None:
    first = revision(spec(V1, 2), 1, EARLIER)
    made = plan(observed(spec(V1, 7), first))
    assert roles(made) == {first.name: ("Stable", 7)}


def test_suspended_keeps_everything_but_the_pods() -> None:
    old, new = spec(V1, 2), spec(V2, 2, state="Suspended")
    stable, candidate = revision(old, 1, EARLIER), revision(new, 2)
    made = plan(observed(new, stable, candidate, pods={candidate.name: (ready_pod("p"), ready_pod("q"))}))
    assert roles(made) == {candidate.name: ("Candidate", 0), stable.name: ("Stable", 0)}
    assert made.serving == stable.name, "nothing is promoted meanwhile"


def test_only_the_last_revisions_are_kept() -> None:
    asked = [spec(f"s3://m/{n}/") for n in range(HISTORY_LIMIT + 3)]
    made_of = [
        revision(one, n + 1, (NOW - timedelta(hours=50 - n)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        for n, one in enumerate(asked)
    ]
    made = plan(observed(asked[-1], *made_of))
    assert made.discarded == (made_of[1].name, made_of[0].name)
    assert len(made.revisions) == HISTORY_LIMIT + 1
    assert not {planned.revision.name for planned in made.revisions} & set(made.discarded)


def test_what_served_last_is_kept_rather_than_what_never_served() -> None:
    serving = revision(spec(V1), 1, EARLIER)
    never = [revision(spec(f"s3://m/{n}/"), n + 2) for n in range(HISTORY_LIMIT)]
    asked = spec(V2)
    new = revision(asked, 99)
    made = plan(observed(asked, serving, *never, new, pods={new.name: (ready_pod(),)}))
    assert made.stable == new.name
    assert serving.name not in made.discarded, "it served a moment ago: the best way back"
    assert made.discarded == (never[0].name,)


def test_a_clock_that_goes_back_does_not_turn_the_order_of_promotions() -> None:
    old, new = spec(V1), spec(V2)
    future = "2027-01-01T00:00:00.000000Z"
    stable, candidate = revision(old, 1, future), revision(new, 2)
    seen = observed(new, stable, candidate, pods={candidate.name: (ready_pod(),)}, now=datetime(2020, 1, 1, tzinfo=UTC))
    made = plan(seen)
    assert made.stable == candidate.name
    assert made.planned(candidate.name).revision.promoted_at == "2027-01-01T00:00:00.000001Z"


def test_the_signature_is_learnt_once() -> None:
    first = revision(spec(V1), 1, EARLIER)
    reported = {first.name: {"signature": SIGNATURE}}
    learnt = plan(observed(spec(V1), first, reported=reported)).planned(first.name).revision
    assert learnt.signature == SIGNATURE
    again = plan(observed(spec(V1), learnt, reported={first.name: {"signature": {"inputs": [], "outputs": []}}}))
    assert again.planned(first.name).revision.signature == SIGNATURE


@pytest.mark.parametrize("facts", [{}, {"signature": None}, {"signature": "x"}, {"signature": {"inputs": 1}}])
def test_a_server_that_answers_nonsense_is_as_one_that_does_not_answer(facts: dict[str, object]) -> None:
    first = revision(spec(V1), 1, EARLIER)
    assert plan(observed(spec(V1), first, reported={first.name: facts})).planned(first.name).revision == first


def test_revisions_are_written_in_the_order_in_which_they_matter() -> None:
    old, new = spec(V1, 2), spec(V3, 2)
    made = plan(observed(new, revision(old, 1, EARLIER), revision(spec(V2), 2)))
    assert [planned.role for planned in made.serving_first()] == ["Stable", "Candidate", "Retired"]
