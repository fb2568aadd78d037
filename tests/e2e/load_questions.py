"""What clients ask a model about, over and over, and what they make of an answer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]
Outputs = Mapping[str, npt.NDArray[Any]]

FACTOR_ROW: Final = (1000.0, 2000.0)
"""What `models.scale_model` is asked about: values that no server makes up while it warms up."""

RIGHT, WRONG = 1.0, 0.0
CLOSE: Final = 2e-3
"""How far right probabilities may be off, absolutely: what batching does to floats is a thousandth of it."""


class Questions(Protocol):
    """Rows to ask about, one a request; the row with a number comes again after all others."""

    name: str
    rows: Rows

    def judged(self, number: int, outputs: Outputs) -> float:
        """Return what the answer to a row tells."""


class Factor:
    """One row for a model ``y = factor * x``; an answer tells the factor."""

    name = "x"
    rows = np.array([FACTOR_ROW], np.float32)

    def judged(self, number: int, outputs: Outputs) -> float:
        """Return the factor."""
        return float(outputs["y"].reshape(-1)[0]) / float(self.rows[number, 0])


class Known:
    """Rows, FLOAT [N, W], with the answers that are right; an answer tells `RIGHT` or `WRONG`."""

    def __init__(self, file: Path) -> None:
        with np.load(file) as kept:
            self.name = str(kept["name"])
            self.rows: Rows = kept["rows"]
            by_version: dict[str, dict[str, npt.NDArray[Any]]] = {}
            for key in kept.files:
                if key.startswith("right/"):
                    _, version, output = key.split("/")
                    by_version.setdefault(version, {})[output] = kept[key]
        self._right = list(by_version.values())

    def judged(self, number: int, outputs: Outputs) -> float:
        """Return `RIGHT` if all outputs are those of one version that is right."""
        return RIGHT if any(_same(number, outputs, right) for right in self._right) else WRONG


def keep(file: Path, name: str, rows: Rows, *right: Outputs) -> Path:
    """Keep rows and what each version that is right answers to all of them, by output; return the file."""
    answers: dict[str, Any] = {
        f"right/{version}/{output}": a for version, one in enumerate(right) for output, a in one.items()
    }
    np.savez(file, name=np.array(name), rows=rows, **answers)
    return file


def body(questions: Questions, number: int) -> str:
    """Return the HTTP request about a row: JSON without a binary part."""
    row = questions.rows[number]
    tensor = {"name": questions.name, "datatype": "FP32", "shape": [1, row.size], "data": row.tolist()}
    return json.dumps({"inputs": [tensor]})


def of_body(answer: Mapping[str, Any]) -> Outputs:
    """Return the outputs of an HTTP answer."""
    return {output["name"]: np.array(output["data"]).reshape(output["shape"]) for output in answer["outputs"]}


def message(questions: Questions, number: int, model: str) -> bytes:
    """Return the gRPC request about a row."""
    from tritonclient.grpc import service_pb2  # the clients of HTTP need not wait for it

    row = questions.rows[number]
    request = service_pb2.ModelInferRequest(model_name=model)
    request.inputs.add(name=questions.name, datatype="FP32", shape=[1, row.size])
    request.raw_input_contents.append(row.tobytes())
    data: bytes = request.SerializeToString()
    return data


def of_message(response: Any) -> Outputs:
    """Return the outputs of a gRPC answer."""
    kinds = {"FP32": np.float32, "INT64": np.int64}
    parts = zip(response.outputs, response.raw_output_contents, strict=True)
    return {output.name: np.frombuffer(data, kinds[output.datatype]).reshape(output.shape) for output, data in parts}


def _same(number: int, outputs: Outputs, right: Outputs) -> bool:
    return outputs.keys() == right.keys() and all(_close(outputs[name][0], right[name][number]) for name in right)


def _close(said: Any, right: Any) -> bool:
    if said.shape != right.shape:
        return False
    if np.issubdtype(right.dtype, np.integer):
        return bool(np.array_equal(said, right))
    # JSON has null where a float is no number.
    return bool(np.all(np.abs(np.asarray(said, np.float64) - right) <= CLOSE))
