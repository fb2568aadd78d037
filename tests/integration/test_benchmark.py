"""The benchmark's command plays to its end and shows what it measured; how much that is, is never asserted."""

import json
import subprocess
import sys
from pathlib import Path

from tests.cluster.paths import TREE


def test_models_at_once_are_measured_against_the_bare_writer_with_pods_played_by_kwok(tmp_path: Path) -> None:
    page, results = tmp_path / "page.md", tmp_path / "results.json"
    command = ["--only", "at-once", "--sizes", "3", "--rounds", "1", "--write", str(page), "--results", str(results)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.operator", *command], cwd=TREE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

    found = json.loads(results.read_text())["at-once 3"]["values"]
    (operated,), (written,) = found["operator"], found["bare"]
    # Each of a model's eight objects takes at least one write, and so does its status.
    assert operated["writesAModel"] >= 9
    assert operated["cpuSeconds"].keys() >= {"operator", "kube-apiserver", "etcd", "kwok"}
    assert written["readyAfter"] >= written["writtenAfter"] > 0
    assert "| 3 | 1 |" in page.read_text()
