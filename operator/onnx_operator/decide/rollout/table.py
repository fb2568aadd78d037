"""The state machine of a rollout, as the table in docs/rollouts.md has it: the first rule that applies is carried out.

A rollout that has no rule to follow waits. The rules follow each other until none applies, so that one look goes as far
as what is seen allows.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from onnx_operator.decide.rollout import capacity, conditions, effects
from onnx_operator.decide.rollout.checks.restarts import restarts_of
from onnx_operator.decide.rollout.effects import Outcome
from onnx_operator.decide.rollout.preflight import misfit
from onnx_operator.decide.rollout.progress import reached
from onnx_operator.decide.rollout.sight import Sight, State
from onnx_operator.decide.times import stamp
from onnx_operator.rollout import RolloutFacts

SAME = "the same"
NEXT = "the next step"


@dataclass(frozen=True)
class Rule:
    """In one of these states, when this holds, that is done; ``when``, ``then`` and ``effect`` are the page's words."""

    states: tuple[State, ...]
    when: str
    then: str
    effect: str
    holds: Callable[[Sight], bool]
    carry_out: Callable[[Sight], Outcome]


def asked(action: str) -> Callable[[Sight], bool]:
    """Return the condition that a person asks for an action."""
    return lambda sight: sight.action == action


RUNNING = (State.PREFLIGHT, State.CAPACITY, State.WEIGHT, State.JUDGING, State.PAUSED, State.PROMOTING)
WAITING = (State.PREFLIGHT, State.CAPACITY, State.WEIGHT, State.PROMOTING)
GROWING = (State.PREFLIGHT, State.CAPACITY, State.PROMOTING)

RULES: tuple[Rule, ...] = (
    Rule(
        RUNNING, "somebody asks for `abort`",
        State.ROLLING_BACK, "rejected: `Aborted`; weight 0",
        asked("abort"), effects.aborted,
    ),
    Rule(
        RUNNING, "a check fails",
        State.ROLLING_BACK, "rejected for the check's reason; weight 0",
        conditions.fails, effects.failed,
    ),
    Rule(
        RUNNING, "the signature breaks clients",
        State.ROLLING_BACK, "rejected: `SignatureBreaks`; weight 0",
        lambda sight: misfit(sight) is not None, effects.misfitted,
    ),
    Rule(
        WAITING, "no progress for `progressDeadlineSeconds`",
        State.ROLLING_BACK, "rejected: `ProgressDeadlineExceeded`, `NoCapacity` or `SplitNotApplied`; weight 0",
        conditions.is_overdue, effects.overdue,
    ),
    Rule(
        RUNNING, "a pod knows a later generation, or another order of this one",
        SAME, "the order gets a still later one",
        conditions.is_outnumbered, effects.renumbered,
    ),
    Rule(
        RUNNING, "somebody asks for `promote`",
        "Promoting", "the steps that are left are left out; preflight is not",
        asked("promote"), effects.hurried,
    ),
    Rule(
        RUNNING, "somebody asks for `pause`",
        State.PAUSED, "the weight and the shadow stay",
        asked("pause"), effects.paused,
    ),
    Rule(
        (State.PAUSED,), "somebody asks for `resume`, or the pause's time is over",
        NEXT, "or where it was paused by hand",
        conditions.may_go_on, effects.resumed,
    ),
    Rule(
        RUNNING, "a lent place did not help for 60 seconds",
        SAME, "the stable revision gets it back, and lends none in this step",
        capacity.lent_in_vain, effects.given_back,
    ),
    Rule(
        GROWING, "no node takes a pod, `ShrinkStable`, and a ready stable pod stays",
        SAME, "the stable revision lends the place of one pod",
        capacity.may_lend, effects.lent,
    ),
    Rule(
        (State.PREFLIGHT,), "it is ready and pinned, and its signature is known",
        NEXT, "of a revision that was promoted before: Promoting",
        conditions.is_prepared, effects.advanced,
    ),
    Rule(
        (State.CAPACITY,), "as many pods are ready as the weight needs",
        State.WEIGHT, "the step's weight and shadow, by a new generation",
        conditions.has_capacity, effects.weighted,
    ),
    Rule(
        (State.WEIGHT,), "every ready stable pod has applied the weight and the shadow",
        State.JUDGING, "the step's time begins",
        conditions.is_shared, effects.shared,
    ),
    Rule(
        (State.JUDGING,), "`stepSeconds` are over, no check holds, and the step's `minSamples` are there",
        NEXT, "a shadow ends with its step",
        conditions.is_judged, effects.advanced,
    ),
    Rule(
        (State.JUDGING,), "that is not so after `maxWaitSeconds` more, `whenInconclusive: Pause`",
        State.PAUSED, "the weight and the shadow stay",
        conditions.is_inconclusive("Pause"), effects.held_up,
    ),
    Rule(
        (State.JUDGING,), "that is not so after `maxWaitSeconds` more, `whenInconclusive: Promote`",
        NEXT, "a shadow ends with its step",
        conditions.is_inconclusive("Promote"), effects.let_through,
    ),
    Rule(
        (State.JUDGING,), "that is not so after `maxWaitSeconds` more, `whenInconclusive: Abort`",
        State.ROLLING_BACK, "rejected: `Inconclusive`; weight 0",
        conditions.is_inconclusive("Abort"), effects.inconclusive,
    ),
    Rule(
        (State.PROMOTING,),
        "as many pods are ready as the stable revision needs, that has made room, and its signature is known",
        State.HANDING_OVER, "it is the stable revision; the entry leads to it",
        conditions.can_take_over, effects.promoted,
    ),
)  # fmt: skip

# More rules than any look can need: each step has at most three, and there are 20 steps at most.
MOST = 100


def run(sight: Sight) -> Outcome:
    """Return where the rollout goes from here, as far as what is seen allows."""
    sight = replace(sight, facts=noted(sight))
    for _ in range(MOST):
        rule = next((rule for rule in RULES if sight.state in rule.states and rule.holds(sight)), None)
        if rule is None:
            break
        outcome = rule.carry_out(sight)
        if outcome.rejection or outcome.promoted:
            return outcome
        later = max(sight.free_generation, outcome.facts.generation + 1)
        sight = replace(sight, facts=outcome.facts, free_generation=later, action="")
    return Outcome(sight.facts)


def noted(sight: Sight) -> RolloutFacts:
    """Return the facts with what the rules measure by: how far the pods are, and since when none is ready."""
    facts, now = sight.facts, stamp(sight.observed.now)
    if (far := reached(sight)) > facts.progress:
        facts = replace(facts, progress=far, progress_at=now)
    if sight.ready:
        facts = replace(facts, unready_since="")
    elif not facts.unready_since:
        facts = replace(facts, unready_since=now)
    if facts.shrunk_at and capacity.has_helped(sight):
        facts = replace(facts, shrunk_at="", placed=0)
    elif capacity.is_freed_late(sight):
        facts = replace(facts, shrunk_at=now)
    # Restarts of a pod that has gone since are not to hide those of another one.
    return replace(facts, restarts=min(facts.restarts, restarts_of(sight.observed, sight.candidate.name)))
