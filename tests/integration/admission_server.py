"""A real admission webhook of the test's: a small HTTPS server on loopback that allows, denies, or says nothing."""

import base64
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.cluster.certificates import Authority
from tests.cluster.rest import Object

NAME = "guard.example.com"


class AdmissionServer:
    """Answers `Deny`, `Allow`, or, as `Hang`, not at all; `start` and `stop` as often as wished, at the same port."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        authority = Authority(folder, "webhook-ca")
        pair = authority.server("webhook", "webhook", ["127.0.0.1"])
        self._ca = authority.pair.certificate.read_bytes()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pair.certificate, pair.key)
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.answer = "Allow"

    def start(self) -> None:
        """Listen."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """Knows the server around it."""

            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if outer.answer == "Hang":
                    # Until the API server loses its patience and closes the connection.
                    self.rfile.read(1)
                    return
                body = json.dumps(_answered(review, allowed=outer.answer == "Allow")).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            """Speaks TLS, and takes no offence at clients that hang up."""

            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing."""

        server = Server(("127.0.0.1", self._port), Handler)
        server.socket = self._context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self._port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._server = server

    def stop(self) -> None:
        """Listen no more: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def configuration(self, namespace: str, group: str, resource: str) -> Object:
        """Return a ValidatingWebhookConfiguration that asks this server of what is created in a namespace."""
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": namespace},
            "webhooks": [
                {
                    "name": NAME,
                    "clientConfig": {
                        "url": f"https://127.0.0.1:{self._port}/",
                        "caBundle": base64.b64encode(self._ca).decode(),
                    },
                    "rules": [
                        {
                            "apiGroups": [group],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE"],
                            "resources": [resource],
                        }
                    ],
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": "Fail",
                    "timeoutSeconds": 1,
                }
            ],
        }


def _answered(review: Object, *, allowed: bool) -> Object:
    answer = {"uid": review["request"]["uid"], "allowed": allowed}
    if not allowed:
        answer["status"] = {"message": "no models on Wednesdays"}
    return {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": answer}
