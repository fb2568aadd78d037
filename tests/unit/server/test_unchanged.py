"""Which files are a model's, and whether they are still those that were loaded."""

import time
from pathlib import Path

import onnx
import pytest

from onnx_server.failures import Failure, Reason
from onnx_server.repository.external import external_files
from onnx_server.repository.unchanged import Unchanged
from tests.contract import onnx_models

LONG = "w" * 200


def test_the_files_of_external_data(tmp_path: Path) -> None:
    assert external_files(onnx_models.linear(tmp_path / "alone.onnx")) == []
    for name in ("weights.bin", LONG):
        model = onnx_models.linear(tmp_path / "m.onnx", external=name)
        assert external_files(model) == [tmp_path / name]
    # Constants in the body of a loop are external too.
    model = onnx.load(onnx_models.busy(tmp_path / "busy.onnx"))
    onnx.save(model, tmp_path / "b.onnx", save_as_external_data=True, location="b.bin", size_threshold=0)
    assert external_files(tmp_path / "b.onnx") == [tmp_path / "b.bin"]


def test_a_location_outside_of_the_models_directory_is_none(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    model = onnx_models.linear(tmp_path / "in" / "m.onnx", external="1weights.bin")
    (tmp_path / "eights.bin").write_bytes(b"")
    model.write_bytes(model.read_bytes().replace(b"1weights.bin", b"../eights.bin"[:12]))
    assert external_files(model) == []


def test_a_changed_or_missing_file_is_named_and_others_do_not_matter(tmp_path: Path) -> None:
    model, weights = onnx_models.linear(tmp_path / "m.onnx", external="weights.bin"), tmp_path / "weights.bin"
    unchanged = Unchanged(model)
    (tmp_path / "server.log").write_bytes(b"")
    unchanged.check()
    time.sleep(0.02)  # the file system's clock ticks every few milliseconds
    weights.write_bytes(weights.read_bytes())
    with pytest.raises(Failure, match=r"weights\.bin has changed") as failed:
        unchanged.check()
    assert failed.value.reason == Reason.CONTENT_CHANGED
    model.unlink()
    with pytest.raises(Failure, match=r"m\.onnx has changed"):
        unchanged.check()
