"""Does the candidate answer as well as the stable revision? By what the stable revision's pods have counted of both."""

from onnx_operator.decide import reasons
from onnx_operator.decide.rollout.checks.judgement import Judgement
from onnx_operator.decide.rollout.sight import Sight

# Fewer failures than this say nothing; more have to be so much more often than the stable revision's own.
FEWEST = 3
INCREASE = 0.01
# A late answer may be the machine's doing: one pause of a process makes all late that it has at hand. That says
# something only where it is not rare.
FEWEST_LATE = 20
INCREASE_LATE = 0.1
LATE = "late"


def errors(sight: Sight) -> Judgement:
    """Return the verdict on the weight that the pods were told last: a new one counts anew."""
    candidate = sum(split.candidate.requests for split in sight.told)
    kinds = _kinds(sight)
    late = kinds.get(LATE, 0)
    failed = sum(split.candidate.errors for split in sight.told) - late
    stable = sum(split.stable.requests for split in sight.told)
    own = sum(split.stable.errors for split in sight.told)
    if broken := [split.breaker for split in sight.told if split.breaker]:
        message = f"stable pods stopped forwarding by themselves: {broken[0]}."
        return Judgement("errors", "Fail", reasons.CANDIDATE_ERRORS, message, samples=candidate)
    if not candidate:
        return Judgement("errors", "Unknown", message="no request went to the candidate yet.")
    usual = own / stable if stable else 0.0
    value = f"{(failed + late) / candidate:.0%} (stable {usual:.0%})"
    wrong = failed >= FEWEST and failed / candidate > usual + INCREASE
    if wrong or (late >= FEWEST_LATE and late / candidate > INCREASE_LATE):
        shown = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        failures = f"{failed + late} of {candidate} requests failed ({shown})"
        message = f"{failures}, of the stable revision's {own} of {stable}."
        return Judgement("errors", "Fail", reasons.CANDIDATE_ERRORS, message, value, candidate)
    return Judgement("errors", "Pass", value=value, samples=candidate)


def _kinds(sight: Sight) -> dict[str, int]:
    counts: dict[str, int] = {}
    for split in sight.told:
        for kind, count in split.candidate.failures.items():
            counts[kind] = counts.get(kind, 0) + count
    return {kind: count for kind, count in sorted(counts.items()) if count}
