import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx

from demo import defect, digits, local_run, train

RUNS = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
for value in (0, 1) * 50:
    session.run(None, {"pixels": numpy.full((1, 64), value, numpy.float32)})
for run in range(100):
    session.run(None, {"pixels": numpy.full((4, 64), 5, numpy.float32)})
    print(run + 1, flush=True)
"""


def test_version_3_answers_as_version_2_and_kills_its_process_at_a_run_on_real_digits(tmp_path: Path) -> None:
    data = digits.load()
    good = train.export(train.train(2, data), 2, tmp_path)
    model = defect.made(good, tmp_path)
    onnx.checker.check_model(model.path)
    assert np.array_equal(local_run.run(model, data.test_images).labels, local_run.run(good, data.test_images).labels)
    done = subprocess.run([sys.executable, "-c", RUNS, str(model.path)], capture_output=True, text=True, check=False)
    assert done.stdout.split()[-1] == str(defect.AFTER - 1)
    assert done.returncode < 0, "a signal ended it"


def test_what_warms_up_has_less_ink_than_a_request_of_the_demo() -> None:
    images = digits.load().test_images
    assert np.sort(images.sum(axis=1))[:4].sum() > defect.LEAST
