"""Pods of two revisions as the operator sees them, and candidates that behave badly."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, serving
from tests.contract.test_server_control import KEY, POD_UID, jwks, token

MODEL = "digits"


class Pod:
    """A server of `digits`, and its control port. The answers of revision `digits-vN` are N more than the input."""

    def __init__(self, server: ServerProcess, version: str) -> None:
        self.server = server
        self.revision = f"{MODEL}-{version}"
        base = server.facts_url.removesuffix("/v1/facts")
        self.control = httpx.Client(base_url=base, auth=_signed)
        self._generation = 0

    def as_candidate(self) -> dict[str, Any]:
        return {"podUid": self.revision, "address": "127.0.0.1", "port": self.server.http_port}

    def split(self, weight: int, *candidates: dict[str, Any], revision: str = f"{MODEL}-v2", **more: Any) -> Any:
        """Push a split of a new generation; return the state."""
        self._generation += 1
        body = {"generation": self._generation, "revision": revision, "weight": weight, "candidates": candidates}
        answer = self.control.put("/v1/split", json=body | more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self) -> Any:
        return self.control.get("/v1/split").raise_for_status().json()

    def arms(self) -> Any:
        return self.state()["arms"]


def _signed(request: httpx.Request) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token()}"  # one lasts a minute only
    return request


@contextlib.contextmanager
def pod(version: str, folder: Path, settings: str = "", model: Callable[[Path], Path] | None = None) -> Iterator[Pod]:
    """Serve `digits` in this version, ready; as `model` makes it, if its answers need not be told apart."""
    live = folder / "live"
    live.mkdir(parents=True)
    (live / "operator-keys.json").write_text(jwks(a=KEY))
    (folder / "server.yaml").write_text(f"model: {{name: {MODEL}, version: {version}}}\n{settings}")
    place = folder / "model.onnx"
    made = model(place) if model else onnx_models.shift(place, float(version.removeprefix("v")))
    arguments = ("--config", folder / "server.yaml", "--live", live)
    with serving(made, *arguments, tmp_path=folder, env={"POD_UID": POD_UID}) as server:
        running = Pod(server.wait_until_ready(), version)
        with running.control:
            yield running


class BadCandidate:
    """Answers each POST in one bad way, and keeps what was asked: the headers by lower-case names."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.asked: list[dict[str, str]] = []
        self.port = 0
        self.ended = threading.Event()

    def as_candidate(self) -> dict[str, Any]:
        return {"podUid": self.how, "address": "127.0.0.1", "port": self.port}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of those who do not wait."""


@contextlib.contextmanager
def bad_candidate(how: str) -> Iterator[BadCandidate]:
    """Behave `how`: a status as text; `hang`, `reset`; `refuse` has nobody who listens."""
    bad = BadCandidate(how)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            bad.asked.append({name.lower(): value for name, value in self.headers.items()})
            self.rfile.read(int(self.headers["content-length"]))
            if how == "hang":
                bad.ended.wait(60)
                self.close_connection = True
            elif how == "reset":
                self.connection.close()
                self.close_connection = True
            else:
                body = b'{"code": "internal", "message": "as asked"}'
                self.send_response(int(how))
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
            """Say nothing."""

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()

    server = _Server(("127.0.0.1", 0), Handler)
    bad.port = server.server_address[1]
    if how == "refuse":
        server.server_close()
        yield bad
        return
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield bad
    finally:
        bad.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def wait_for(condition: Any, seconds: float = 60) -> None:
    """Wait until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
