"""A model as a run needs it: its file, what is sent to it, and what must come back."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.server.models import Array, Model
from benchmarks.server.places import LOAD_CORE, SERVER_CORE
from tests.cluster.commands import run
from tests.cluster.progress import note

FEW: Final = 1
SEVERAL: Final = 4
MOST: Final = 16
"""Hidden layers: two models tell what a layer takes, and none gets more than MOST."""
FITTING: Final = 1.0
"""Seconds for which ONNX Runtime runs each of the two."""


@dataclass(frozen=True)
class Subject:
    """`inputs` are FP32 [DISTINCT, *shape], `expected` what ONNX Runtime answers to each of them alone."""

    model: Model
    file: Path
    inputs: Array
    expected: Array
    folder: Path

    def raw(self, seconds: float, *, busy: bool = False) -> dict[str, float]:
        """Return rows a second of ONNX Runtime alone on the server's core: `batch1`, `batch32`.

        With `busy` the load tool's core has something to do meanwhile, as under a load: cores share caches, and more.
        """
        with _busy_load_core() if busy else contextlib.nullcontext():
            rates: dict[str, float] = json.loads(_raw("rates", self.file, self.folder / "inputs.npy", seconds))
        return {name: round(rate, 1) for name, rate in rates.items()}


def fitted(model: Model) -> Model:
    """Return the model with as many layers as it takes for its time; one that has no time is as it is."""
    if model.seconds is None or model.layered is None:
        return model
    chosen = model.layered(layers(model.seconds, lambda count: _seconds(model, count)))
    note(f"{chosen.name} is {chosen.about}")
    return chosen


def layers(wanted: float, taken: Callable[[int], float]) -> int:
    """Return with how many layers a run takes the wanted time, where `taken` tells it of a count; both in seconds."""
    few, several = taken(FEW), taken(SEVERAL)
    each = (several - few) / (SEVERAL - FEW)
    return max(FEW, min(MOST, round(FEW + (wanted - few) / each))) if each > 0 else FEW


def _seconds(model: Model, count: int) -> float:
    if model.layered is None:
        raise AssertionError("only a model that has layers is fitted")
    with tempfile.TemporaryDirectory(prefix="bench-server-") as folder:
        return 1 / made(model.layered(count), Path(folder)).raw(FITTING)["batch1"]


def made(model: Model, folder: Path) -> Subject:
    """Make the model and its right answers in a folder."""
    file, inputs, answers = model.write(folder), folder / "inputs.npy", folder / "answers.npy"
    np.save(inputs, model.inputs())
    _raw("answers", file, inputs, answers)
    return Subject(model, file, np.load(inputs), np.load(answers), folder)


@contextlib.contextmanager
def _busy_load_core() -> Iterator[None]:
    spinning = [sys.executable, "-c", "while True: pass"]
    with subprocess.Popen(["taskset", "-c", str(LOAD_CORE), *spinning]) as process:
        try:
            yield
        finally:
            process.kill()


def _raw(what: str, *arguments: object) -> str:
    # A process of its own: ONNX Runtime's pages would otherwise be shared with ours, and the server's memory look less.
    program = [sys.executable, "-m", "benchmarks.server.raw", what, *map(str, arguments)]
    return run(["taskset", "-c", str(SERVER_CORE), *program], what=f"raw ONNX Runtime ({what})")
