from dataclasses import replace
from datetime import timedelta

from onnx_operator.api.status import RolloutStatus
from onnx_operator.decide.invariants import violations
from onnx_operator.decide.roles import Plan, Planned, holds_entry, plan
from onnx_operator.decide.times import STORED_FORMAT
from onnx_operator.desired.service import entry_service
from onnx_operator.observed import Observed
from onnx_operator.rollout import Address, Arm, Rejection, RolloutFacts, SplitOrder, SplitState
from tests.unit.operator.situations import EARLIER, NOW, digest, observed, ready_pod, revision, spec

OLD, NEW = spec("s3://models/digits/1/", 2), spec("s3://models/digits/2/", 2)
STABLE, CANDIDATE = revision(OLD, 1, EARLIER), revision(NEW, 2)


def seen(ready: int) -> Observed:
    pods = {
        STABLE.name: (ready_pod("a"), ready_pod("b")),
        CANDIDATE.name: tuple(ready_pod(f"n{i}") for i in range(ready)),
    }
    entry = {("Service", "digits"): entry_service(observed(NEW), STABLE.name)}
    return observed(NEW, STABLE, CANDIDATE, pods=pods, owned=entry)


def switched(*planned: Planned) -> Plan:
    return Plan(planned, CANDIDATE.name, CANDIDATE.name)


def broken(at: Observed, made: Plan) -> list[str]:
    return [violation.name for violation in violations(at, made)]


def test_our_own_plans_break_no_rule() -> None:
    for ready in range(3):
        assert broken(seen(ready), plan(seen(ready))) == []


def test_the_entry_is_held_until_what_it_is_to_lead_to_has_enough_ready_pods() -> None:
    made = switched(Planned(CANDIDATE, "Stable", 2), Planned(STABLE, "Retired", 0))
    assert [holds_entry(seen(ready), made) for ready in range(3)] == [True, True, False]
    assert broken(seen(0), made) == [], "the rest of the plan is what brings them"


def test_what_is_left_alone_breaks_no_rule() -> None:
    made = switched(Planned(CANDIDATE, "Stable", 0), Planned(STABLE, "Retired", 0))
    unmanaged = replace(seen(0), spec=spec("s3://models/digits/2/", state="Unmanaged"))
    assert broken(unmanaged, made) == []


def test_what_serves_has_pods() -> None:
    made = switched(Planned(CANDIDATE, "Stable", 0), Planned(STABLE, "Retired", 0))
    assert "ServingHasPods" in broken(seen(2), made)


def test_what_is_frozen_or_pinned_stays() -> None:
    other = replace(CANDIDATE, data={**CANDIDATE.data, "template": {}}, digest=digest("b"))
    made = switched(Planned(other, "Stable", 2), Planned(STABLE, "Retired", 0))
    assert broken(seen(2), made) == ["FrozenRevision", "PinnedDigest"]


def test_requests_are_forwarded_to_ready_pods_only() -> None:
    good = Address("uid-n0", "10.0.0.1")
    to = SplitOrder(1, CANDIDATE.name, 25, (good,))
    made = Plan((Planned(STABLE, "Stable", 2), Planned(CANDIDATE, "Candidate", 1)), CANDIDATE.name, STABLE.name)
    assert broken(seen(1), replace(made, orders={STABLE.name: to})) == []
    assert broken(seen(0), replace(made, orders={STABLE.name: to})) == ["WeightToReadyPods"]
    assert broken(seen(1), replace(made, orders={CANDIDATE.name: to})) == ["WeightToReadyPods"]
    taken_back = Planned(replace(CANDIDATE, rejected=Rejection("Aborted", "m", EARLIER)), "Rejected", 1)
    worse = replace(made, revisions=(made.revisions[0], taken_back), orders={STABLE.name: to})
    assert broken(seen(1), worse) == ["WeightToReadyPods"]


def test_what_is_forwarded_to_by_order_does_not_go_down() -> None:
    now = NOW.strftime(STORED_FORMAT)
    facts = RolloutFacts({}, EARLIER, generation=4, over=True, ordered_at=now)
    going = replace(CANDIDATE, rollout=facts)
    made = Plan((Planned(STABLE, "Stable", 2), Planned(going, "Retired", 0)), STABLE.name, STABLE.name)

    def told(weight: int) -> Observed:
        state = SplitState("", "b", 3, CANDIDATE.name, weight, weight, False, (), "", 0, Arm(), Arm())
        owned = {**seen(1).owned, ("Deployment", CANDIDATE.name): {"spec": {"replicas": 1}}}
        return replace(seen(1), owned=owned, splits={"uid-a": state, "uid-b": state})

    assert broken(told(25), made) == ["ForwardedToIsKept"]
    assert broken(told(0), made) == []
    assert broken(replace(told(25), now=NOW + timedelta(seconds=5)), made) == [], "it finds out by itself"


def test_only_a_rollout_that_makes_room_takes_all_pods_from_what_serves() -> None:
    made = Plan((Planned(STABLE, "Stable", 0), Planned(CANDIDATE, "Candidate", 1)), CANDIDATE.name, STABLE.name)
    assert broken(seen(1), made) == ["ServingHasPods"]
    told = RolloutStatus(
        phase="Preflight", strategy="Recreate", revision=CANDIDATE.name, step=0, steps=0, progress="0/0", weight=0,
        appliedWeight=0, startedAt=EARLIER, message="m",
    )  # fmt: skip
    assert broken(seen(1), replace(made, rollout=told)) == []


def test_what_serves_is_not_deleted() -> None:
    made = replace(switched(Planned(CANDIDATE, "Stable", 2)), discarded=(STABLE.name,))
    assert broken(seen(2), made) == ["ServingIsKept"]
