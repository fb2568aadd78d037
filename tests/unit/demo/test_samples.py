"""The samples as the documentation needs them; that a cluster takes them is an end-to-end test."""

from pathlib import Path

import pytest
import yaml

from demo.names import MODEL, SECRET
from demo.steps.serve import SAMPLE, SAMPLE_BASE
from demo.store import ENVIRONMENT
from onnx_operator.api.spec import Spec
from tests.cluster.paths import TREE

SAMPLES = sorted((TREE / "samples").glob("*.yaml"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_says_what_it_is_for_and_has_no_unknown_field(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# ")
    for document in yaml.safe_load_all(text):
        if document["kind"] == "ONNXModel":
            Spec.model_validate(document["spec"])


def test_the_demos_sample_is_what_the_demo_builds_on() -> None:
    model = yaml.safe_load((TREE / SAMPLE).read_text())
    assert model["metadata"]["name"] == MODEL
    assert model["spec"]["model"]["uri"] == f"{SAMPLE_BASE}/digits/1/model.onnx"
    assert model["spec"]["model"]["credentials"]["secretName"] == SECRET
    secret = yaml.safe_load((TREE / "samples" / "digits-secret.yaml").read_text())
    assert secret["metadata"]["name"] == SECRET
    assert set(secret["stringData"]) <= set(ENVIRONMENT)
