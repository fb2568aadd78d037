"""gRPC: answers checked by tritonclient in an environment of its own, load by h2load."""

from typing import Final

import numpy as np

from benchmarks.server import h2load
from benchmarks.server.answers import compare
from benchmarks.server.installing import Environment, program
from benchmarks.server.loads import Load
from benchmarks.server.places import GRPC_PORT, HOST
from benchmarks.server.subject import Subject
from tests.cluster.commands import run

METHOD: Final = "/inference.GRPCInferenceService/ModelInfer"


class OverGrpc:
    """Raw contents both ways, one stream a connection."""

    name = "grpc"
    client: Final = Environment("grpc_client")

    def install(self) -> None:
        """Make the client's environment."""
        self.client.install()

    def check(self, subject: Subject) -> int:
        """Send each input as a request of its own, all at once."""
        inputs, answers = subject.folder / "inputs.npy", subject.folder / "grpc-answers.npy"
        size = self._run("answers", f"{HOST}:{GRPC_PORT}", subject.model.name, inputs, answers)
        compare(list(np.load(answers)), subject.expected)
        return int(size)

    def load(self, subject: Subject, answer_bytes: int, connections: int, seconds: int) -> Load:
        """Measure by h2load."""
        frame = subject.folder / "frame"
        if not frame.exists():
            self._run("frame", subject.model.name, subject.folder / "inputs.npy", frame)
        url = f"http://{HOST}:{GRPC_PORT}{METHOD}"
        return h2load.load(url, frame, answer_bytes, connections, seconds, subject.folder)

    def _run(self, *arguments: object) -> str:
        return run([self.client.python, program("grpc_client.py"), *map(str, arguments)], what="the gRPC client")
