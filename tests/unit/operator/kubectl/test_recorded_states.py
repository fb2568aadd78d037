"""The recorded states are what the operator writes today: RENDER=1 writes them anew, to be read over."""

import os
import re

import pytest

from onnx_operator.api.spec import Spec
from onnx_operator.api.status import Status
from tests.unit.operator.kubectl.played_states import played
from tests.unit.operator.kubectl.recorded_states import HERE, NOW, REVISIONS, STATES, items_of, model, write


@pytest.mark.parametrize("state", STATES)
def test_a_recorded_state_is_what_the_operator_writes(state: str) -> None:
    items = played(state)
    if os.environ.get("RENDER"):
        write(state, items)
    assert items_of(state) == items


def test_there_is_a_file_for_each_state_and_no_other() -> None:
    assert sorted(path.stem for path in HERE.iterdir()) == sorted([*STATES, REVISIONS])


@pytest.mark.parametrize("state", STATES)
def test_nothing_happened_after_it_was_recorded(state: str) -> None:
    times = re.findall(r"2026-11-28T\d\d:\d\d:\d\d", (HERE / f"{state}.yaml").read_text())
    assert max(times) <= f"{NOW:%Y-%m-%dT%H:%M:%S}"


@pytest.mark.parametrize("state", STATES)
def test_spec_and_status_fit_the_api(state: str) -> None:
    recorded = model(state)
    Spec.model_validate(recorded["spec"])
    Status.model_validate(recorded.get("status", {}))


def test_every_phase_is_recorded() -> None:
    phases = {model(state).get("status", {}).get("rollout", {}).get("phase") for state in STATES}
    assert phases == {
        None,
        "Preflight",
        "Progressing",
        "Paused",
        "Promoting",
        "HandingOver",
        "RollingBack",
        "Aborted",
    }
