"""The check of broken outputs: verdicts and words."""

from onnx_operator.decide.analysis.health import health
from tests.unit.operator.analysis.seen import compared, output, seen


def test_it_waits_for_copies() -> None:
    assert health(seen(), 100).message == "0 of 100 copies"
    few = health(compared(output(samples=38)), 100)
    assert (few.verdict, few.holds, few.message) == ("Unknown", True, "38 of 100 copies")


def test_it_passes_outputs_that_are_finite_and_change() -> None:
    found = health(compared(output(samples=150, changed=140, stuck=3)), 100)
    assert (found.check, found.verdict, found.value) == ("health", "Pass", "2.1 % stuck (probabilities)")
    assert (found.samples, found.needed, found.level) == (150, 100, 0.043)


def test_a_client_that_always_asks_the_same_is_no_constant_output() -> None:
    assert health(compared(output(samples=150)), 100).verdict == "Pass"


def test_it_fails_nan_after_a_few_copies() -> None:
    found = health(compared(output(samples=6, non_finite=6)), 100)
    assert (found.verdict, found.reason) == ("Fail", "OutputsBroken")
    assert found.message == (
        'output "probabilities" has NaN or infinities in 6 of 6 copies, where the stable revision\'s has none.'
    )


def test_it_waits_where_nan_are_rare_and_more_than_tolerated() -> None:
    found = health(compared(output(samples=100, non_finite=2)), 100)
    assert (found.verdict, found.holds, found.level) == ("Unknown", True, 2.0)
    assert found.message.endswith("; up to 1 % are tolerated")


def test_it_fails_a_constant_output() -> None:
    found = health(compared(output("a", samples=40, changed=39), output("b", samples=40, changed=39, stuck=39)), 100)
    assert (found.verdict, found.reason) == ("Fail", "OutputsBroken")
    assert found.message == ('output "b" stays the same in 39 of 39 copies in which the stable revision\'s changed.')


def test_labels_may_be_the_same_again_more_often() -> None:
    assert health(compared(output(samples=200, changed=100, stuck=85)), 100).verdict == "Fail"
    assert health(compared(output(kind="exact", samples=200, changed=100, stuck=85)), 100).verdict == "Pass"
    assert health(compared(output(kind="exact", samples=200, changed=180, stuck=180)), 100).verdict == "Fail"


def test_counts_that_cannot_be_do_not_break_it() -> None:
    assert health(compared(output(samples=5, changed=2, stuck=9, non_finite=50)), 100)


def test_an_output_that_no_client_asks_for_is_not_waited_for() -> None:
    found = health(compared(output("label", samples=150, changed=140), output("probabilities")), 100)
    assert (found.verdict, found.samples) == ("Pass", 150)
    assert health(compared(output("probabilities")), 100).message == "0 of 100 copies"
