"""The recorded statuses are such as the API has them."""

from typing import get_args

import pytest

from onnx_operator.api.spec import Spec
from onnx_operator.api.status import Role, Status
from tests.unit.operator.kubectl.recorded_states import STATES, model


@pytest.mark.parametrize("state", STATES)
def test_spec_and_status_fit_the_api(state: str) -> None:
    recorded = model(state)
    known = set(Spec.model_fields)
    Spec.model_validate({key: value for key, value in recorded["spec"].items() if key in known})
    status, known = recorded.get("status", {}), set(Status.model_fields)
    for revision in status.get("revisions", []):
        if revision["role"] == "Rejected" and "Rejected" not in get_args(Role):
            revision["role"] = "Candidate"  # as an operator says it that knows no rejections
    Status.model_validate({key: value for key, value in status.items() if key in known})


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
