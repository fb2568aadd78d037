"""Running a batch: what the model is given."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from onnx_server.engine.batching import Batch
from onnx_server.engine.execution import execute
from onnx_server.engine.work import Outcome, Run, Work
from onnx_server.protocol.datatypes import Tensor


class Doubling:
    """Doubles x, if its address is one that kernels may rely on."""

    def run(self, inputs: Mapping[str, Tensor], _outputs: Sequence[str]) -> list[Tensor]:
        assert all(array.flags.aligned for array in inputs.values())
        return [inputs["x"] * 2]


def unaligned(value: float) -> Tensor:
    body = b"odd" + np.array([[value, value]], "<f4").tobytes()
    array: Tensor = np.ndarray((1, 2), "<f4", body, 3)
    assert not array.flags.aligned
    return array


@pytest.mark.parametrize("count", [1, 2, 5])
def test_tensors_lie_at_any_address_and_the_model_gets_aligned_ones(count: int) -> None:
    heard: list[Outcome] = []
    works = [Work(rows=1, inputs={"x": unaligned(index)}, outputs=("y",), done=heard.append) for index in range(count)]
    executed = execute(Doubling(), Batch(works, count, 2 * count), 0.0)
    for index, outcome in enumerate(executed.outcomes):
        assert isinstance(outcome, Run)
        assert outcome.outputs[0].tolist() == [[2.0 * index, 2.0 * index]]


@pytest.mark.parametrize("count", [1, 3])
def test_one_request_of_a_batch_leads_and_each_knows_all_of_it(count: int) -> None:
    heard: list[Outcome] = []
    works = [
        Work(rows=1, size=2, inputs={"x": unaligned(index)}, outputs=("y",), done=heard.append)
        for index in range(count)
    ]
    runs = [each for each in execute(Doubling(), Batch(works, count, 2 * count), 0.0).outcomes if isinstance(each, Run)]
    assert [(run.rows, run.elements) for run in runs] == [(count, 2 * count)] * count
    assert [run.lead for run in runs] == [True, *[False] * (count - 1)]
