"""What keeps a step although its time is over: checks that cannot say Pass or Fail yet, and clients still missing."""

from onnx_operator.decide.finding import sentence
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.judging import judged
from onnx_operator.decide.rollout.sight import Sight


def holding(sight: Sight) -> tuple[Judgement, ...]:
    """Return the judgements that keep the rollout in its step.

    What served before is known to be good, and where nobody sees how it answers, waiting helps nothing.
    """
    if sight.facts.fast or sight.rollout.strategy == "Recreate":
        return ()
    return tuple(judgement for judgement in judged(sight) if judgement.verdict == "Unknown" and judgement.holds)


def missing_answers(sight: Sight) -> int:
    """Return how many clients the candidate still has to answer in this step, as the step asks for."""
    wanted = (sight.step.minSamples or 0) if sight.step else 0
    if not wanted or sight.facts.fast or sight.routed_elsewhere:
        return 0
    return max(0, wanted - answered(sight))


def answered(sight: Sight) -> int:
    """Return how many clients got the candidate's answer since the weight was ordered."""
    return sum(split.candidate.answered for split in sight.told)


def is_held(sight: Sight) -> bool:
    """Return whether anything keeps it."""
    return missing_answers(sight) > 0 or bool(holding(sight))


def words(sight: Sight) -> str:
    """Return what is missing, without a full stop."""
    told = [f"{judgement.check}: {judgement.message}" for judgement in holding(sight)]
    if missing_answers(sight) and sight.step:
        told.append(f"{answered(sight)} of {sight.step.minSamples} clients answered by {sight.candidate.name}")
    return "; ".join(sentence(one).rstrip(".") for one in told)
