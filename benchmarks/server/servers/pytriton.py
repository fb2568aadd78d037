"""PyTriton: Triton with its Python backend, ONNX Runtime in the function that it binds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.server.installing import Environment, program, python_libraries
from benchmarks.server.places import GRPC_PORT, HTTP_PORT, METRICS_PORT
from benchmarks.server.process import Command


class PyTriton:
    """Triton's own dynamic batching, without a delay."""

    name = "pytriton"
    about = "dynamic batching up to 32 without delay, one thread in the model"
    environment: Final = Environment("pytriton")

    def install(self) -> None:
        """Make its environment."""
        self.environment.install()

    def version(self) -> str:
        """Return PyTriton's version, and ONNX Runtime's."""
        return f"{self.environment.version('nvidia-pytriton')}, ONNX Runtime {self.environment.version('onnxruntime')}"

    def lacks(self) -> Mapping[str, str]:
        """Return nothing: it speaks all ways."""
        return {}

    def command(self, model: str, file: Path, folder: Path) -> Command:
        """Return how to start it. Triton embeds Python, and must find the library of the one that runs the script."""
        given = [model, file, HTTP_PORT, GRPC_PORT, METRICS_PORT]
        return Command(
            [str(self.environment.python), program("pytriton_model.py"), *map(str, given)],
            {"LD_LIBRARY_PATH": python_libraries(), "PYTRITON_HOME": str(folder / "pytriton")},
        )
