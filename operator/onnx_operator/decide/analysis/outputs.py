"""Do the candidate's outputs agree with the stable revision's as often as its change has to? By copies."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from onnx_operator.api.analysis import Change
from onnx_operator.decide import reasons
from onnx_operator.decide.analysis import budget
from onnx_operator.decide.analysis.difference import Arm, due, refutes_at_most_more
from onnx_operator.decide.analysis.figures import between, percent, share_of
from onnx_operator.decide.analysis.sequential import against_at_most, highest, lowest, rejects
from onnx_operator.decide.judgement import Judgement
from onnx_operator.evidence import Evidence, Output

# The share of copies, in percent, that have to be equal, or to agree. docs/analysis.md argues the numbers.
FLOOR: dict[Change, int] = {"Equivalent": 99, "Retrained": 50}
# So many runs of the stable revision's own, of all its pods, a Fail takes: what throws dice has shown it by then.
OWN_RUNS = 8
# So many copies without room, and none with, are no accident.
MANY_DROPPED = 10
WORD: dict[Change, str] = {"Equivalent": "equal", "Retrained": "agree"}
SAID: dict[Change, str] = {"Equivalent": "are equal to", "Retrained": "agree with"}


def outputs(
    evidence: Evidence, change: Change, min_agreement: int | None, ignore: Collection[str], needed: int
) -> Judgement:
    """Return the verdict on the output that agrees least, of ``needed`` comparisons a Pass.

    ``min_agreement`` is in percent, None is the change's own. Outputs named in ``ignore`` are not compared.
    """
    if not any(output.samples + output.unlike for output in evidence.outputs):
        waits = f"0 of {needed} copies"
        if evidence.dropped >= MANY_DROPPED:
            waits += (
                ": there was no room for any; requests whose inputs and outputs take more than 64 MiB are not copied"
            )
        return Judgement("outputs", "Unknown", message=waits, samples=0, needed=needed, holds=True)
    compared = [output for output in evidence.outputs if output.name not in ignore]
    if not compared:
        return Judgement("outputs", "Pass", message="no output is compared", needed=needed)
    floor = FLOOR[change] if min_agreement is None else min_agreement
    rule = _Rule(change, floor, budget.OUTPUTS / len(compared), needed)
    severity = {"Fail": 2, "Unknown": 1, "Pass": 0}
    # Clients may ask for some outputs only: for what none of them asks nobody can wait.
    asked = [output for output in compared if output.samples + output.unlike]
    if not asked:
        return Judgement("outputs", "Pass", message="no output that clients ask for is compared", needed=needed)
    return max((_judged(output, rule) for output in asked), key=lambda j: (severity[j.verdict], j.level or 0.0))


@dataclass(frozen=True)
class _Rule:
    change: Change
    floor: int
    error: float
    needed: int

    @property
    def tolerance(self) -> float:
        """The share of copies that may differ."""
        return (100 - self.floor) / 100


def _judged(output: Output, rule: _Rule) -> Judgement:
    name, all_copies = f'output "{output.name}"', output.samples + output.unlike
    apart, itself = _apart(output, rule.change), _itself(output, rule.change)
    # A model that draws random numbers differs from itself; so may another revision of it.
    usual = itself.rate if itself.tries >= OWN_RUNS else 0.0
    noisy = f"; the stable revision differs from itself in {itself.hits} of {itself.tries}" if itself.hits else ""
    unsure = output.unsure if rule.change == "Retrained" else 0
    word = f"{WORD[rule.change]} ({output.name})"
    found = Judgement(
        "outputs",
        "Pass",
        message=_shapes(output, rule) + noisy.removeprefix("; "),
        value=f"{percent(1 - apart.rate)} {word}" if apart.tries else None,
        samples=apart.tries,
        needed=rule.needed,
        interval=between(1 - highest(*apart, rule.error), 1 - lowest(*apart, rule.error)) if apart.tries else None,
        level=share_of(apart.rate - usual, rule.tolerance),
    )
    beyond = apart.rate > usual + rule.tolerance
    refuted = beyond and _refuted(apart, itself, usual, rule)
    if refuted and itself.tries >= OWN_RUNS:
        message = (
            f"{name}: {apart.tries - apart.hits} of {apart.tries} copies {SAID[rule.change]} the stable revision's"
            f", and {rule.floor} % have to{noisy}."
        )
        if rule.change == "Equivalent" and output.unlike:
            message = message[:-1] + f"; {output.unlike} have another shape."
        return replace(found, verdict="Fail", reason=reasons.OUTPUTS_DIFFER, message=message)
    if refuted:
        own = f"{itself.tries} of {OWN_RUNS} copies that the stable revision ran twice itself"
        waits = f"{name}: {found.interval} {WORD[rule.change]}, and {rule.floor} % have to; {own}"
    elif rule.change == "Retrained" and 2 * output.unlike > all_copies:
        waits = f"{name} has another shape than the stable revision's in {output.unlike} of {all_copies} copies"
    elif apart.tries < rule.needed:
        waits = f"{apart.tries} of {rule.needed} copies" + (f"; {_few(output)}" if unsure else "")
    elif Arm(apart.tries + unsure, apart.hits + unsure).rate > usual + rule.tolerance and unsure:
        waits = _few(output)
    elif beyond:
        waits = f"{name}: {found.interval} {WORD[rule.change]}, and {rule.floor} % have to{noisy}"
    else:
        return found
    return replace(found, verdict="Unknown", message=waits, holds=True, refuted=refuted)


def _apart(output: Output, change: Change) -> Arm:
    """Return how many copies were judged, and how many of them differ."""
    if change == "Equivalent":
        tries = output.samples + output.unlike
        return Arm(tries, min(tries, tries - output.equal))
    tries = max(0, output.samples - output.learning)
    return Arm(tries, max(0, tries - output.agreed))


def _itself(output: Output, change: Change) -> Arm:
    """Return how many runs of the stable revision's own were judged in the same way, and how many of them differ."""
    if change == "Equivalent":
        return Arm(output.self_samples, max(0, output.self_samples - output.self_equal))
    return Arm(output.self_judged, max(0, output.self_judged - output.self_agreed))


def _few(output: Output) -> str:
    differ = f'{output.unsure} of output "{output.name}" differ, and the stable revision gave too few different answers'
    return f"{differ} to say whether by much: requests with other inputs are needed"


def _refuted(apart: Arm, itself: Arm, usual: float, rule: _Rule) -> bool:
    if not rejects(against_at_most(*apart, rule.tolerance), rule.error):
        return False
    return not usual or refutes_at_most_more(apart, itself, rule.tolerance, rule.error, due(rule.tolerance))


def _shapes(output: Output, rule: _Rule) -> str:
    if rule.change == "Retrained" and output.unlike:
        return f"{output.unlike} copies of output {output.name} have another shape, and are not compared"
    return ""
