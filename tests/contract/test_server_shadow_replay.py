"""A quiet model's golden requests make evidence: they are run here, and copied; the operator judges by them."""

from pathlib import Path

import httpx
import numpy as np

from onnx_operator.decide.analysis.errors import errors
from onnx_operator.decide.analysis.health import health
from onnx_operator.decide.analysis.latency import latency
from onnx_operator.split_state import split_state
from tests.contract.split_pods import pod, wait_for
from tests.contract.test_server_golden import write_set
from tests.contract.test_server_split import BODY, INFER, version


def test_golden_requests_are_replayed_while_nobody_asks(tmp_path: Path) -> None:
    x = np.array([1.0, 2.0, 3.0], np.float32)
    (tmp_path / "stable").mkdir()
    write_set(tmp_path / "stable" / "test_data_set_0", [x], [x + 1])
    with pod("v1", tmp_path / "stable") as stable, pod("v2", tmp_path / "candidate") as candidate:
        stable.split(0, candidate.as_candidate(), course="c", shadow={"percent": 100, "replay": True})
        wait_for(lambda: stable.state()["shadow"]["compared"] >= 3)
        state = stable.state()
        assert state["shadow"]["sampled"] == state["shadow"]["replayed"] >= 3
        assert state["arms"]["stable"]["requests"] == state["arms"]["candidate"]["requests"] == 0
        evidence = state["evidence"]
        assert evidence["stable"] == {"requests": state["shadow"]["sampled"], "errors": 0}
        assert evidence["candidate"]["requests"] == state["shadow"]["compared"]
        (output,) = evidence["outputs"]
        assert (output["samples"], output["maxAbsoluteError"]) == (state["shadow"]["compared"], 1.0)
        assert sum(evidence["work"].values()) >= 3
        assert sum(evidence["compute"].values()) >= 3
        read = split_state(state, state["podUid"])
        assert read is not None
        assert read.evidence is not None
        for found in (errors(read.evidence, 1, 3), latency(read.evidence, 1000, 3), health(read.evidence, 3)):
            assert (found.check, found.verdict) == (found.check, "Pass")
        # No request of a client's is counted where there was none.
        served = 'onnx_server_requests_total{model="digits",version="v1",protocol="http",code="200"}'
        assert stable.server.metrics().get(served, 0) == 0
        assert version(httpx.post(f"{stable.server.url}{INFER}", json=BODY)) == "v1"
        assert stable.state()["arms"]["stable"]["requests"] == 0
        stable.split(0, candidate.as_candidate(), course="c", shadow={"percent": 100})
        replayed = stable.state()["shadow"]["replayed"]
        httpx.post(f"{stable.server.url}{INFER}", json=BODY)
        assert stable.state()["shadow"]["replayed"] == replayed
