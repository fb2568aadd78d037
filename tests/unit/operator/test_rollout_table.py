"""Each rule of the table: when it applies, when it does not, and what it does. The page shows the same table."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import onnx_operator
from onnx_operator.decide.rollout.effects import Outcome
from onnx_operator.decide.rollout.sight import Sight, State
from onnx_operator.decide.rollout.steps import steps_of
from onnx_operator.decide.rollout.table import RULES, Rule, run
from onnx_operator.decide.times import stamp
from onnx_operator.evidence import Evidence, Output
from onnx_operator.observed import Revision
from onnx_operator.rollout import Address, Arm, Copies, RolloutFacts, SplitState
from tests.unit.operator.situations import (
    EARLIER,
    NOW,
    SIGNATURE,
    container,
    deployment,
    failed,
    observed,
    pod,
    ready_pod,
    revision,
    spec,
)

Object = dict[str, Any]

PAGE = (Path(onnx_operator.__file__).parents[2] / "docs" / "rollouts.md").read_text()
STEPS: Object = {"steps": [{"weight": 25}, {"pause": {"durationSeconds": 60}}, {"weight": 100}], "stepSeconds": 15}
OLD, NEW = spec("s3://m/1", 4), spec("s3://m/2", 4)
STABLE = replace(revision(OLD, 1, EARLIER), signature=SIGNATURE)
CANDIDATE = replace(revision(NEW, 2), signature=SIGNATURE)
LATER = replace(CANDIDATE, signature={**SIGNATURE, "outputs": []})
NO_NODE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no GPU."}


def ago(seconds: float) -> str:
    return stamp(NOW - timedelta(seconds=seconds))


COURSE = ago(60)
BLUE_GREEN: Object = {"strategy": "BlueGreen"}
RECREATE: Object = {"strategy": "Recreate"}


def facts(step: int, **more: Any) -> RolloutFacts:
    """Return the facts of a rollout that reached a step 30 seconds ago."""
    given: Object = {"step": step, "step_started_at": ago(30), "progress_at": ago(30), "progress": 99, "stable_size": 4,
                     "generation": 7, "ordered_at": ago(30)}  # fmt: skip
    return RolloutFacts(more.pop("rollout", STEPS), COURSE, **(given | more))


PREFLIGHT = facts(-1)
CAPACITY = facts(0)
WEIGHT = facts(0, weight=25)
JUDGING = facts(0, weight=25, weighted_at=ago(15))
PAUSED = facts(1, weight=25, paused="Step")
PROMOTING = facts(3, weight=100)
EACH: dict[State, RolloutFacts] = {
    State.PREFLIGHT: PREFLIGHT,
    State.CAPACITY: CAPACITY,
    State.WEIGHT: WEIGHT,
    State.JUDGING: JUDGING,
    State.PAUSED: PAUSED,
    State.PROMOTING: PROMOTING,
}


def split(n: int, generation: int = 7, applied: int = 25, requests: int = 1000, errors: int = 0) -> SplitState:
    return SplitState(
        f"uid-s{n}", "boot", generation, CANDIDATE.name, 25, applied, False, (Address("uid-c0", "10.0.0.1"),), "", 3,
        Arm(3000, 0), Arm(requests, errors, requests - errors, {"serverError": errors}),
        evidence=Evidence(COURSE, 3000, 0, requests, errors, compute={97: 500}, work={97: 500}),
    )  # fmt: skip


def copying(n: int, percent: int = 100, samples: int = 1000, *, right: bool = True) -> SplitState:
    """Return what a pod says in a step with a shadow: nothing is forwarded, and so much of it was copied."""
    agreed = samples if right else 0
    output = Output("y", "FP32", "scores", samples=samples, agreed=agreed, equal=agreed, changed=samples)
    pairs = {97: samples}
    seen = Evidence(COURSE, 4 * samples, 0, samples, 0, copies=samples, compute=pairs, work=pairs, outputs=(output,))
    told = split(n, applied=0, requests=0)
    return replace(told, weight=0, shadow=Copies(percent, samples, compared=samples), evidence=seen)


def seen(
    of: RolloutFacts,
    ready: int = 0,
    more: tuple[Object, ...] = (),
    stable: int = 4,
    splits: tuple[SplitState | None, ...] = (),
    candidate: Revision = CANDIDATE,
    action: str = "",
    **spec_fields: Any,
) -> Sight:
    """Return a rollout: so many ready pods of both, more pods of the candidate, what the stable ones say."""
    pods = {
        STABLE.name: tuple(ready_pod(f"s{n}") for n in range(stable)),
        CANDIDATE.name: (*(ready_pod(f"c{n}") for n in range(ready)), *more),
    }
    told = splits or tuple(replace(split(n, applied=0), weight=0, candidates=()) for n in range(stable))
    owned = {("Deployment", STABLE.name): deployment(stable)}
    at = observed(
        spec("s3://m/2", 4, **spec_fields), STABLE, candidate, pods=pods, owned=owned,
        splits={f"uid-s{n}": said for n, said in enumerate(told)},
    )  # fmt: skip
    return Sight(at, replace(candidate, rollout=of), STABLE, of, 8, action)


ALL = tuple(split(n) for n in range(4))
PENDING = pod("c-pending", conditions=(NO_NODE,))
BAD = pod("c-bad", init=(container("fetch", failed("ModelNotFound")),))
COPIED = tuple(copying(n) for n in range(4))
QUIET = tuple(copying(n, samples=0) for n in range(4))


def unjudged(what_then: str, waited: int) -> RolloutFacts:
    """Return the facts of a rollout that copies requests for so many seconds already."""
    analysis = {"maxWaitSeconds": 100, "whenInconclusive": what_then}
    rollout = {"steps": [{"shadow": {}}, {"weight": 25}], "stepSeconds": 15, "analysis": analysis}
    return facts(0, rollout=rollout, shadow=100, weighted_at=ago(waited))


LENDS: Object = {**STEPS, "capacity": {"whenNoCapacity": "ShrinkStable"}}

# Of each rule, in the table's order: where it is the first to apply, and where it just does not.
CASES: dict[str, tuple[Sight, Sight]] = {
    "somebody asks for `abort`": (seen(JUDGING, 1, splits=ALL, action="abort"), seen(JUDGING, 1, splits=ALL)),
    "a check fails": (
        seen(WEIGHT, 1, splits=(*ALL[:3], split(3, errors=400))),
        seen(WEIGHT, 1, splits=(*ALL[:3], split(3, errors=2))),
    ),
    "the signature breaks clients": (
        seen(PREFLIGHT, 1, candidate=LATER),
        seen(PREFLIGHT, 1, candidate=LATER, signature={"breaking": "Allow"}),
    ),
    "no progress for `progressDeadlineSeconds`": (
        seen(facts(-1, progress_at=ago(600))), seen(facts(-1, progress_at=ago(599))),
    ),
    "a pod knows a later generation, or another order of this one": (
        seen(WEIGHT, 1, splits=(*ALL[:3], split(3, generation=9))), seen(WEIGHT, 1, splits=(*ALL[:3], None)),
    ),
    "somebody asks for `promote`": (seen(PAUSED, 1, splits=ALL, action="promote"), seen(PAUSED, 1, splits=ALL)),
    "somebody asks for `pause`": (seen(JUDGING, 1, splits=ALL, action="pause"), seen(PREFLIGHT)),
    "somebody asks for `resume`, or the pause's time is over": (
        seen(replace(PAUSED, step_started_at=ago(60)), 1, splits=ALL),
        seen(replace(PAUSED, step_started_at=ago(59)), 1, splits=ALL),
    ),
    "a lent place did not help for 60 seconds": (
        seen(facts(0, rollout=LENDS, shrunk=1, shrunk_at=ago(60)), 0, (PENDING,), stable=3),
        seen(facts(0, rollout=LENDS, shrunk=1, shrunk_at=ago(59)), 0, (PENDING,), stable=3),
    ),
    "no node takes a pod, `ShrinkStable`, and a ready stable pod stays": (
        seen(facts(0, rollout=LENDS), 0, (PENDING,), stable=2), seen(facts(0, rollout=LENDS), 0, (PENDING,), stable=1),
    ),
    "it is ready and pinned, and its signature is known": (
        seen(PREFLIGHT, 1), seen(PREFLIGHT, 1, candidate=replace(CANDIDATE, signature=None)),
    ),
    "as many pods are ready as the weight needs": (
        seen(replace(CAPACITY, step=2, weight=25), 4, splits=ALL),
        seen(replace(CAPACITY, step=2, weight=25), 3, splits=ALL),
    ),
    "every ready stable pod has applied the weight and the shadow": (
        seen(WEIGHT, 1, splits=ALL), seen(WEIGHT, 1, splits=(*ALL[:3], split(3, applied=0))),
    ),
    "`stepSeconds` are over, no check holds, and the step's `minSamples` are there": (
        seen(JUDGING, 1, splits=ALL), seen(replace(JUDGING, weighted_at=ago(14)), 1, splits=ALL),
    ),
    "that is not so after `maxWaitSeconds` more, `whenInconclusive: Pause`": (
        seen(unjudged("Pause", 115), 1, splits=QUIET), seen(unjudged("Pause", 114), 1, splits=QUIET),
    ),
    "that is not so after `maxWaitSeconds` more, `whenInconclusive: Promote`": (
        seen(unjudged("Promote", 115), 1, splits=QUIET), seen(unjudged("Promote", 115), 1, splits=COPIED),
    ),
    "that is not so after `maxWaitSeconds` more, `whenInconclusive: Abort`": (
        seen(unjudged("Abort", 115), 1, splits=QUIET), seen(unjudged("Promote", 115), 1, splits=QUIET),
    ),
    "as many pods are ready as the stable revision needs, that has made room, and its signature is known": (
        seen(replace(PROMOTING, weight=25), 4, splits=ALL), seen(replace(PROMOTING, weight=25), 3, splits=ALL),
    ),
}  # fmt: skip


def rule_of(sight: Sight) -> Rule | None:
    return next((rule for rule in RULES if sight.state in rule.states and rule.holds(sight)), None)


def test_every_rule_has_a_case() -> None:
    assert list(CASES) == [rule.when for rule in RULES]


@pytest.mark.parametrize("when", CASES)
def test_a_rule_applies_when_the_table_says_so_and_not_otherwise(when: str) -> None:
    applies, does_not = CASES[when]
    found = rule_of(applies)
    assert found is not None
    assert found.when == when
    other = rule_of(does_not)
    assert other is None or other.when != when


@pytest.mark.parametrize("when", CASES)
def test_a_rule_leads_where_the_table_says(when: str) -> None:
    sight, _ = CASES[when]
    rule = next(rule for rule in RULES if rule.when == when)
    outcome = rule.carry_out(sight)
    then = replace(sight, facts=outcome.facts).state
    match rule.then:
        case State.ROLLING_BACK:
            assert outcome.rejection is not None
            assert (outcome.facts.over, outcome.facts.weight, outcome.facts.generation) == (True, 0, 8)
        case State.HANDING_OVER:
            assert outcome.promoted
        case "the same":
            assert then == sight.state
        case "the next step":
            assert outcome.facts.step == sight.facts.step + 1
        case named:
            assert then == named


@pytest.mark.parametrize("state", EACH)
def test_the_facts_say_the_state(state: State) -> None:
    assert seen(EACH[state]).state == state


@pytest.mark.parametrize("state", EACH)
def test_in_every_state_it_can_be_aborted_and_a_bad_pod_ends_it(state: State) -> None:
    aborted = run(seen(EACH[state], 1, splits=ALL, action="abort"))
    bad = run(seen(EACH[state], 1, (BAD,), splits=ALL))
    assert (reason(aborted), reason(bad)) == ("Aborted", "ModelNotFound")


@pytest.mark.parametrize("state", EACH)
def test_in_every_state_a_rollout_waits_where_nothing_is_seen(state: State) -> None:
    """No pods of the candidate, and stable pods that do not answer: nothing is decided on that."""
    quiet = seen(replace(EACH[state], weighted_at=ago(1) if state == State.JUDGING else ""), 0, splits=(None,) * 4)
    outcome = run(quiet)
    assert (outcome.rejection, outcome.promoted) == (None, False)
    assert replace(quiet, facts=outcome.facts).state == state


def reason(outcome: Outcome) -> str | None:
    return outcome.rejection.reason if outcome.rejection else None


def test_without_a_weight_to_be_told_a_look_goes_on_to_the_next_thing_that_has_to_be_seen() -> None:
    outcome = run(seen(PREFLIGHT, 1))
    assert (outcome.facts.step, outcome.facts.weight, outcome.facts.generation) == (0, 25, 8), "told in the same look"
    assert outcome.facts.weighted_at == ""


def test_a_revision_that_cannot_start_by_blue_green_is_left_to_try_until_the_deadline() -> None:
    assert run(seen(facts(-1, rollout=BLUE_GREEN), 0, (BAD,))).rejection is None
    late = run(seen(facts(-1, rollout=BLUE_GREEN, progress_at=ago(600), unready_since=ago(700)), 0, (BAD,)))
    assert reason(late) == "ProgressDeadlineExceeded"


@pytest.mark.parametrize(("policy", "ends"), [("Pause", None), ("ShrinkStable", None), ("Abort", "NoCapacity")])
def test_no_deadline_runs_while_no_node_takes_a_pod(policy: str, ends: str | None) -> None:
    rollout: Object = {**STEPS, "capacity": {"whenNoCapacity": policy}}
    waiting = facts(-1, rollout=rollout, progress_at=ago(9999), unready_since=ago(9999), stayed_small=True)
    assert reason(run(seen(waiting, 0, (PENDING,)))) == ends
    grows = replace(waiting, step=3, weight=100, unready_since="")
    assert reason(run(seen(grows, 2, (PENDING,)))) == ends, "not for the pods after the first one either"


@pytest.mark.parametrize(
    ("waiting", "ready"),
    [
        (facts(2, weight=25, progress_at=ago(9999)), 2),
        (facts(3, weight=100, progress_at=ago(9999)), 3),
        (facts(-1, rollout=BLUE_GREEN, progress_at=ago(9999)), 1),
    ],
    ids=["Capacity", "Promoting", "Preflight of all pods"],
)
def test_scale_out_after_the_first_ready_pod_never_counts_against_the_deadline(
    waiting: RolloutFacts, ready: int
) -> None:
    loading = pod("c-late", conditions=({"type": "PodScheduled", "status": "True"},))
    no_secret = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s3" not found'}}
    needs_a_secret = pod("c-late", init=(container("fetch", no_secret),))
    for more in ((), (loading,), (needs_a_secret,)):
        outcome = run(seen(waiting, ready, more, splits=ALL))
        assert (outcome.rejection, outcome.promoted, outcome.facts.step) == (None, False, waiting.step)


def test_the_deadline_begins_when_the_last_ready_pod_is_lost() -> None:
    waiting = facts(-1, rollout=BLUE_GREEN, progress_at=ago(9999))
    lost = run(seen(waiting, 0, (pod("c"),)))
    assert (lost.rejection, lost.facts.unready_since) == (None, stamp(NOW))
    late = seen(replace(waiting, unready_since=ago(600)), 0, (pod("c"),))
    assert reason(run(late)) == "ProgressDeadlineExceeded"


def test_a_pod_that_cannot_come_up_counts_against_the_deadline_beside_ready_ones() -> None:
    patient = facts(-1, rollout=BLUE_GREEN, progress_at=ago(600))
    assert reason(run(seen(patient, 2, (BAD,)))) == "ProgressDeadlineExceeded"
    assert run(seen(replace(patient, progress_at=ago(599)), 2, (BAD,))).rejection is None


def test_progress_counts_when_it_grows() -> None:
    begun = facts(-1, progress=0, progress_at=ago(30))
    first = run(seen(begun, 0, (pod("c"),))).facts
    assert (first.progress, first.progress_at) == (1, stamp(NOW))
    back = run(seen(replace(first, progress=3, progress_at=ago(9)), 0, (pod("c"),))).facts
    assert (back.progress, back.progress_at) == (3, ago(9)), "a pod that begins anew is no progress"


def test_a_candidate_whose_pods_are_not_ready_any_more_has_thirty_seconds() -> None:
    lost = run(seen(JUDGING, 0, (pod("c"),), splits=ALL)).facts
    assert lost.unready_since == stamp(NOW)
    judged = replace(JUDGING, weighted_at=ago(1))
    assert run(seen(replace(judged, unready_since=ago(29)), 0, (pod("c"),), splits=ALL)).rejection is None
    assert reason(run(seen(replace(judged, unready_since=ago(30)), 0, (pod("c"),), splits=ALL))) == "CandidateUnready"
    assert run(seen(replace(judged, unready_since=ago(30)), 1, splits=ALL)).facts.unready_since == ""


def test_pods_that_take_the_place_of_lost_ones_may_load_until_the_deadline() -> None:
    since = JUDGING.rollout.get("progressDeadlineSeconds", 600)
    new = pod("c", created=ago(102))
    long = replace(JUDGING, weighted_at=ago(1), unready_since=ago(100))
    assert run(seen(long, 0, (new,), splits=ALL)).rejection is None
    assert run(seen(long, 0, splits=ALL)).rejection is None, "the next pod is not made yet"
    assert reason(run(seen(long, 0, (new, pod("old")), splits=ALL))) == "CandidateUnready"
    going = pod("old", deletionTimestamp=ago(1))
    assert run(seen(long, 0, (new, going), splits=ALL)).rejection is None
    over = replace(long, unready_since=ago(since))
    assert reason(run(seen(over, 0, (new,), splits=ALL))) == "CandidateUnready"


def test_the_page_has_the_table() -> None:
    rows = re.findall(r"^\| ([A-Za-z, ]+) \| (.+?) \| ([A-Za-z ]+) \| (.*?) ?\|$", PAGE, re.MULTILINE)
    told = [
        (", ".join(rule.states) if len(rule.states) < 6 else "any of the six", rule.when, str(rule.then), rule.effect)
        for rule in RULES
    ]
    assert [row for row in rows if row[1] in CASES] == told


def test_the_page_explains_every_state() -> None:
    for state in State:
        assert f"**{state}**" in PAGE


@pytest.mark.parametrize("strategy", ["Canary", "BlueGreen", "Recreate"])
def test_the_page_explains_every_strategy(strategy: str) -> None:
    assert f"| `{strategy}` |" in PAGE
    assert steps_of(seen(facts(-1, rollout={"strategy": strategy})).rollout) is not None


def test_what_was_paused_by_hand_has_all_its_time_to_wait_for_evidence() -> None:
    waited = {"steps": [{"shadow": {}}, {"weight": 25}], "stepSeconds": 15, "analysis": {"whenInconclusive": "Abort"}}
    paused = facts(0, rollout=waited, shadow=100, weighted_at=ago(7200), paused="Person")
    outcome = run(seen(paused, 1, splits=QUIET, action="resume"))
    assert outcome.rejection is None
    assert outcome.facts.weighted_at == ago(15)
    begun = replace(paused, weighted_at=ago(5))
    assert run(seen(begun, 1, splits=QUIET, action="resume")).facts.weighted_at == ago(5)


@pytest.mark.parametrize("what_then", ["Promote", "Abort", "Pause"])
def test_outputs_that_are_wrong_are_never_let_through_for_want_of_the_stable_revisions_own_runs(what_then: str) -> None:
    wrong = tuple(copying(n, right=False) for n in range(4))
    assert run(seen(unjudged(what_then, 114), 1, splits=wrong)).rejection is None, "they may still come"
    outcome = run(seen(unjudged(what_then, 115), 1, splits=wrong))
    assert outcome.facts.step == 0
    assert (outcome.rejection and outcome.rejection.reason) == (None if what_then == "Pause" else "Inconclusive")


@pytest.mark.parametrize("rollout", [STEPS, BLUE_GREEN, {**BLUE_GREEN, "steps": [{"pause": {}}]}, RECREATE])
def test_no_candidate_goes_on_before_its_signature_is_known(rollout: Object) -> None:
    silent = replace(CANDIDATE, signature=None)
    waiting = facts(-1, rollout=rollout, progress_at=ago(500))
    for given in (waiting, replace(waiting, fast=True)):
        held = run(seen(given, 4, candidate=silent))
        assert (held.facts.step, held.promoted, held.rejection) == (-1, False, None)
        late = run(seen(replace(given, progress_at=ago(600)), 4, candidate=silent)).rejection
        assert late is not None
        assert late.reason == "ProgressDeadlineExceeded"
        assert "waits for its signature, which a ready pod says on port 9000" in late.message
        assert "spec.signature.breaking: Allow" in late.message
    at = seen(waiting, 4, candidate=silent)
    for passes in (
        seen(waiting, 4),
        seen(waiting, 4, candidate=silent, signature={"breaking": "Allow"}),
        seen(waiting, 4, candidate=replace(silent, promoted_at=ago(999))),
        replace(at, stable=replace(STABLE, signature=None)),
    ):
        outcome = run(passes)
        assert (outcome.promoted or outcome.facts.step == 0, outcome.rejection) == (True, None)


def test_the_other_pods_of_recreate_do_not_stop_the_deadline() -> None:
    waiting = facts(-1, rollout=RECREATE, progress_at=ago(600))
    assert reason(run(seen(waiting, 1, candidate=replace(CANDIDATE, signature=None)))) == "ProgressDeadlineExceeded"


def test_what_an_older_operator_let_pass_is_not_promoted_without_its_signature() -> None:
    silent = replace(CANDIDATE, signature=None)
    promoting = seen(replace(PROMOTING, weight=25), 4, splits=ALL, candidate=silent)
    assert not run(promoting).promoted
    told = seen(replace(PROMOTING, weight=25), 4, splits=ALL, candidate=LATER)
    assert reason(run(told)) == "SignatureBreaks"


def test_a_candidate_whose_signature_nobody_has_to_know_may_still_be_busy_for_a_moment() -> None:
    for rollout in (STEPS, BLUE_GREEN, RECREATE):
        waiting = facts(-1, rollout=rollout, progress_at=ago(1))
        at = seen(waiting, 4, candidate=replace(CANDIDATE, signature=None), signature={"breaking": "Allow"})
        assert run(at).facts.step == -1
        outcome = run(replace(at, facts=replace(waiting, progress_at=ago(6))))
        assert outcome.promoted or outcome.facts.step == 0


@pytest.mark.parametrize("rollout", [STEPS, BLUE_GREEN, RECREATE])
@pytest.mark.parametrize("doubted", [False, True])
def test_what_served_before_is_not_refused_for_its_signature(rollout: Object, doubted: bool) -> None:
    back = replace(LATER, promoted_at=ago(999))
    outcome = run(seen(facts(-1, rollout=rollout, fast=not doubted, doubted=doubted), 4, candidate=back))
    assert outcome.rejection is None
    assert outcome.promoted or outcome.facts.step >= 0
