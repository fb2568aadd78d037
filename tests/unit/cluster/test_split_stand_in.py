"""The stand-in's split takes orders as docs/contract.md has it, and counts what the pod's annotations say."""

import json
from typing import Any

import pytest

from onnx_operator.split_state import split_state
from tests.cluster.split_stand_in import ARMS, BREAKER, SPLIT, Split

Object = dict[str, Any]

CANDIDATE = {"podUid": "new", "address": "10.0.0.2"}


def order(generation: int = 1, weight: int = 5, **more: object) -> Object:
    return {
        "generation": generation,
        "revision": "digits-b",
        "weight": weight,
        "candidates": [CANDIDATE],
        "stickyBy": None,
        "previewHeader": None,
        "handOver": False,
        **more,
    }


def test_a_pod_begins_without_a_split() -> None:
    document = Split("one", "boot").document({})
    assert (document["generation"], document["revision"], document["appliedWeight"]) == (0, None, 0)


def test_what_it_says_is_what_the_operator_reads() -> None:
    split = Split("one", "boot")
    status, document = split.take(order(handOver=True), {})
    state = split_state(document, "one")
    assert status == 200
    assert state is not None
    assert (state.generation, state.applied_weight, state.hand_over) == (1, 5, True)
    assert [candidate.address for candidate in state.candidates] == ["10.0.0.2"]


def test_an_order_that_comes_too_late_changes_nothing() -> None:
    split = Split("one", "boot")
    split.take(order(3, 25), {})
    status, document = split.take(order(2, 50), {})
    assert (status, document["weight"], document["generation"]) == (409, 25, 3)
    assert "error" in document


def test_without_candidates_nothing_is_forwarded() -> None:
    _, document = Split("one", "boot").take(order(candidates=[]), {})
    assert (document["weight"], document["appliedWeight"]) == (5, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        order(more=1),
        order(0),
        order(weight=101),
        order(revision=None),
        {"generation": 1},
        [1],
    ],
)
def test_what_is_no_order_is_refused(wrong: object) -> None:
    split = Split("one", "boot")
    assert split.take(wrong, {})[0] == 400
    assert split.orders == []


def test_counters_are_the_annotations_while_there_is_a_weight() -> None:
    split = Split("one", "boot")
    annotations = {ARMS: json.dumps({"candidate": {"requests": 9, "errors": 3}, "stable": {"requests": 90}})}
    assert split.document(annotations)["arms"]["candidate"]["errors"] == 0
    assert split.failed_at is None
    _, document = split.take(order(), annotations)
    assert document["arms"]["candidate"]["errors"] == document["arms"]["candidate"]["failures"]["serverError"] == 3
    assert document["arms"]["stable"]["requests"] == 90
    assert split.failed_at is not None
    _, document = split.take(order(2, 0), annotations)
    assert document["arms"]["candidate"]["requests"] == 0


def test_an_open_breaker_takes_the_weight_away() -> None:
    _, document = Split("one", "boot").take(order(), {BREAKER: "half of the last 20 failed"})
    assert (document["weight"], document["appliedWeight"]) == (5, 0)
    assert document["breaker"] == {"open": True, "reason": "half of the last 20 failed"}


def test_a_deaf_pod_answers_and_applies_nothing() -> None:
    split = Split("one", "boot")
    status, document = split.take(order(), {SPLIT: "Deaf"})
    assert (status, document["generation"], split.orders) == (200, 0, [])
