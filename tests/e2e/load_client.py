"""One client of a served model that never retries, in a process of its own, so that its times are its own.

    python -m tests.e2e.load_client KIND HOST MODEL FILE PAUSE

KIND is how it connects, HOST the address of the model's Service, PAUSE the seconds between an answer and the next
request. FILE gets a line of JSON a request: when it was sent (monotonic seconds), how long it took, the version and the
factor that answered, and what went wrong (null: nothing). It ends, with the request under way, when its stdin does.

The model is one of `models.scale_model`, asked for a row of values that no server makes up while it warms up.
"""

import http.client
import json
import queue
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Final, Protocol

KINDS: Final = ("http keep-alive", "http connections", "grpc unary", "grpc stream")

ROW: Final = (1000.0, 2000.0)
PATIENCE: Final = 15.0
"""Seconds without an answer after which a request is lost."""

GRPC_OPTIONS: Final = [
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    # Where a connection broke, the next request may have a new one at once.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
]
SERVICE: Final = "/inference.GRPCInferenceService"


class LostError(Exception):
    """A request got no answer, or one that the model did not cause."""


class Client(Protocol):
    """A way to ask."""

    def ask(self) -> tuple[str, float]:
        """Ask once; return the version that answered and its factor. Raises LostError, or what the connection does."""

    def prepare(self) -> None:
        """Connect anew where the server has said that the connection ends; this is not part of a request."""

    def close(self) -> None:
        """Leave."""


class Http:
    """HTTP/1.1, over one connection as long as the server keeps it, or over a new one for each request."""

    def __init__(self, host: str, model: str, *, keep: bool) -> None:
        self._host, self._path, self._keep = host, f"/v2/models/{model}/infer", keep
        tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": list(ROW)}
        self._body = json.dumps({"inputs": [tensor]})
        self._connection: http.client.HTTPConnection | None = None

    def prepare(self) -> None:
        """Do nothing: a connection is opened with the request that needs it, so that a refusal is a lost request."""

    def ask(self) -> tuple[str, float]:
        """Ask once."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, 8000, timeout=PATIENCE)
        try:
            self._connection.request("POST", self._path, self._body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            data = response.read()
        except BaseException:
            self.close()
            raise
        if response.will_close or not self._keep:
            self.close()
        if response.status != 200:
            raise LostError(f"{response.status} {data[:200]!r}")
        answer = json.loads(data)
        return answer["model_version"], answer["outputs"][0]["data"][0] / ROW[0]

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Grpc:
    """gRPC without retries: unary calls over one channel, which has one connection at a time."""

    def __init__(self, host: str, model: str) -> None:
        import grpc  # the clients of HTTP need not wait for it
        from tritonclient.grpc import service_pb2

        self._request = _message(model)
        self._parse = service_pb2.ModelInferResponse.FromString
        self._channel = grpc.insecure_channel(f"{host}:8001", options=GRPC_OPTIONS)
        self._call = self._channel.unary_unary(f"{SERVICE}/ModelInfer")

    def prepare(self) -> None:
        """Do nothing: the channel connects anew by itself when it was told to leave."""

    def ask(self) -> tuple[str, float]:
        """Ask once."""
        return _read(self._parse(self._call(self._request, timeout=PATIENCE)))

    def close(self) -> None:
        """End the connection."""
        self._channel.close()


class Stream:
    """Messages over one gRPC stream, one after the other's answer; where one ends with OK, the next has another one."""

    def __init__(self, host: str, model: str) -> None:
        import grpc
        from tritonclient.grpc import service_pb2

        self._request = _message(model)
        self._parse = service_pb2.ModelStreamInferResponse.FromString
        self._channel = grpc.insecure_channel(f"{host}:8001", options=GRPC_OPTIONS)
        self._open = self._channel.stream_stream(f"{SERVICE}/ModelStreamInfer")
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._answers: Any = None

    def prepare(self) -> None:
        """Open the stream, or see that it is still open. Raises what it ended with, if that is not OK."""
        if self._answers is not None and not self._answers.is_active():
            # Ended between two messages: next() gives the end, or raises the status.
            answers = self._leave()
            if (late := next(answers, None)) is not None:
                raise LostError(f"an answer that nobody asked for: {late!r}")
        if self._answers is None:
            self._messages = queue.SimpleQueue()
            self._answers = self._open(iter(self._messages.get, None))

    def ask(self) -> tuple[str, float]:
        """Send one message and await its answer."""
        self._messages.put(self._request)
        answers = self._answers
        # A message that gets no answer stays without one, also where the stream ends with OK.
        waiting = threading.Timer(PATIENCE, answers.cancel)
        waiting.start()
        try:
            data = next(answers, None)
        except BaseException:
            self._leave()
            raise
        finally:
            waiting.cancel()
        if data is None:
            self._leave()
            raise LostError("the stream ended with OK after a message that has no answer")
        message = self._parse(data)
        if message.error_message:
            raise LostError(message.error_message)
        return _read(message.infer_response)

    def close(self) -> None:
        """End the stream and its connection."""
        self._leave()
        self._channel.close()

    def _leave(self) -> Any:
        self._messages.put(None)  # the thread that sends ends
        answers, self._answers = self._answers, None
        return answers


def _message(model: str) -> bytes:
    import numpy as np
    from tritonclient.grpc import service_pb2

    request = service_pb2.ModelInferRequest(model_name=model)
    request.inputs.add(name="x", datatype="FP32", shape=[1, 2])
    request.raw_input_contents.append(np.array(ROW, np.float32).tobytes())
    data: bytes = request.SerializeToString()
    return data


def _read(response: Any) -> tuple[str, float]:
    import numpy as np

    return response.model_version, float(np.frombuffer(response.raw_output_contents[0], np.float32)[0]) / ROW[0]


def connect(kind: str, host: str, model: str) -> Client:
    """Return a client of a kind."""
    if kind.startswith("http"):
        return Http(host, model, keep=kind == "http keep-alive")
    return Grpc(host, model) if kind == "grpc unary" else Stream(host, model)


def asked(client: Client, stop: threading.Event, pause: float) -> Iterator[tuple[float, float, str, float, str | None]]:
    """Ask until `stop`; yield of each request what goes into its line."""
    while not stop.is_set():
        sent, version, factor, lost = time.monotonic(), "", 0.0, None
        try:
            client.prepare()
            sent = time.monotonic()
            version, factor = client.ask()
        except Exception as error:
            lost = f"{type(error).__name__}: {error}"[:500]
        yield sent, time.monotonic() - sent, version, factor, lost
        stop.wait(pause)


def main(kind: str, host: str, model: str, file: str, pause: float) -> None:
    """Ask until stdin ends."""
    stop = threading.Event()
    client = connect(kind, host, model)
    threading.Thread(target=_await_end, args=(stop,), daemon=True).start()
    with open(file, "w", buffering=1) as lines:  # noqa: PTH123
        for request in asked(client, stop, pause):
            lines.write(f"{json.dumps(request)}\n")
    client.close()


def _await_end(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5]))
