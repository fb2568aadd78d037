"""What is stored of a rollout comes back as it was, and what somebody edited is not believed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_operator.rollout import Rejection, RolloutFacts

TEXT = st.text(max_size=20)
FACTS = st.builds(
    RolloutFacts,
    rollout=st.dictionaries(TEXT, st.integers() | TEXT, max_size=3),
    started_at=TEXT,
    step=st.integers(-1, 20),
    weight=st.integers(0, 100),
    generation=st.integers(0, 2**40),
    paused=st.sampled_from(["", "Step", "Person", "Inconclusive"]),
    shadow=st.integers(0, 100),
    inconclusive=TEXT,
    shrunk=st.integers(0, 9),
    over=st.booleans(),
    actions=st.lists(TEXT, max_size=3).map(tuple),
)


@given(FACTS)
def test_facts_come_back(facts: RolloutFacts) -> None:
    assert RolloutFacts.from_json(facts.to_json()) == facts


def test_facts_that_say_nothing_are_not_written() -> None:
    assert RolloutFacts({"strategy": "Canary"}, "t").to_json() == {"rollout": {"strategy": "Canary"}, "started_at": "t"}


def test_what_a_later_operator_stored_beside_the_facts_is_left_out() -> None:
    facts = RolloutFacts({}, "t", step=2, weight=25)
    assert RolloutFacts.from_json(facts.to_json() | {"later": 1}) == facts


@pytest.mark.parametrize(
    "edited",
    [
        None, [], "x", {}, {"rollout": {}}, {"started_at": "t"}, {"rollout": "x", "started_at": "t"},
        {"rollout": {}, "started_at": "t", "step": "1"},
        {"rollout": {}, "started_at": "t", "actions": "x"}, {"rollout": {}, "started_at": "t", "weight": None},
    ],
)  # fmt: skip
def test_facts_that_are_not_ours_are_none(edited: Any) -> None:
    assert RolloutFacts.from_json(edited) is None


def test_a_rejection_comes_back() -> None:
    rejection = Rejection("Aborted", "m", "t", "digits-1")
    assert Rejection.from_json(rejection.to_json()) == rejection
    good = rejection.to_json()
    wrong: tuple[Any, ...] = (None, [], {}, {"reason": "x"}, {**good, "more": "x"}, {**good, "at": 1})
    for edited in wrong:
        assert Rejection.from_json(edited) is None
