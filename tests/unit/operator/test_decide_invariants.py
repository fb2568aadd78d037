from dataclasses import replace

from onnx_operator.decide.invariants import violations
from onnx_operator.decide.roles import Plan, Planned, holds_entry, plan
from onnx_operator.desired.service import entry_service
from onnx_operator.observed import Observed
from tests.unit.operator.situations import EARLIER, digest, observed, ready_pod, revision, spec

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


def test_what_serves_is_not_deleted() -> None:
    made = replace(switched(Planned(CANDIDATE, "Stable", 2)), discarded=(STABLE.name,))
    assert broken(seen(2), made) == ["ServingIsKept"]
