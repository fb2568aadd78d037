"""MLServer with a custom runtime that runs ONNX Runtime; it has none of its own for ONNX."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.server.installing import SOURCES, Environment
from benchmarks.server.places import GRPC_PORT, HTTP_PORT, METRICS_PORT
from benchmarks.server.process import Command

SETTINGS: Final = {
    "http_port": HTTP_PORT,
    "grpc_port": GRPC_PORT,
    "metrics_port": METRICS_PORT,
    "parallel_workers": 0,
    "debug": False,
}
BATCHING: Final = {"max_batch_size": 32, "max_batch_time": 0.001}


class MLServer:
    """Inference in the server's own process: a worker beside it would share the core, at the cost of a queue."""

    name = "mlserver"
    about = "custom runtime, no parallel workers, adaptive batching up to 32 within 1 ms, one thread"
    environment: Final = Environment("mlserver")

    def install(self) -> None:
        """Make its environment."""
        self.environment.install()

    def version(self) -> str:
        """Return MLServer's version, and ONNX Runtime's."""
        return f"{self.environment.version('mlserver')}, ONNX Runtime {self.environment.version('onnxruntime')}"

    def lacks(self) -> Mapping[str, str]:
        """Return the binary extension."""
        return {"http binary": "its REST server has no binary extension"}

    def command(self, model: str, file: Path, folder: Path) -> Command:
        """Return how to start it."""
        described = {
            "name": model,
            "implementation": "mlserver_model.OnnxModel",
            "parameters": {"uri": str(file)},
            **BATCHING,
        }
        (folder / "settings.json").write_text(json.dumps(SETTINGS))
        (folder / "model-settings.json").write_text(json.dumps(described))
        program = str(self.environment.python.with_name("mlserver"))
        return Command([program, "start", str(folder)], {"PYTHONPATH": str(SOURCES)})
