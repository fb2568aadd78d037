"""Golden requests: a directory with the model's own test data, served as users serve it and as pods do."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

import onnx_server
from tests.contract import onnx_models
from tests.contract.onnx_models import WEIGHTS
from tests.contract.server_process import ServerProcess, fetch, serving
from tests.contract.test_server_control import KEY, POD_UID, jwks, token

Array = NDArray[Any]
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(4, 64)).astype(np.float32)
Y = X @ WEIGHTS


def write_set(folder: Path, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
    """Write a set as the onnx package's users do."""
    folder.mkdir(parents=True)
    for role, arrays in (("input", inputs), ("output", outputs)):
        for index, array in enumerate(arrays):
            tensor = numpy_helper.from_array(array)
            (folder / f"{role}_{index}.pb").write_bytes(tensor.SerializeToString())


@dataclass(frozen=True)
class Pod:
    """A server with a control port that answers."""

    server: ServerProcess
    facts: dict[str, Any]

    @property
    def golden(self) -> Any:
        return self.facts["golden"]

    def split(self) -> dict[str, Any]:
        url = self.server.facts_url.replace("facts", "split")
        document: dict[str, Any] = httpx.get(url, headers={"Authorization": f"Bearer {token()}"}).json()
        return document

    def infer(self, rows: Array) -> httpx.Response:
        tensor = {"name": "x", "datatype": "FP32", "shape": list(rows.shape), "data": rows.ravel().tolist()}
        return httpx.post(f"{self.server.url}/v2/models/model/infer", json={"inputs": [tensor]})


