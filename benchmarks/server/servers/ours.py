"""`onnx-server` of this tree, as it is shipped: metrics, limits and deadlines are on."""

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.server.places import CONTROL_PORT, GRPC_PORT, HOST, HTTP_PORT, METRICS_PORT
from benchmarks.server.process import Command

COMMAND: Final = (sys.executable, "-m", "onnx_server", "serve")
GRPC_OPTION: Final = "--grpc-port"


class Ours:
    """The server that is developed here; it counts its threads by the cores it may use."""

    name = "ours"
    about = "default settings"

    def install(self) -> None:
        """Do nothing: it runs from the tree."""

    def version(self) -> str:
        """Return the commit, and the version of ONNX Runtime."""
        return f"{machine.commit()}, ONNX Runtime {version('onnxruntime')}"

    def lacks(self) -> Mapping[str, str]:
        """Return gRPC as long as the command line does not offer it."""
        return {} if _has_grpc() else {"grpc": f"`serve` has no {GRPC_OPTION}"}

    def command(self, model: str, file: Path, folder: Path) -> Command:
        """Return how to start it."""
        config = folder / "server.yaml"
        config.write_text(json.dumps({"model": {"name": model}, "drainSeconds": 0}))  # JSON is YAML
        ports = ["--http-port", HTTP_PORT, "--metrics-port", METRICS_PORT, "--control-port", CONTROL_PORT]
        if _has_grpc():
            ports += [GRPC_OPTION, GRPC_PORT]
        return Command([*COMMAND, str(file), "--config", str(config), "--host", HOST, *map(str, ports)])


@cache
def _has_grpc() -> bool:
    return GRPC_OPTION in subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
