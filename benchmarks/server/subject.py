"""A model as a run needs it: its file, what is sent to it, and what must come back."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.server.models import Array, Model
from benchmarks.server.places import SERVER_CORE
from tests.cluster.commands import run


@dataclass(frozen=True)
class Subject:
    """`inputs` are FP32 [DISTINCT, *shape], `expected` what ONNX Runtime answers to each of them alone."""

    model: Model
    file: Path
    inputs: Array
    expected: Array
    folder: Path

    def raw(self, seconds: float) -> dict[str, float]:
        """Return rows a second of ONNX Runtime alone on the server's core: `batch1`, `batch32`."""
        rates: dict[str, float] = json.loads(_raw("rates", self.file, self.folder / "inputs.npy", seconds))
        return {name: round(rate, 1) for name, rate in rates.items()}


def made(model: Model, folder: Path) -> Subject:
    """Make the model and its right answers in a folder."""
    file, inputs, answers = model.write(folder), folder / "inputs.npy", folder / "answers.npy"
    np.save(inputs, model.inputs())
    _raw("answers", file, inputs, answers)
    return Subject(model, file, np.load(inputs), np.load(answers), folder)


def _raw(what: str, *arguments: object) -> str:
    # A process of its own: ONNX Runtime's pages would otherwise be shared with ours, and the server's memory look less.
    program = [sys.executable, "-m", "benchmarks.server.raw", what, *map(str, arguments)]
    return run(["taskset", "-c", str(SERVER_CORE), *program], what=f"raw ONNX Runtime ({what})")
