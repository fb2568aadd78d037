"""A webhook of the test's that judges rollouts: it says what it is told to, and keeps what it was asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.cluster.rest import Object


class HookServer:
    """Answers POST on any path with `answer`, from its making on."""

    def __init__(self) -> None:
        outer = self
        self.answer: Object = {"verdict": "Unknown", "message": "still at it"}
        self.asked: list[tuple[Object, dict[str, str]]] = []

        class Handler(BaseHTTPRequestHandler):
            """Knows the server around it."""

            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((document, dict(self.headers.items())))
                body = json.dumps(outer.answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
