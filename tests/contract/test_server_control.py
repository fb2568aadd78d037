"""The control port: the facts after a real fetch, and nothing without a token that is meant for this pod."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, fetch, serving

POD_UID = "0b5e6f0e-5f0b-4c55-9b1a-2f6f4f1c2f6d"
KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def jwks(**keys: Ed25519PrivateKey) -> str:
    def jwk(kid: str, key: Ed25519PrivateKey) -> dict[str, str]:
        x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x}

    return json.dumps({"keys": [jwk(kid, key) for kid, key in keys.items()]})


def token(key: Any = KEY, kid: str | None = "a", algorithm: str = "EdDSA", **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": "onnx-operator", "aud": POD_UID, "iat": now, "exp": now + 60} | changes
    headers = {"kid": kid} if kid else {}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm, headers)


@dataclass(frozen=True)
class Pod:
    """A server as in a pod, with the directory that the operator writes."""

    server: ServerProcess
    live: Path
    digest: str

    def get(self, bearer: str | None) -> httpx.Response:
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        return httpx.get(self.server.facts_url, headers=headers)


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    tmp_path = tmp_path_factory.mktemp("control")
    source, live = tmp_path / "source", tmp_path / "live"
    source.mkdir()
    live.mkdir()
    onnx_models.linear(source / "m.onnx")
    fetched = fetch(f"{source}/", tmp_path / "model", "--live", live, tmp_path=tmp_path)
    (live / "operator-keys.json").write_text(jwks(a=KEY))
    (tmp_path / "server.yaml").write_text("model: {name: digits, version: 7f9c4d2bxk}\n")
    arguments = ("--config", tmp_path / "server.yaml", "--live", live)
    with serving(tmp_path / "model", *arguments, tmp_path=tmp_path, env={"POD_UID": POD_UID}) as server:
        yield Pod(server.wait_until_ready(), live, fetched.message["digest"])


def test_the_facts(pod: Pod) -> None:
    answer = pod.get(token())
    assert answer.status_code == 200, answer.text
    facts = answer.json()
    assert "models" not in facts
    assert facts["model"] == {"name": "digits", "version": "7f9c4d2bxk", "digest": pod.digest}
    assert facts["ready"] is True
    assert facts["podUid"] == POD_UID
    assert len(facts["bootId"]) == 36
    assert facts["signature"] == {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 10]}],
    }
    assert facts["executionProviders"] == {
        "asked": ["CPU"],
        "active": ["CPU"],
        "nodes": {"CPU": 1},
        "assignments": {"CPU": {"MatMul": 1}},
        "options": {},
        "graphOptimization": "All",
    }
    assert facts["warmUp"]["source"] == "Declared"
    assert facts["warmUp"]["seconds"] > 0
    assert facts["threads"]["intraOp"] >= 1
    assert facts["versions"].keys() == {"server", "onnxruntime"}


NOW = int(time.time())
REFUSED = {
    "no token": (None, "missing"),
    "nonsense": ("abc", "not valid"),
    "expired": (lambda: token(iat=int(time.time()) - 120, exp=int(time.time()) - 60), "expired"),
    "from the future": (lambda: token(iat=NOW + 3600, exp=NOW + 3660), "not yet valid"),
    "for another pod": (lambda: token(aud="another"), "udience"),
    "for several pods": (lambda: token(aud=[POD_UID, "another"]), "not valid"),
    "from someone else": (lambda: token(iss="someone"), "ssuer"),
    "without an audience": (lambda: token(aud=None), "aud"),
    "without an end": (lambda: token(exp=None), "exp"),
    "without a start": (lambda: token(iat=None), "iat"),
    "too long a life": (lambda: token(iat=NOW, exp=NOW + 3600), "longer than 300 s"),
    "another key": (lambda: token(OTHER_KEY), "ignature"),
    "an unknown key": (lambda: token(kid="b"), "'b'"),
    "no key named": (lambda: token(kid=None), "kid"),
    "unsigned": (lambda: token(None, algorithm="none"), "not valid"),
    "a public key as a shared secret": (lambda: token(b"k" * 32, algorithm="HS256"), "not valid"),
}


@pytest.mark.parametrize(("bearer", "words"), REFUSED.values(), ids=list(REFUSED))
def test_refused(bearer: Callable[[], str] | str | None, words: str, pod: Pod) -> None:
    answer = pod.get(
        bearer() if callable(bearer) else bearer
    )  # a token made now: the suite takes longer than one lives
    assert answer.status_code == 401, answer.text
    assert words in answer.json()["error"]


def test_keys_are_read_when_needed(pod: Pod) -> None:
    file = pod.live / "operator-keys.json"
    try:
        file.unlink()
        assert pod.get(token()).status_code == 403
        file.write_text("{}")
        assert pod.get(token()).status_code == 403
        file.write_text(jwks(a=KEY, b=OTHER_KEY))
        assert pod.get(token(OTHER_KEY, "b")).status_code == 200
    finally:
        file.write_text(jwks(a=KEY))


def test_errors_have_the_protocols_form(pod: Pod) -> None:
    base = pod.server.facts_url.removesuffix("/v1/facts")
    for answer in (httpx.get(f"{base}/other"), httpx.post(f"{base}/v1/facts")):
        assert answer.status_code in {404, 405}
        assert isinstance(answer.json()["error"], str)


def test_the_facts_of_a_repository(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    (live / "operator-keys.json").write_text(jwks(a=KEY))
    for name in ("one", "two"):
        onnx_models.shift(tmp_path / "models" / name / "7" / "model.onnx", 1)
    with serving(tmp_path / "models", "--live", live, tmp_path=tmp_path, env={"POD_UID": POD_UID}) as server:
        facts = Pod(server.wait_until_ready(), live, "").get(token()).json()
    assert facts["model"] == {"name": None, "version": None, "digest": None}
    assert facts["ready"] is True
    assert [(model["name"], model["version"], model["digest"]) for model in facts["models"]] == [
        ("one", "7", None),
        ("two", "7", None),
    ]
    assert facts["models"][0]["signature"]["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1]}]
    assert facts["models"][0]["executionProviders"] == {"asked": ["CPU"], "active": ["CPU"], "nodes": {"CPU": 1}}
    assert facts["versions"]["onnxruntime"]


def test_a_laptop_has_no_control_port_to_speak_of(tmp_path: Path) -> None:
    with serving(onnx_models.linear(tmp_path / "m.onnx"), tmp_path=tmp_path) as server:
        answer = httpx.get(server.facts_url, headers={"Authorization": f"Bearer {token()}"})
    assert answer.status_code == 403
    assert "--live" in answer.json()["error"]
