"""Which models' requests may run together: what running real ones proves, and the reason that is kept."""

from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import TensorProto

from onnx_server.engine.batchability import Batchability
from onnx_server.engine.cpus import Threads
from onnx_server.models import loading
from onnx_server.settings.model import ModelSettings
from tests.contract import batch_models, onnx_models

THREADS = Threads(intra_op=1, inter_op=1, spinning=False)


def proof(path: Path, **settings: object) -> Batchability:
    loaded = loading.load("m", "1", path, ModelSettings.model_validate(settings), THREADS)
    loaded.scheduler.close()
    return loaded.batching


@pytest.mark.parametrize(
    "make",
    [
        onnx_models.linear,
        onnx_models.lookup,
        batch_models.normalised,
        batch_models.narrow,
        batch_models.lookup_and_scale,
        batch_models.slow_rows,
        lambda path: onnx_models.identities(path, **onnx_models.IDENTITY_TYPES),
        lambda path: onnx_models.identity(path, TensorProto.BFLOAT16, ["N", 3]),
        onnx_models.bfloat16_to_float,
        lambda path: onnx_models.classifier(path, zipmap=False),
        lambda path: onnx_models.classifier(path, zipmap=True),
    ],
)
def test_independent_rows_are_proven(make: Callable[[Path], Path], tmp_path: Path) -> None:
    assert proof(make(tmp_path / "m.onnx")) == Batchability(
        True, "rows come out of batches of 2 and 3 as they do alone"
    )


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (batch_models.softmax_over_rows, "output 'y' of a row differs by"),
        (batch_models.running_sum, "output 'y' of a row differs by"),
        (lambda path: batch_models.running_sum(path, TensorProto.INT64), "output 'y' of a row is another"),
        (batch_models.noise, "output 'y' of a row differs by"),
        (batch_models.dynamically_quantised, "output 'y' of a row differs by"),
        (batch_models.first_row, "output 'y' has shape [1, 8], not a row for each row in a batch of 2"),
        (batch_models.one_row_only, "the model refused made-up rows"),
        (batch_models.any_rank, "output 'y' has no dynamic first dimension"),
        (onnx_models.busy, "input 'rounds' has no dynamic first dimension"),
        (lambda path: onnx_models.identity(path, TensorProto.FLOAT, []), "input 'x' has no dynamic first dimension"),
        (lambda path: onnx_models.identity(path, TensorProto.FLOAT, [1, 4]), "input 'x' has no dynamic first"),
    ],
)
def test_anything_else_keeps_its_reason(make: Callable[[Path], Path], reason: str, tmp_path: Path) -> None:
    batching = proof(make(tmp_path / "m.onnx"))
    assert not batching.proven
    assert reason in batching.reason


def test_off_is_off(tmp_path: Path) -> None:
    path = onnx_models.linear(tmp_path / "m.onnx")
    assert proof(path, batching={"mode": "Off"}) == Batchability(False, "batching.mode is Off")
