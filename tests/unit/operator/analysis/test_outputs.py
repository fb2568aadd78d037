"""The check of outputs: verdicts and words."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from onnx_operator.api.analysis import Change
from onnx_operator.decide.analysis.outputs import outputs
from onnx_operator.decide.judgement import Judgement
from tests.unit.operator.analysis.seen import OWN, compared, output, seen


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


@pytest.mark.parametrize("change", ["Equivalent", "Retrained"])
def test_nothing_fails_before_it_is_known_how_often_the_stable_revision_differs_from_itself(change: Change) -> None:
    def found(runs: int) -> Judgement:
        own: dict[str, Any] = dict.fromkeys(OWN, runs)
        return outputs(compared(output(samples=120, equal=0, agreed=0, **own)), change, None, (), 100)

    assert (found(0).verdict, found(7).verdict, found(8).verdict) == ("Unknown", "Unknown", "Fail")
    assert found(2).holds
    assert found(2).message.endswith("; 2 of 8 copies that the stable revision ran twice itself")


def test_a_stable_revision_that_throws_dice_is_no_reason_to_pass_before_it_is_known() -> None:
    own: dict[str, Any] = {"self_samples": 1, "self_equal": 0, "self_judged": 1, "self_agreed": 0}
    assert outputs(compared(output(samples=200, **own)), "Retrained", None, (), 100).verdict == "Unknown"


def test_the_stable_revisions_own_disagreement_is_the_candidates_too() -> None:
    dice: dict[str, Any] = {"self_samples": 40, "self_equal": 4, "self_judged": 40, "self_agreed": 4}
    found = outputs(compared(output(samples=200, agreed=20, **dice)), "Retrained", None, (), 100)
    assert (found.verdict, found.message) == ("Pass", "the stable revision differs from itself in 36 of 40")
    some = dice | {"self_agreed": 39}
    assert outputs(compared(output(samples=200, agreed=10, **some)), "Retrained", None, (), 100).verdict == "Fail"


def test_what_differs_among_too_few_different_answers_fails_nobody_and_passes_nobody() -> None:
    only = outputs(compared(output(kind="values", samples=120, learning=120, unsure=100)), "Retrained", None, (), 100)
    assert (only.verdict, only.holds, only.value) == ("Unknown", True, None)
    assert only.message == (
        '0 of 100 copies; 100 of output "probabilities" differ, and the stable revision gave too few different answers '
        "to say whether by much: requests with other inputs are needed"
    )
    mixed = output(kind="values", samples=320, learning=200, unsure=180, agreed=120)
    found = outputs(compared(mixed), "Retrained", None, (), 100)
    assert (found.verdict, found.message) == ("Unknown", only.message.split("; ")[1].replace("100", "180"))
    few = replace(mixed, unsure=10)
    assert outputs(compared(few), "Retrained", None, (), 100).verdict == "Pass"
    assert outputs(compared(replace(mixed, equal=320)), "Equivalent", None, (), 100).verdict == "Pass"


@pytest.mark.parametrize(("pods", "copies", "runs"), [(1, 40, 2), (6, 10, 10), (1, 200, 10)])
def test_ten_random_labels_of_the_same_model_are_hardly_ever_taken_back(pods: int, copies: int, runs: int) -> None:
    draw = np.random.default_rng(7)
    failed = 0
    for _ in range(200):
        agreed, own = draw.binomial(copies * pods, 0.1), draw.binomial(runs * pods, 0.1)
        twice: dict[str, Any] = {
            "self_samples": runs * pods,
            "self_judged": runs * pods,
            "self_equal": own,
            "self_agreed": own,
        }
        seen_of = compared(output(samples=copies * pods, agreed=agreed, equal=agreed, **twice))
        failed += outputs(seen_of, "Retrained", None, (), 100).verdict == "Fail"
    assert failed == 0