@contextlib.contextmanager
def pod(model: Path, tmp_path: Path) -> Iterator[Pod]:
    live = tmp_path / "live"
    live.mkdir(exist_ok=True)
    (live / "operator-keys.json").write_text(jwks(a=KEY))
    with serving(model, "--live", live, tmp_path=tmp_path, env={"POD_UID": POD_UID}) as server:
        server.wait_until_ready()
        facts = httpx.get(server.facts_url, headers={"Authorization": f"Bearer {token()}"}).json()
        yield Pod(server, facts)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a model: y = x · WEIGHTS."""
    directory = tmp_path / "model"
    directory.mkdir()
    onnx_models.linear(directory / "model.onnx")
    return directory


def test_without_test_data_there_is_nothing_to_say(directory: Path, tmp_path: Path) -> None:
    with pod(directory, tmp_path) as started:
        assert started.golden is None
        assert started.facts["warmUp"]["source"] == "Declared"


def test_it_passes(directory: Path, tmp_path: Path) -> None:
    for number, rows in enumerate((1, 4)):
        write_set(directory / f"test_data_set_{number}", [X[:rows]], [Y[:rows]])
    with pod(directory, tmp_path) as started:
        assert started.golden == {"sets": 2, "passed": 2, "failures": [], "message": ""}
        assert started.facts["warmUp"]["source"] == "Golden"
        assert started.server.wait_for_log("test data")["passed"] == "2 of 2"


def test_as_fetch_brings_it(directory: Path, tmp_path: Path) -> None:
    write_set(directory / "test_data_set_0", [X], [Y])
    fetched = fetch(f"{directory}/", tmp_path / "brought", tmp_path=tmp_path)
    assert fetched.message["files"] == 3
    # Somebody's file that was not verified is not read.
    (tmp_path / "brought" / "test_data_set_0" / "output_1.pb").write_bytes(b"nonsense")
    with pod(tmp_path / "brought", tmp_path) as started:
        assert started.golden == {"sets": 1, "passed": 1, "failures": [], "message": ""}
        assert started.facts["model"]["digest"] == fetched.message["digest"]


def test_beside_the_file_that_is_served(directory: Path, tmp_path: Path) -> None:
    write_set(directory / "test_data_set_0", [X], [Y])
    with pod(directory / "model.onnx", tmp_path) as started:
        assert started.golden["passed"] == 1


def test_in_a_model_repository(directory: Path, tmp_path: Path) -> None:
    version = tmp_path / "models" / "digits" / "3"
    version.parent.mkdir(parents=True)
    directory.rename(version)
    write_set(version / "test_data_set_0", [X], [Y])
    with pod(tmp_path / "models", tmp_path) as started:
        assert started.facts["models"][0]["golden"] == {"sets": 1, "passed": 1, "failures": [], "message": ""}
        assert started.golden is None


def test_a_set_that_fails_blocks_nothing(directory: Path, tmp_path: Path) -> None:
    wrong = Y.copy()
    wrong[1, 3] += 0.4
    write_set(directory / "test_data_set_0", [X], [Y])
    write_set(directory / "test_data_set_1", [X], [wrong])
    with pod(directory, tmp_path) as started:
        assert (started.golden["sets"], started.golden["passed"]) == (2, 1)
        (failure,) = started.golden["failures"]
        assert failure["set"] == "test_data_set_1"
        assert failure["message"].startswith("output y: 1 of 40 elements differ, at most by 0.4")
        assert started.facts["ready"] is True
        assert started.infer(X[:1]).status_code == 200
        warned = [entry for entry in started.server.entries() if "test_data_set_1" in entry["message"]]
        assert "1 of 40 elements differ" in warned[0]["message"]


def test_an_input_that_the_model_refuses(tmp_path: Path) -> None:
    directory = tmp_path / "model"
    onnx_models.shift(directory / "model.onnx", 1)
    one = np.array([1.0], np.float32)
    write_set(directory / "test_data_set_0", [np.ones((2, 2), np.float32)], [one])
    with pod(directory, tmp_path) as started:
        assert "its shape [2, 2] does not fit 'x' of [-1]" in started.golden["failures"][0]["message"]
        assert started.facts["warmUp"]["source"] == "Declared"


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


MALFORMED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a web page": (lambda path: path.write_text("<html>"), "its bytes are no tensor"),
    "cut off": (cut_off, "its bytes are no tensor"),
    "empty": (lambda path: path.write_bytes(b""), "element type (0)"),
    "another type": (
        lambda path: path.write_bytes(numpy_helper.from_array(X.astype(np.float64)).SerializeToString()),
        "it is FP64, and 'x' is FP32",
    ),
}


@pytest.mark.parametrize(("spoil", "words"), MALFORMED.values(), ids=list(MALFORMED))
def test_malformed(spoil: Callable[[Path], object], words: str, directory: Path, tmp_path: Path) -> None:
    write_set(directory / "test_data_set_0", [X], [Y])
    write_set(directory / "test_data_set_1", [X], [Y])
    spoil(directory / "test_data_set_0" / "input_0.pb")
    with pod(directory, tmp_path) as started:
        assert (started.golden["sets"], started.golden["passed"]) == (2, 1)
        assert started.golden["failures"][0]["message"].startswith("input_0.pb: ")
        assert words in started.golden["failures"][0]["message"]
        assert started.facts["warmUp"]["source"] == "Golden"
        assert started.infer(X[:1]).status_code == 200


def test_many_sets(directory: Path, tmp_path: Path) -> None:
    for number in range(30):
        write_set(directory / f"test_data_set_{number}", [X], [Y])
    with pod(directory, tmp_path) as started:
        assert (started.golden["sets"], started.golden["passed"]) == (10, 10)
        assert started.golden["message"].startswith("left out: test_data_set_10 and 19 more")


def test_sets_that_are_too_large(directory: Path, tmp_path: Path) -> None:
    rows = np.zeros((300_000, 64), np.float32)
    write_set(directory / "test_data_set_0", [rows], [rows @ WEIGHTS])
    with pod(directory, tmp_path) as started:
        assert (started.golden["sets"], started.golden["passed"]) == (0, 0)
        assert started.golden["message"].startswith("left out: test_data_set_0;")
        assert started.facts["warmUp"]["source"] == "Declared"


def test_every_datatype_in_the_order_of_the_graph(tmp_path: Path) -> None:
    directory = tmp_path / "model"
    directory.mkdir()
    onnx_models.identities(directory / "model.onnx", **onnx_models.IDENTITY_TYPES)
    arrays = [
        np.array(["a", "grün"], dtype=object) if key == "S" else np.array([0, 1]).astype(dtype)
        for key, dtype in zip(
            onnx_models.IDENTITY_TYPES,
            ["O", "e", "?", "f", "d", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"],
            strict=True,
        )
    ]
    write_set(directory / "test_data_set_0", arrays, arrays)
    with pod(directory, tmp_path) as started:
        assert started.golden == {"sets": 1, "passed": 1, "failures": [], "message": ""}


def test_the_pages_way_to_make_it(directory: Path, tmp_path: Path) -> None:
    page = Path(onnx_server.__file__).parents[2] / "docs" / "server.md"
    snippet = re.search(r"## Test data.*?```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert snippet is not None
    directory.rename(tmp_path / "digits")
    subprocess.run([sys.executable, "-c", snippet[1]], cwd=tmp_path, check=True, timeout=60)
    with pod(tmp_path / "digits", tmp_path) as started:
        assert started.golden == {"sets": 1, "passed": 1, "failures": [], "message": ""}


def test_memory_is_told_by_requests_since_warm_up(directory: Path, tmp_path: Path) -> None:
    with pod(directory, tmp_path) as started:
        before = started.split()["memory"]
        assert before.keys() == {"bytes", "limitBytes", "samples"}
        ((requests, held),) = before["samples"]
        assert requests == 0
        assert 10 << 20 < held < 1 << 30
        assert before["limitBytes"] is None or before["limitBytes"] > held
        with httpx.Client() as client:
            for _ in range(100):
                tensor = {"name": "x", "datatype": "FP32", "shape": [1, 64], "data": X[0].tolist()}
                client.post(f"{started.server.url}/v2/models/model/infer", json={"inputs": [tensor]}).raise_for_status()
        after = started.split()["memory"]
        counts = [count for count, _ in after["samples"]]
        assert counts == sorted(counts)
        assert counts[0] == 0
        assert 7 <= len(counts) <= 32
        assert counts[-1] <= 100
        assert after["samples"][0] == before["samples"][0]
