"""The recorded statuses are such as the API has them."""

import pytest

from onnx_operator.api.spec import Spec
from onnx_operator.api.status import Status
from tests.unit.operator.kubectl.recorded_states import STATES, model


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
