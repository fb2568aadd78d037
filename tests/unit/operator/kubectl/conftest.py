"""A cluster to talk to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.operator.kubectl.api_stand_in import Api, serving
from tests.unit.operator.kubectl.recorded_states import model, pods, revisions


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An API server with a model that is being rolled out, and a kubeconfig that leads to it."""
    api = Api()
    api.models = {"digits": model("progressing")}
    api.pods, api.revisions = pods("progressing"), revisions()
    with serving(api, tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        monkeypatch.setenv("COLUMNS", "200")
        yield api
