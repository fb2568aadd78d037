"""What a pod says of evidence and memory is read as docs/contract.md has it, and believed only as far."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onnx_operator
from onnx_operator.evidence import Evidence, Memory, Output, Worst, together
from onnx_operator.evidence_state import MOST_OUTPUTS, MOST_SAMPLES
from onnx_operator.rollout import Copies, SplitState
from onnx_operator.split_state import split_state

Object = dict[str, Any]

CONTRACT = (Path(onnx_operator.__file__).parents[2] / "docs" / "contract.md").read_text()


def documented() -> Object:
    """Return the state document that the contract shows."""
    section = CONTRACT.partition("## The split")[2]
    blocks = [block.partition("```")[0] for block in section.split("```json\n")[1:]]
    found = [json.loads(block) for block in blocks]
    state: Object = next(block for block in found if "arms" in block)
    state["podUid"] = "pod-1"
    return state


STATE = documented()


def changed(path: str, value: object) -> Object:
    made: Object = copy.deepcopy(STATE)
    *places, last = path.split(".")
    at: Any = made
    for place in places:
        at = at[int(place) if isinstance(at, list) else place]
    at[last] = value
    return made


def read(document: object) -> SplitState:
    state = split_state(document, "pod-1")
    assert state is not None
    return state


def test_the_contracts_own_example_is_read() -> None:
    state = read(STATE)
    assert state.shadow == Copies(
        100, 400, 1, 381, 3, 0, {"inFlight": 10, "bytes": 0, "overloaded": 3, "unreachable": 2, "interrupted": 0}
    )  # fmt: skip
    assert state.memory == Memory(104857600, 536870912, ((0, 98566144), (256, 104857600)))
    output = Output(
        "probabilities", "FP32", "scores", samples=381, learning=0, unlike=0, agreed=379, equal=120, non_finite=0,
        changed=350, stuck=1, elements=3810, outside=950, max_absolute_error=0.31, mean_absolute_error=0.002,
        cosine=0.998, top1=379, top_k=381, self_samples=38, self_equal=38, self_judged=38, self_agreed=38, noise=0.0,
    )  # fmt: skip
    assert state.evidence == Evidence(
        "2026-11-28T21:00:00.000000Z", 8000, 8, 634, 7, 1, copies=381, failed_copies=3, dropped=15,
        compute={97: 20, 101: 130, 150: 1}, work={99: 200, 104: 181}, outputs=(output,),
        worst=(Worst("sha256:…", "probabilities", 0.31, "2026-11-28T21:00:07Z"),),
    )  # fmt: skip


def test_of_older_servers_what_they_ran_twice_agrees() -> None:
    older = changed("evidence.outputs.0.self", {"samples": 38, "equal": 12})
    del older["evidence"]["outputs"][0]["unsure"]
    evidence = read(older).evidence
    assert evidence is not None
    (output,) = evidence.outputs
    assert (output.unsure, output.self_samples, output.self_equal) == (0, 38, 12)
    assert (output.self_judged, output.self_agreed) == (38, 38)


def test_what_a_server_has_none_of_is_none() -> None:
    older = {key: value for key, value in STATE.items() if key not in {"shadow", "evidence", "memory"}}
    state = read(older)
    assert (state.shadow, state.evidence, state.memory, state.shadow_percent) == (None, None, None, 0)
    state = read({**STATE, "shadow": None, "evidence": None, "memory": None})
    assert (state.shadow, state.evidence, state.memory) == (None, Evidence(""), None)
    assert read(changed("memory.limitBytes", None)).memory == Memory(104857600, None, ((0, 98566144), (256, 104857600)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("shadow", 1),
        ("shadow.percent", 101),
        ("shadow.compared", -1),
        ("shadow.dropped", {str(kind): 1 for kind in range(100)}),
        ("evidence", []),
        ("evidence.course", None),
        ("evidence.course", "x" * 65),
        ("evidence.stable", {"requests": 1, "errors": 2}),
        ("evidence.candidate.errors", 635),
        ("evidence.candidate.late", 2.0),
        ("evidence.compute", [1]),
        ("evidence.compute", {"1001": 1}),
        ("evidence.compute", {"-1": 1}),
        ("evidence.compute", {"1.5": 1}),
        ("evidence.compute", {"٣": 1}),
        ("evidence.work", {"99": -1}),
        ("evidence.outputs", None),
        ("evidence.outputs", STATE["evidence"]["outputs"] * (MOST_OUTPUTS + 1)),
        ("evidence.outputs", [{}]),
        ("evidence.outputs.0.name", 7),
        ("evidence.outputs.0.samples", "381"),
        ("evidence.outputs.0.agreed", 382),
        ("evidence.outputs.0.equal", 382),
        ("evidence.outputs.0.learning", 382),
        ("evidence.outputs.0.unsure", 1),
        ("evidence.outputs.0.stuck", 351),
        ("evidence.outputs.0.changed", 382),
        ("evidence.outputs.0.nonFinite", 382),
        ("evidence.outputs.0.outside", 3811),
        ("evidence.outputs.0.self", {"samples": 3, "equal": 4}),
        ("evidence.outputs.0.self", {"samples": 3, "equal": 3, "judged": 2, "agreed": 3}),
        ("evidence.outputs.0.noise", -0.1),
        ("evidence.outputs.0.noise", float("nan")),
        ("evidence.outputs.0.cosine", float("inf")),
        ("evidence.outputs.0.cosine", 10**400),
        ("evidence.outputs.0.cosine", True),
        ("evidence.outputs.0.top1", -1),
        ("evidence.worst", [{}]),
        ("memory", []),
        ("memory.bytes", None),
        ("memory.samples", [[1]]),
        ("memory.samples", [[1, 2, 3]]),
        ("memory.samples", [[1, 2]] * (MOST_SAMPLES + 1)),
    ],
)
def test_what_is_not_as_the_contract_has_it_is_not_believed(path: str, value: object) -> None:
    assert split_state(changed(path, value), "pod-1") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    *(f"evidence.{name}" for name in STATE["evidence"]),
    *(f"evidence.outputs.0.{name}" for name in STATE["evidence"]["outputs"][0]),
    "shadow",
    "memory",
    "memory.samples",
]


@given(st.sampled_from(PLACES), JSON)
def test_whatever_stands_there_it_is_read_or_not_believed(path: str, value: object) -> None:
    state = split_state(changed(path, value), "pod-1")
    assert state is None or isinstance(state.evidence, Evidence)


def test_what_pods_have_seen_adds_up() -> None:
    one = read(STATE).evidence
    assert one is not None
    both = together(one.course, [one, one, Evidence("another", 5, 5)])
    assert (both.stable_requests, both.requests, both.errors, both.copies) == (16000, 1268, 14, 762)
    assert both.compute == {97: 40, 101: 260, 150: 2}
    assert (both.outputs[0].samples, both.outputs[0].agreed, both.outputs[0].cosine) == (762, 758, 0.998)
