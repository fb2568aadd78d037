"""KServe's Python server with a custom model that runs ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.server.installing import Environment, program
from benchmarks.server.places import GRPC_PORT, HTTP_PORT
from benchmarks.server.process import Command


class KServe:
    """It does not batch; what it can leave out per request is left out."""

    name = "kserve"
    about = "custom model, one worker, one thread, no log line for each request"
    environment: Final = Environment("kserve")

    def install(self) -> None:
        """Make its environment."""
        self.environment.install()

    def version(self) -> str:
        """Return KServe's version, and ONNX Runtime's."""
        return f"{self.environment.version('kserve')}, ONNX Runtime {self.environment.version('onnxruntime')}"

    def lacks(self) -> Mapping[str, str]:
        """Return nothing: it speaks all ways."""
        return {}

    def command(self, model: str, file: Path, folder: Path) -> Command:
        """Return how to start it."""
        given = [model, file, HTTP_PORT, GRPC_PORT]
        return Command([str(self.environment.python), program("kserve_model.py"), *map(str, given)])
