"""What a rule of the table does: the facts as they are then, and whether the rollout ends by it."""

from dataclasses import dataclass, replace
from datetime import timedelta

from onnx_operator.decide import reasons
from onnx_operator.decide.finding import sentence
from onnx_operator.decide.rollout.capacity import lends, pending, placed
from onnx_operator.decide.rollout.holding import words
from onnx_operator.decide.rollout.judging import judged
from onnx_operator.decide.rollout.preflight import misfit, missing
from onnx_operator.decide.rollout.sight import Sight, State
from onnx_operator.decide.times import stamp
from onnx_operator.rollout import Rejection, RolloutFacts


@dataclass(frozen=True)
class Outcome:
    """The facts after a rule; the rollout has ended if there is a rejection, or if it is promoted."""

    facts: RolloutFacts
    rejection: Rejection | None = None
    promoted: bool = False


def rejected(sight: Sight, reason: str, message: str) -> Outcome:
    """Take the candidate back, for good."""
    how = f"At {where(sight)}: {sentence(message)}"
    return Outcome(ended(sight.facts, sight), Rejection(reason, how, stamp(sight.observed.now)))


def aborted(sight: Sight) -> Outcome:
    """Take it back because a person said so."""
    return rejected(sight, reasons.ABORTED, "somebody aborted the rollout")


def failed(sight: Sight) -> Outcome:
    """Take it back for the first check that failed."""
    first = next(judgement for judgement in judged(sight) if judgement.verdict == "Fail")
    return rejected(sight, first.reason, first.message)


def misfitted(sight: Sight) -> Outcome:
    """Take it back for its signature."""
    words = f"clients of {sight.stable.name} would break: {misfit(sight)}"
    return rejected(sight, reasons.SIGNATURE_BREAKS, words)


def overdue(sight: Sight) -> Outcome:
    """Take it back because nothing goes forward."""
    within = f"within {sight.rollout.progressDeadlineSeconds} seconds"
    if words := pending(sight):
        return rejected(sight, reasons.NO_CAPACITY, f"no room was found {within}: {words}")
    if sight.state == State.WEIGHT:
        words = (
            f"not all pods of {sight.stable.name} forward {sight.facts.weight}% of their requests {within}. Server "
            "images without rollouts cannot: use strategy: BlueGreen once."
        )
        return rejected(sight, reasons.SPLIT_NOT_APPLIED, words)
    words = sight.trouble.message if sight.trouble else f"{sight.candidate.name} waits for {missing(sight) or 'pods'}"
    return rejected(sight, reasons.PROGRESS_DEADLINE_EXCEEDED, f"no progress {within}: {words}")


def renumbered(sight: Sight) -> Outcome:
    """Give the same order a later generation than a pod knows; what the pods counted is lost."""
    facts = replace(sight.facts, generation=sight.free_generation, ordered_at=stamp(sight.observed.now))
    return Outcome(replace(facts, weighted_at=""))


def hurried(sight: Sight) -> Outcome:
    """Go to promotion without the steps that are left; preflight is not left out."""
    facts = replace(sight.facts, paused="", fast=True)
    return Outcome(facts) if facts.step < 0 else _at(sight, facts, len(sight.steps))


def paused(sight: Sight) -> Outcome:
    """Stay here until somebody resumes."""
    return Outcome(replace(sight.facts, paused="Person"))


def resumed(sight: Sight) -> Outcome:
    """Go on: out of a step that is a pause or was inconclusive, or where somebody paused."""
    facts = replace(sight.facts, paused="")
    if sight.facts.paused == "Inconclusive" or (sight.step is not None and sight.step.pause is not None):
        return _next(sight, facts)
    return Outcome(replace(facts, progress=0, progress_at=stamp(sight.observed.now), weighted_at=_waiting_since(sight)))


def _waiting_since(sight: Sight) -> str:
    """Return when the step's time began, but so that the wait for its checks begins no earlier than now."""
    since = sight.facts.weighted_at
    latest = stamp(sight.observed.now - timedelta(seconds=sight.rollout.stepSeconds))
    return max(since, latest) if since else ""


