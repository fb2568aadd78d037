"""The check of outputs: verdicts and words."""

from dataclasses import replace

import pytest

from onnx_operator.decide.analysis.outputs import outputs
from tests.unit.operator.analysis.seen import compared, output, seen


def test_it_waits_for_copies() -> None:
    nothing = outputs(seen(), "Retrained", None, (), 100)
    few = outputs(compared(output(samples=38, agreed=37)), "Retrained", None, (), 100)
    assert (nothing.verdict, nothing.holds, nothing.message) == ("Unknown", True, "0 of 100 copies")
    assert (few.verdict, few.holds, few.message, few.samples) == ("Unknown", True, "38 of 100 copies", 38)


def test_it_passes_an_equal_model_and_an_honest_retrain() -> None:
    equal = outputs(compared(output(samples=200, equal=199)), "Equivalent", None, (), 100)
    assert (equal.check, equal.verdict, equal.value) == ("outputs", "Pass", "99.5 % equal (probabilities)")
    assert equal.level == 0.5
    retrained = outputs(compared(output(samples=200, equal=0, agreed=180)), "Retrained", None, (), 100)
    assert (retrained.verdict, retrained.value, retrained.level) == ("Pass", "90 % agree (probabilities)", 0.2)


def test_it_fails_permuted_labels_and_a_wrong_weight() -> None:
    permuted = outputs(compared(output(samples=40, agreed=4)), "Retrained", None, (), 100)
    assert (permuted.verdict, permuted.reason) == ("Fail", "OutputsDiffer")
    assert permuted.message == (
        'output "probabilities": 4 of 40 copies agree with the stable revision\'s, and 50 % have to.'
    )
    wrong = outputs(compared(output(samples=100, equal=88, agreed=100)), "Equivalent", None, (), 100)
    assert (wrong.verdict, wrong.reason) == ("Fail", "OutputsDiffer")
    assert wrong.message == (
        'output "probabilities": 88 of 100 copies are equal to the stable revision\'s, and 99 % have to.'
    )
    assert outputs(compared(output(samples=100, equal=88, agreed=100)), "Retrained", None, (), 100).verdict == "Pass"


def test_it_waits_where_it_is_unsure() -> None:
    found = outputs(compared(output(samples=100, equal=97)), "Equivalent", None, (), 100)
    assert (found.verdict, found.holds) == ("Unknown", True)
    assert found.message == f'output "probabilities": {found.interval} equal, and 99 % have to'


def test_the_worst_output_decides() -> None:
    good, bad = output("a", samples=100, agreed=99), output("b", samples=100, agreed=10)
    found = outputs(compared(good, bad), "Retrained", None, (), 100)
    assert (found.verdict, found.value) == ("Fail", "10 % agree (b)")
    some = outputs(compared(good, output("c", samples=100, agreed=90)), "Retrained", None, (), 100)
    assert (some.verdict, some.value) == ("Pass", "90 % agree (c)")


def test_ignored_outputs_are_not_compared() -> None:
    bad = output("boxes", samples=100, agreed=0)
    assert outputs(compared(bad, output(samples=100, agreed=90)), "Retrained", None, ["boxes"], 100).verdict == "Pass"
    none = outputs(compared(bad), "Retrained", None, ["boxes"], 100)
    assert (none.verdict, none.message, none.value) == ("Pass", "no output is compared", None)


def test_more_outputs_need_more_to_fail() -> None:
    bad = output("bad", samples=45, equal=39)
    alone = outputs(compared(bad), "Equivalent", None, (), 100)
    among = outputs(
        compared(bad, *(output(f"o{n}", samples=45, equal=45) for n in range(31))), "Equivalent", None, (), 100
    )
    assert (alone.verdict, among.verdict) == ("Fail", "Unknown")


def test_the_floor_is_the_users() -> None:
    copies = compared(output(samples=200, equal=180, agreed=150))
    assert outputs(copies, "Equivalent", 90, (), 100).verdict == "Pass"
    assert outputs(copies, "Retrained", 95, (), 100).verdict == "Fail"
    assert outputs(compared(output(samples=200, equal=199)), "Equivalent", 100, (), 100).verdict == "Fail"
    assert outputs(compared(output(samples=200, equal=200)), "Equivalent", 100, (), 100).verdict == "Pass"


def test_copies_that_served_to_learn_are_not_judged() -> None:
    found = outputs(compared(output(kind="values", samples=110, learning=20, agreed=85)), "Retrained", None, (), 100)
    assert (found.verdict, found.samples, found.message) == ("Unknown", 90, "90 of 100 copies")
    assert outputs(compared(output(samples=20, learning=20)), "Retrained", None, (), 100).message == "0 of 100 copies"


def test_another_shape_is_not_equal() -> None:
    found = outputs(compared(output(samples=90, equal=90, unlike=20)), "Equivalent", None, (), 100)
    assert found.verdict == "Fail"
    assert found.message.endswith("and 99 % have to; 20 have another shape.")


def test_another_shape_of_a_retrained_model_is_told_and_holds_where_it_is_usual() -> None:
    some = outputs(compared(output(samples=110, agreed=100, unlike=20)), "Retrained", None, (), 100)
    assert (some.verdict, some.samples) == ("Pass", 110)
    assert some.message == "20 copies of output probabilities have another shape, and are not compared"
    most = outputs(compared(output(samples=110, agreed=100, unlike=120)), "Retrained", None, (), 100)
    assert (most.verdict, most.holds) == ("Unknown", True)
    assert most.message == ('output "probabilities" has another shape than the stable revision\'s in 120 of 230 copies')


def test_a_model_that_differs_from_itself_is_compared_with_that() -> None:
    passed = outputs(
        compared(output(samples=400, equal=210, self_samples=40, self_equal=20)), "Equivalent", None, (), 100
    )
    assert (passed.verdict, passed.message) == ("Pass", "the stable revision differs from itself in 20 of 40")
    failed = outputs(
        compared(output(samples=400, equal=4, self_samples=40, self_equal=20)), "Equivalent", None, (), 100
    )
    assert failed.verdict == "Fail"
    assert failed.message.endswith("and 99 % have to; the stable revision differs from itself in 20 of 40.")


@pytest.mark.parametrize("change", ["Equivalent", "Retrained"])
def test_counts_that_cannot_be_do_not_break_it(change: str) -> None:
    odd = output(samples=5, equal=9, agreed=9, learning=7, unlike=3, self_samples=1, self_equal=4)
    assert outputs(compared(odd), change, None, (), 100)  # type: ignore[arg-type]


def test_an_output_that_no_client_asks_for_is_not_waited_for() -> None:
    asked, never = output("label", samples=200, agreed=200), output("probabilities")
    assert outputs(compared(asked, never), "Retrained", None, (), 100).verdict == "Pass"
    few = outputs(compared(output("label", samples=38, agreed=38), never), "Retrained", None, (), 100)
    assert (few.verdict, few.message) == ("Unknown", "38 of 100 copies")
    nothing = outputs(compared(never), "Retrained", None, (), 100)
    assert (nothing.verdict, nothing.holds, nothing.message) == ("Unknown", True, "0 of 100 copies")


def test_where_no_copy_finds_room_it_says_so() -> None:
    full = replace(seen(), dropped=10, outputs=(output(samples=0),))
    found = outputs(full, "Retrained", None, (), 100)
    assert (found.verdict, found.holds) == ("Unknown", True)
    assert "there was no room for any" in found.message
    one = outputs(replace(full, outputs=(output(samples=1, agreed=1),)), "Retrained", None, (), 100)
    assert one.message == "1 of 100 copies"
