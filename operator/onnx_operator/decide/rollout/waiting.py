"""What a rollout waits for, in words. Its numbers change as seldom as those that are told of the checks."""

from collections.abc import Sequence
from datetime import timedelta

from onnx_operator.api.status import CheckStatus
from onnx_operator.decide.finding import sentence
from onnx_operator.decide.rollout.capacity import pending
from onnx_operator.decide.rollout.check_status import rounded
from onnx_operator.decide.rollout.holding import answered, holding, missing_answers
from onnx_operator.decide.rollout.preflight import UNSIGNED, missing
from onnx_operator.decide.rollout.sight import Sight, State
from onnx_operator.decide.times import clock_time, moment, stamp


def waits_for(sight: Sight, checks: Sequence[CheckStatus]) -> str:
    """Return a sentence or two; ``checks`` is what is told of the checks beside."""
    name, stable, weight = sight.candidate.name, sight.stable.name, sight.facts.weight
    if words := pending(sight):
        return f"{name} waits for capacity: {words}"
    match sight.state:
        case State.PREFLIGHT if sight.rollout.strategy == "Recreate":
            why = f"{stable} goes down before {name} comes up, as the strategy Recreate says: nobody is answered."
            return f"{why} {name} waits for {UNSIGNED}." if missing(sight) == UNSIGNED else why
        case State.PREFLIGHT:
            return f"{name} waits for {missing(sight) or 'its turn'}."
        case State.CAPACITY:
            share = f"copies of {sight.shadow_due}%" if sight.shadow_due else f"{sight.weight_due}%"
            return f"{sight.ready} of the {sight.needed} pods that {name} needs for {share} are ready."
        case State.WEIGHT:
            sharing, share = sum(map(sight.follows, sight.told)), _share(sight)
            return f"{sharing} of {len(sight.splits)} pods of {stable} forward {share} to {name}."
        case State.JUDGING:
            end = _end(sight.facts.weighted_at, sight.rollout.stepSeconds)
            return " ".join([f"{name} is judged by {_share(sight)} until {end}.", *_what_holds(sight, checks)])
        case State.PAUSED if sight.facts.paused == "Inconclusive":
            go_on = f"{_resume(sight)} goes on to the next step all the same."
            return f"{name} stays at {weight}%: its analysis is inconclusive. {sight.facts.inconclusive} {go_on}"
        case State.PAUSED:
            pause = sight.step.pause if sight.step else None
            if sight.facts.paused == "Step" and pause and pause.durationSeconds is not None:
                return f"{name} stays at {weight}% until {_end(sight.facts.step_started_at, pause.durationSeconds)}."
            who = "a step of the rollout" if sight.facts.paused == "Step" else "somebody"
            return f"{name} stays at {weight}%: {who} paused it. {_resume(sight)} goes on."
        case _ if sight.ready >= sight.enough:
            return f"{name} waits for {missing(sight) or f'pods of {stable} to make room'}."
        case _:
            return f"{sight.ready} of the {sight.needed} pods that {name} needs to take over are ready."


def _resume(sight: Sight) -> str:
    return f"kubectl onnx resume {sight.observed.name} -n {sight.observed.namespace}"


def _share(sight: Sight) -> str:
    weight, shadow = sight.facts.weight, sight.facts.shadow
    if not shadow:
        return f"{weight}%"
    return f"copies of {shadow}%" if not weight else f"{weight}% and copies of {shadow}%"


def _what_holds(sight: Sight, checks: Sequence[CheckStatus]) -> list[str]:
    """Return what is still missing. Said from the beginning of a step: it may take longer than its time."""
    held = {judgement.check for judgement in holding(sight)}
    told = [
        sentence(f"{check.check}: {check.message or 'not enough is known'}") for check in checks if check.check in held
    ]
    if missing_answers(sight) and sight.step:
        wanted = sight.step.minSamples
        told.append(f"It has answered at least {rounded(answered(sight))} of the {wanted} clients of this step.")
    return told


def _end(since: str, seconds: int) -> str:
    begun = moment(since)
    return clock_time(stamp(begun + timedelta(seconds=seconds))) if begun else "its time is over"
