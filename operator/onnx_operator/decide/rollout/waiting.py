"""What a rollout waits for, in words. No number in it changes while it waits."""

from datetime import timedelta

from onnx_operator.decide.rollout.capacity import pending
from onnx_operator.decide.rollout.preflight import missing
from onnx_operator.decide.rollout.sight import Sight, State
from onnx_operator.decide.times import clock_time, moment, stamp


def waits_for(sight: Sight) -> str:
    """Return a sentence."""
    name, stable, weight = sight.candidate.name, sight.stable.name, sight.facts.weight
    if words := pending(sight):
        return f"{name} waits for capacity: {words}"
    match sight.state:
        case State.PREFLIGHT if sight.rollout.strategy == "Recreate":
            return f"{stable} goes down before {name} comes up, as the strategy Recreate says: nobody is answered."
        case State.PREFLIGHT:
            return f"{name} waits for {missing(sight) or 'its turn'}."
        case State.CAPACITY:
            return f"{sight.ready} of the {sight.needed} pods that {name} needs for {sight.weight_due}% are ready."
        case State.WEIGHT:
            sharing = sum(split.applied_weight == weight for split in sight.told)
            return f"{sharing} of {len(sight.splits)} pods of {stable} forward {weight}% to {name}."
        case State.JUDGING:
            return f"{name} is judged at {weight}% until {_end(sight.facts.weighted_at, sight.rollout.stepSeconds)}."
        case State.PAUSED:
            pause = sight.step.pause if sight.step else None
            if sight.facts.paused == "Step" and pause and pause.durationSeconds is not None:
                return f"{name} stays at {weight}% until {_end(sight.facts.step_started_at, pause.durationSeconds)}."
            who = "a step of the rollout" if sight.facts.paused == "Step" else "somebody"
            return f"{name} stays at {weight}%: {who} paused it. The action resume@{name}#NONCE goes on."
        case _:
            return f"{sight.ready} of the {sight.needed} pods that {name} needs to take over are ready."


def _end(since: str, seconds: int) -> str:
    begun = moment(since)
    return clock_time(stamp(begun + timedelta(seconds=seconds))) if begun else "its time is over"
