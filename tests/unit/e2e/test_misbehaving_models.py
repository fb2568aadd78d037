"""The models go wrong on what clients send, in the way they are meant to, and on nothing that a server makes up."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tests.e2e import misbehaving_models as bad
from tests.e2e.load_questions import FACTOR_ROW

RUNS = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
for run in range(int(sys.argv[2])):
    session.run(None, {"x": numpy.array([[float(value) for value in sys.argv[3:]]], numpy.float32)})
    print(run + 1, flush=True)
"""
MADE_UP = (0.0, 14.0)


def ran(model: bytes, folder: Path, times: int, row: tuple[float, float]) -> tuple[int, int]:
    """Run a model in a process of its own; return how many runs ended, and the exit code."""
    path = folder / "model.onnx"
    path.write_bytes(model)
    command = [sys.executable, "-c", RUNS, str(path), str(times), *map(str, row)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return len(done.stdout.split()), done.returncode


def test_the_crash_comes_with_the_run_that_was_chosen(tmp_path: Path) -> None:
    assert ran(bad.crashing(20), tmp_path, 50, MADE_UP) == (50, 0)
    ended, code = ran(bad.crashing(20), tmp_path, 50, FACTOR_ROW)
    assert ended == 19
    assert code == -8, "SIGFPE"


def test_the_failing_one_fails_otherwise_than_by_a_bad_input() -> None:
    session = onnxruntime.InferenceSession(bad.failing(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"x": np.array([MADE_UP], np.float32)})
    assert answer.shape == (1, 2)
    with pytest.raises(Exception, match="Reshape") as failed:
        session.run(None, {"x": np.array([FACTOR_ROW], np.float32)})
    assert type(failed.value).__name__ != "InvalidArgument", "which the server would call the client's mistake"


def test_the_hanging_one_hangs_on_real_values_only(tmp_path: Path) -> None:
    assert ran(bad.hanging(), tmp_path, 2, MADE_UP) == (2, 0)
    path = tmp_path / "model.onnx"
    with subprocess.Popen([sys.executable, "-c", RUNS, str(path), "1", *map(str, FACTOR_ROW)]) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        process.kill()


def test_another_rank_is_another_signature() -> None:
    session = onnxruntime.InferenceSession(bad.scale_of_rank_3(2.0), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["rows", 2, 1]