def lent(sight: Sight) -> Outcome:
    """Give the place of one more pod of the stable revision to the candidate."""
    size = max(sight.facts.stable_size, sight.observed.asked(sight.stable.name) + sight.facts.shrunk)
    shrunk, now = sight.facts.shrunk + lends(sight), stamp(sight.observed.now)
    return Outcome(replace(sight.facts, stable_size=size, shrunk=shrunk, shrunk_at=now, placed=placed(sight)))


def given_back(sight: Sight) -> Outcome:
    """Give the last lent place back, and lend none before the next step."""
    return Outcome(
        replace(sight.facts, shrunk=max(0, sight.facts.shrunk - 1), shrunk_at="", placed=0, stayed_small=True)
    )


def advanced(sight: Sight) -> Outcome:
    """Go to the next step; a candidate that needs none goes to promotion."""
    return _at(sight, sight.facts, len(sight.steps)) if sight.facts.fast else _next(sight, sight.facts)


def held_up(sight: Sight) -> Outcome:
    """Wait for somebody: the checks cannot say enough."""
    return Outcome(replace(sight.facts, paused="Inconclusive", inconclusive=_unsaid(sight)))


def let_through(sight: Sight) -> Outcome:
    """Go to the next step although the checks cannot say enough."""
    return _next(sight, replace(sight.facts, inconclusive=_unsaid(sight)))


def inconclusive(sight: Sight) -> Outcome:
    """Take it back because the checks cannot say enough."""
    within = f"within {sight.analysis.maxWaitSeconds} seconds after the step's time"
    return rejected(sight, reasons.INCONCLUSIVE, f"the analysis came to no verdict {within}: {words(sight)}")


def weighted(sight: Sight) -> Outcome:
    """Tell the stable pods the step's weight and shadow, by a new generation."""
    now = stamp(sight.observed.now)
    facts = replace(sight.facts, weight=sight.weight_due, shadow=sight.shadow_due, ordered_at=now)
    return Outcome(replace(facts, generation=sight.free_generation, weighted_at="", progress=0, progress_at=now))


def shared(sight: Sight) -> Outcome:
    """From now on the step's time counts."""
    return Outcome(replace(sight.facts, weighted_at=stamp(sight.observed.now)))


def promoted(sight: Sight) -> Outcome:
    """Make the candidate the stable revision; what forwards to it goes on doing so until it hands over."""
    return Outcome(replace(sight.facts, over=True, paused="", shrunk=0, shrunk_at="", placed=0), promoted=True)


def ended(facts: RolloutFacts, sight: Sight) -> RolloutFacts:
    """Return the facts of a rollout that leads to nothing: no weight, by a later generation than any."""
    return without_weight(facts, sight.free_generation, stamp(sight.observed.now))


def without_weight(facts: RolloutFacts, generation: int, now: str) -> RolloutFacts:
    """Return the facts of a rollout that is over without a promotion: its weight is 0 from this generation on."""
    ended_now = replace(facts, over=True, paused="", weight=0, shadow=0, weighted_at="")
    return replace(ended_now, generation=generation, ordered_at=now)


def where(sight: Sight) -> str:
    """Return the place in the rollout, for a sentence."""
    step = sight.facts.step
    if step < 0:
        return "preflight"
    return f"step {step + 1}/{len(sight.steps)}" if step < len(sight.steps) else "promotion"


def _next(sight: Sight, facts: RolloutFacts) -> Outcome:
    return _at(sight, facts, facts.step + 1)


def _unsaid(sight: Sight) -> str:
    return f"At {where(sight)}: {words(sight)}."


def _at(sight: Sight, facts: RolloutFacts, step: int) -> Outcome:
    now = stamp(sight.observed.now)
    if facts.shadow:
        # A shadow ends with its step, whatever the next one is and waits for.
        facts = replace(facts, shadow=0, generation=sight.free_generation, ordered_at=now)
    stops = step < len(sight.steps) and sight.steps[step].pause is not None
    begun = replace(facts, step=step, step_started_at=now, progress=0, progress_at=now, stayed_small=False)
    return Outcome(replace(begun, weighted_at="", paused="Step" if stops else ""))
