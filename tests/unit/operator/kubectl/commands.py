"""Run the plugin as a shell does."""

import pytest

from onnx_operator.kubectl.cli.app import main


def run(*arguments: str) -> int:
    """Run a command; return the exit code."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)
