from typing import Any

import pytest
from pydantic import ValidationError

from onnx_operator import names
from onnx_operator.api.spec import Spec

LEAST: dict[str, Any] = {"model": {"uri": "s3://models/digits/1/"}}


def hash_of(**fields: Any) -> str:
    return names.revision_hash(Spec.model_validate({**LEAST, **fields}).frozen())


@pytest.mark.parametrize(
    "written",
    [
        {"server": {"executionProviders": ["CPU"]}},
        {"server": {}},
        {"server": {"maxBatchSize": None}},
        {"resources": {"limits": {}}},
        {"podTemplate": {"terminationGracePeriodSeconds": 45, "env": []}},
        {"state": "Suspended"},
        {"scaling": {"minReplicas": 7}},
        {"rollout": {"strategy": "BlueGreen", "steps": [{"pause": {}}], "capacity": {"whenNoCapacity": "Abort"}}},
        {"routing": {"provider": "External", "stickyBy": {"header": "x-user"}, "previewHeader": "x-preview"}},
        {"signature": {"breaking": "Allow"}},
        {"model": {**LEAST["model"], "sha256": None}},
        {"model": {**LEAST["model"], "change": "Retrained"}},
        {"model": {**LEAST["model"], "change": "Equivalent"}},
        {"rollout": {"analysis": {"maxLatencyIncrease": 20, "skip": ["Memory"]}}},
    ],
)
def test_a_default_that_is_written_out_and_a_live_field_make_no_new_revision(written: dict[str, Any]) -> None:
    assert hash_of(**written) == hash_of()


@pytest.mark.parametrize(
    "changed",
    [
        {"model": {"uri": "s3://models/digits/2/"}},
        {"model": {**LEAST["model"], "sha256": "0" * 64}},
        {"model": {**LEAST["model"], "credentials": {"secretName": "s3"}}},
        {"server": {"executionProviders": ["CUDA", "CPU"]}},
        {"server": {"executionProviders": ["CPU", "CUDA"]}},
        {"server": {"maxBatchSize": 1}},
        {"server": {"image": "server:2"}},
        {"resources": {"limits": {"cpu": 1}}},
        {"resources": {"requests": {"cpu": 1}}},
        {"podTemplate": {"env": [{"name": "A", "value": "b"}]}},
        {"podTemplate": {"sharedMemorySize": "1Gi"}},
    ],
)
def test_each_frozen_field_makes_a_new_revision(changed: dict[str, Any]) -> None:
    assert hash_of(**changed) != hash_of()


def test_only_what_was_declared_is_frozen() -> None:
    assert Spec.model_validate(LEAST).frozen() == LEAST


def test_hashes_of_specs_that_exist_stay() -> None:
    """Or every model would be rolled out anew when the operator is upgraded."""
    assert hash_of() == "knmrmqnltt"
    assert hash_of(model={**LEAST["model"], "sha256": "0" * 64}, server={"maxBatchSize": 8}) == "zxh5tnt6dc"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("scaling.minReplicas", {"scaling": {"minReplicas": 0}}),
        ("server.executionProviders", {"server": {"executionProviders": []}}),
        ("model.sha256", {"model": {**LEAST["model"], "sha256": "ABC"}}),
        ("podTemplate.hostNetwork", {"podTemplate": {"hostNetwork": True}}),
        ("state", {"state": "Paused"}),
        ("rollout.strategy", {"rollout": {"strategy": "Rolling"}}),
        ("rollout.steps.0.weight", {"rollout": {"steps": [{"weight": 0}]}}),
        ("rollout.steps.0.weight", {"rollout": {"steps": [{"weight": 101}]}}),
        ("rollout.steps.0.shadow.percent", {"rollout": {"steps": [{"shadow": {"percent": 0}}]}}),
        ("rollout.steps.0.shadow.percent", {"rollout": {"steps": [{"shadow": {"percent": 101}}]}}),
        ("rollout.steps.0.shadow.minSamples", {"rollout": {"steps": [{"shadow": {"minSamples": 0}}]}}),
        ("rollout.steps.0.minSamples", {"rollout": {"steps": [{"weight": 5, "minSamples": -1}]}}),
        ("rollout.steps.0.mirror", {"rollout": {"steps": [{"mirror": {}}]}}),
        ("rollout.analysis.whenInconclusive", {"rollout": {"analysis": {"whenInconclusive": "Hope"}}}),
        (
            "rollout.analysis.outputs.relativeTolerance",
            {"rollout": {"analysis": {"outputs": {"relativeTolerance": "-1"}}}},
        ),
        ("model.change", {"model": {**LEAST["model"], "change": "Other"}}),
        ("rollout.revisionHistoryLimit", {"rollout": {"revisionHistoryLimit": 51}}),
        ("routing.stickyBy.header", {"routing": {"stickyBy": {"header": ""}}}),
    ],
)
def test_what_the_operator_does_not_know_is_refused_by_the_fields_name(field: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Spec.model_validate({**LEAST, **wrong})
    assert {".".join(map(str, error["loc"])) for error in refused.value.errors()} == {field}
