"""What holds for all tests: those marked ``gpu`` are listed, not run, where there is no GPU; CI draws no lots."""

import os
import shutil

import pytest
from hypothesis import settings

# New examples are searched for on a developer's machine; what CI says of a commit depends on the commit alone.
# How long an example takes is the machine's affair.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

LISTED = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a GPU where none is; the summary names it."""
    if shutil.which("nvidia-smi"):
        return
    left_out = [item for item in items if item.get_closest_marker("gpu")]
    if left_out:
        config.stash[LISTED] = [item.nodeid for item in left_out]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was left out, and what would run it."""
    for nodeid in config.stash.get(LISTED, []):
        terminalreporter.write_line(f"not run, needs a GPU (a machine with nvidia-smi and onnxruntime-gpu): {nodeid}")
