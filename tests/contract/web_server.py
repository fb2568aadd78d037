"""A web server that misbehaves as asked by the path: what `fetch` meets out there."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path


class _Handler(http.server.BaseHTTPRequestHandler):
    server: "WebServer"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        kind = self.path.split("/")[1].split("?")[0]
        content = self.server.content
        if kind.isdigit():
            self._start(int(kind), 0)
            return
        start = int(self.headers.get("range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("content-range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("content-length", str(len(content) - start))
        if kind == "resumes":
            self.send_header("etag", '"1"')
        self.end_headers()
        half = len(content) // 2
        if kind == "stalls":
            self.wfile.write(content[:half])
            self.wfile.flush()
            self.server.released.wait(30)
            self.close_connection = True
        elif kind in {"breaks", "resumes"} and len(self.server.seen) == 1:
            self.wfile.write(content[:half])
            self.close_connection = True
        else:
            self.wfile.write(content[start:])

    def _start(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("content-length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class WebServer(http.server.ThreadingHTTPServer):
    """A server of one content, which each path's first part has its own way with.

    /ok; /breaks and /resumes (half of it, the first time; the latter names the content's version);
    /stalls (half, then silence); /<status>.
    """

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.seen: list[str] = []
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def web_server(model: Path) -> Iterator[WebServer]:
    with WebServer(model.read_bytes()) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
