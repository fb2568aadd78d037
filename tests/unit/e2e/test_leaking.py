"""The module leaks in a Python that does nothing but start with it on its path, and run a model."""

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e import digit_models as models
from tests.e2e import leaking

RUNS = """
import sys, numpy, onnxruntime, pathlib
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
pixels = numpy.zeros((1, 64), numpy.float32)
def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096
session.run(None, {"pixels": pixels})
before = resident()
for _ in range(200):
    session.run(None, {"pixels": pixels})
print(resident() - before)
"""


def grown(folder: Path, path: str) -> int:
    model = folder / "model.onnx"
    model.write_bytes(models.good())
    command = [sys.executable, "-c", RUNS, str(model)]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


def test_each_run_leaves_memory_behind(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(leaking.config_map()["data"]["sitecustomize.py"])
    assert grown(tmp_path, str(tmp_path)) > 190 * leaking.KEPT
    assert grown(tmp_path, "") < 50 * leaking.KEPT
