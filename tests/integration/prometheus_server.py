"""Prometheus itself, as a process of the test's, and what it scrapes: a text that the test may change."""

import contextlib
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import yaml

from tests.cluster import tools
from tests.cluster.rest import Object

PATIENCE = 60.0  # seconds


class Scraped:
    """Serves metrics on loopback; `read` is called at each scrape."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        outer = self
        self.read = read

        class Handler(BaseHTTPRequestHandler):
            """Knows the server around it."""

            def do_GET(self) -> None:
                body = outer.read()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.server.server_address[1]}"


class PrometheusServer:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **query: str) -> Object:
        """Return what its API answers, also of an error."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{urlencode(query)}", timeout=5) as answer:
                found: Object = json.load(answer)
        except urllib.error.HTTPError as error:
            found = json.load(error)
        return found

    def wait_for(self, query: str) -> list[Object]:
        """Wait until a query gives something; return it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if found := self.get("/api/v1/query", query=query)["data"]["result"]:
                    return list(found)
            time.sleep(0.2)
        raise AssertionError(f"{query} gives nothing within {PATIENCE:.0f} s")


@contextlib.contextmanager
def prometheus(
    folder: Path, scraped: Scraped, labels: dict[str, str] | None = None, groups: list[Object] | None = None
) -> Iterator[PrometheusServer]:
    """Run Prometheus with one target, scraped each second, whose series get these labels, and these groups of rules."""
    rules, configuration = folder / "rules.yaml", folder / "prometheus.yaml"
    rules.write_text(yaml.safe_dump({"groups": groups or []}))
    target = {"targets": [scraped.address], "labels": labels or {}}
    job = {"job_name": "test", "honor_labels": True, "static_configs": [target]}
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    configuration.write_text(yaml.safe_dump({"global": every, "rule_files": [str(rules)], "scrape_configs": [job]}))
    address = f"127.0.0.1:{_free_port()}"
    arguments: list[str | Path] = [
        tools.binary("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    log = folder / "prometheus.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            arguments, cwd=folder, stdout=output, stderr=output, env={"PATH": os.environ["PATH"]}
        ) as process,
    ):
        try:
            server = PrometheusServer(f"http://{address}")
            server.wait_for("up == 1")
            yield server
        except AssertionError as error:
            raise AssertionError(f"{error}; its log ends with:\n{log.read_text()[-2000:]}") from error
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
