"""One client of a served model that never retries, in a process of its own, so that its times are its own.

    python -m tests.e2e.load_client KIND HOST MODEL FILE PAUSE [QUESTIONS]

KIND is how it connects, HOST the address of the model's Service, PAUSE the seconds between an answer and the next
request. FILE gets a line of JSON a request: when it was sent (monotonic seconds), how long it took, the version that
answered, what the answer tells, and what went wrong (null: nothing). It ends, with the request under way, when its
stdin does. QUESTIONS is a file of `load_questions.keep`; without one the model is one of `models.scale_model`.
"""

import http.client
import json
import queue
import sys
import threading
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, Final, Protocol

from tests.e2e.load_questions import Factor, Known, Outputs, Questions, body, message, of_body, of_message

KINDS: Final = ("http keep-alive", "http connections", "grpc unary", "grpc stream")

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
        """Ask once; return who answered and what the answer tells. Raises LostError, or what the connection does."""

    def prepare(self) -> None:
        """Connect anew where the server has said that the connection ends; this is not part of a request."""

    def close(self) -> None:
        """Leave."""


class Http:
    """HTTP/1.1, over one connection as long as the server keeps it, or over a new one for each request."""

    def __init__(self, host: str, model: str, questions: Questions, *, keep: bool) -> None:
        self._host, self._path, self._keep = host, f"/v2/models/{model}/infer", keep
        self._questions = questions
        kind = KINDS[0] if keep else KINDS[1]
        self._bodies = cycle([(number, body(questions, number)) for number in _order(questions, kind)])
        self._connection: http.client.HTTPConnection | None = None

    def prepare(self) -> None:
        """Do nothing: a connection is opened with the request that needs it, so that a refusal is a lost request."""

    def ask(self) -> tuple[str, float]:
        """Ask once."""
        number, asked = next(self._bodies)
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, 8000, timeout=PATIENCE)
        try:
            self._connection.request("POST", self._path, asked, {"Content-Type": "application/json"})
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
        return answer["model_version"], self._questions.judged(number, of_body(answer))

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Grpc:
    """gRPC without retries: unary calls over one channel, which has one connection at a time."""

    def __init__(self, host: str, model: str, questions: Questions) -> None:
        import grpc  # the clients of HTTP need not wait for it
        from tritonclient.grpc import service_pb2

        self._questions, self._messages = questions, _messages(questions, model, KINDS[2])
        self._parse = service_pb2.ModelInferResponse.FromString
        self._channel = grpc.insecure_channel(f"{host}:8001", options=GRPC_OPTIONS)
        self._call = self._channel.unary_unary(f"{SERVICE}/ModelInfer")

    def prepare(self) -> None:
        """Do nothing: the channel connects anew by itself when it was told to leave."""

    def ask(self) -> tuple[str, float]:
        """Ask once."""
        number, asked = next(self._messages)
        return _told(self._questions, number, self._parse(self._call(asked, timeout=PATIENCE)))

    def close(self) -> None:
        """End the connection."""
        self._channel.close()


class Stream:
    """Messages over one gRPC stream, one after the other's answer; where one ends with OK, the next has another one."""

    def __init__(self, host: str, model: str, questions: Questions) -> None:
        import grpc
        from tritonclient.grpc import service_pb2

        self._questions, self._asked = questions, _messages(questions, model, KINDS[3])
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
        number, asked = next(self._asked)
        self._messages.put(asked)
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
        answer = self._parse(data)
        if answer.error_message:
            raise LostError(answer.error_message)
        return _told(self._questions, number, answer.infer_response)

    def close(self) -> None:
        """End the stream and its connection."""
        self._leave()
        self._channel.close()

    def _leave(self) -> Any:
        self._messages.put(None)  # the thread that sends ends
        answers, self._answers = self._answers, None
        return answers


def _messages(questions: Questions, model: str, kind: str) -> Iterator[tuple[int, bytes]]:
    return cycle([(number, message(questions, number, model)) for number in _order(questions, kind)])


def _order(questions: Questions, kind: str) -> list[int]:
    """Return the numbers of all rows; clients of different kinds begin with different ones."""
    count = len(questions.rows)
    first = count * KINDS.index(kind) // len(KINDS)
    return [*range(first, count), *range(first)]


def _told(questions: Questions, number: int, response: Any) -> tuple[str, float]:
    outputs: Outputs = of_message(response)
    return response.model_version, questions.judged(number, outputs)


def connect(kind: str, host: str, model: str, questions: Questions) -> Client:
    """Return a client of a kind."""
    if kind.startswith("http"):
        return Http(host, model, questions, keep=kind == "http keep-alive")
    return Grpc(host, model, questions) if kind == "grpc unary" else Stream(host, model, questions)


def asked(client: Client, stop: threading.Event, pause: float) -> Iterator[tuple[float, float, str, float, str | None]]:
    """Ask until `stop`; yield of each request what goes into its line."""
    while not stop.is_set():
        sent, version, tells, lost = time.monotonic(), "", 0.0, None
        try:
            client.prepare()
            sent = time.monotonic()
            version, tells = client.ask()
        except Exception as error:
            lost = f"{type(error).__name__}: {error}"[:500]
        yield sent, time.monotonic() - sent, version, tells, lost
        stop.wait(pause)


def main(kind: str, host: str, model: str, file: str, pause: float, questions: Questions) -> None:
    """Ask until stdin ends."""
    stop = threading.Event()
    client = connect(kind, host, model, questions)
    threading.Thread(target=_await_end, args=(stop,), daemon=True).start()
    with open(file, "w", buffering=1) as lines:  # noqa: PTH123
        for request in asked(client, stop, pause):
            lines.write(f"{json.dumps(request)}\n")
    client.close()


def _await_end(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


if __name__ == "__main__":
    questions: Questions = Known(Path(sys.argv[6])) if sys.argv[6:] else Factor()
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5]), questions)
