"""The control port of a pod, as the operator uses it."""

import base64
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.results import Object
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.places import CONTROL_PORT, HOST

POD_UID: Final = "f0c1d3a2-0000-4000-8000-000000000001"
URL: Final = f"http://{HOST}:{CONTROL_PORT}/v1/split"


class Control:
    """Whoever holds the key of one run may push splits. Raises BenchmarkError where the pod says no."""

    def __init__(self, live: Path) -> None:
        """Leave the public key in `live`, the directory of the pod that is to believe it."""
        self._key = Ed25519PrivateKey.generate()
        self._generation = 0
        x = base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw()).rstrip(b"=").decode()
        keys = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "benchmark", "x": x}]}
        live.mkdir(exist_ok=True)
        (live / "operator-keys.json").write_text(json.dumps(keys))

    def split(self, revision: str, weight: int, port: int, shadow: int = 0, *, observed: bool = False) -> None:
        """Forward `weight` percent to the candidate whose HTTP port is `port`, and copy `shadow` percent of the rest.

        With 0 and 0 there is no split, unless requests are `observed`: counted as those of a rollout.
        """
        self._generation += 1
        candidate = {"podUid": "candidate", "address": HOST, "port": port}
        body = {"generation": self._generation, "revision": revision, "weight": weight, "candidates": [candidate]}
        if observed or shadow:
            body["course"] = "benchmark"
        if shadow:
            body["shadow"] = {"percent": shadow}
        state = self._ask("PUT", json.dumps(body).encode())
        if state["appliedWeight"] != weight:
            raise BenchmarkError(f"asked for a weight of {weight}, got {state}")

    def candidate(self) -> Object:
        """Return what the pod has counted of the candidate since the last split, and the failures by their kinds."""
        found: Object = self._ask("GET")["arms"]["candidate"]
        return found

    def copies(self) -> Object:
        """Return what the pod has counted of copies since it has had the same split, but for its percentage."""
        found: Object = self._ask("GET")["shadow"]
        return found

    def _ask(self, method: str, body: bytes | None = None) -> Object:
        now = int(time.time())
        claims = {"iss": "onnx-operator", "aud": POD_UID, "iat": now, "exp": now + 60}
        token = jwt.encode(claims, self._key, "EdDSA", {"kid": "benchmark"})
        request = urllib.request.Request(URL, body, {"Authorization": f"Bearer {token}"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                document: Object = json.load(answer)
                return document
        except urllib.error.HTTPError as error:
            raise BenchmarkError(f"the control port answered {error.code}: {error.read().decode()[:500]}") from error
