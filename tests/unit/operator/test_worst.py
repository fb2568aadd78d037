"""`onnx-operator worst`, against a control port by real HTTP."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onnx_operator import cli, names
from onnx_operator.control import LONGEST_INPUTS, ControlClient
from onnx_operator.kube.errors import RefusedError
from onnx_operator.kube.kinds import MODEL, POD, SECRET
from onnx_operator.rollout import SplitOrder
from onnx_operator.signing import KEY_FIELD, read_signer
from onnx_operator.wiring.worst import tell
from tests.cluster.split_stand_in import Split
from tests.unit.operator.memory_api import Memory
from tests.unit.operator.situations import loading_pod, ready_pod

Object = dict[str, Any]

DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
BODY = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1.5]}]}'
SECRET_NAME = ("onnx-operator", "key")


@dataclass
class Port:
    """The control ports of all pods: what each has kept, by its UID and the digest, and who was asked what."""

    kept: dict[tuple[str, str], web.Response] = field(default_factory=dict)
    worst: dict[str, list[Object]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    published: str = ""

    async def inputs(self, request: web.Request) -> web.Response:
        uid, digest = self._audience(request), request.match_info["digest"]
        self.asked.append((uid, digest))
        return self.kept.get((uid, digest)) or web.json_response({"error": "not kept"}, status=404)

    async def split(self, request: web.Request) -> web.Response:
        uid = self._audience(request)
        split = Split(uid, "boot")
        _, body = split.take(SplitOrder(2, "digits-b", 5, course="2026-11-28T21:00:00.000000Z").to_json(), {})
        return web.json_response({**body, "evidence": {**body["evidence"], "worst": self.worst.get(uid, [])}})

    def _audience(self, request: web.Request) -> str:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        key = jwt.PyJWKSet.from_json(self.published)[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key.key, algorithms=["EdDSA"], options={"verify_aud": False})
        return str(claims["aud"])


def cluster() -> Memory:
    """Three pods of the stable revision, of which one is not ready, and one of the candidate."""
    memory = Memory()
    metadata = {"namespace": "team", "name": "digits"}
    memory.objects[MODEL, "team", "digits"] = {"metadata": metadata, "status": {"stableRevision": "digits-a"}}
    for name, revision in (("n", "digits-a"), ("p", "digits-a"), ("q", "digits-a"), ("c", "digits-b")):
        made = loading_pod(name) if name == "n" else ready_pod(name)
        more = {"namespace": "team", "labels": {names.LABEL_REVISION: revision}}
        pod = {**made, "metadata": {**made["metadata"], **more}}
        pod["status"]["podIP"] = "127.0.0.1"
        memory.objects[POD, "team", name] = pod
    return memory


def secret() -> Object:
    """Return a Secret with a key, as the operator makes it."""
    plain, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, plain, none)
    return {"data": {KEY_FIELD: base64.b64encode(pem).decode()}}


def told(monkeypatch: pytest.MonkeyPatch, port: Port, digest: str = "", memory: Memory | None = None) -> Object:
    """Return what is written, what is said, and whether there was anything."""

    async def main() -> Object:
        app = web.Application()
        app.router.add_get("/v1/split", port.split)
        app.router.add_get("/v1/shadow/worst/{digest}", port.inputs)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        monkeypatch.setattr(names, "CONTROL_PORT", runner.addresses[0][1])
        kube = memory or cluster()
        kube.objects[SECRET, *SECRET_NAME] = secret()
        signer = await read_signer(kube, *SECRET_NAME)
        port.published = signer.public_keys()
        client = ControlClient(signer, 5.0, 5.0)
        written, said = bytearray(), list[str]()
        try:
            found = await tell(kube, client, ("team", "digits"), digest, written.extend, said.append)
        finally:
            await client.aclose()
            await runner.cleanup()
        return {"found": found, "written": bytes(written), "said": said}

    return asyncio.run(main())


def test_the_inputs_are_written_as_the_pod_that_kept_them_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port(kept={("uid-q", DIGEST): web.Response(body=BODY)})
    assert told(monkeypatch, port, DIGEST) == {"found": True, "written": BODY, "said": []}
    assert port.asked == [("uid-p", DIGEST), ("uid-q", DIGEST)], "the candidate compares nothing"


def test_the_header_that_the_binary_form_takes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    binary = web.Response(body=b"{}\x00\xff", headers={"inference-header-content-length": "2"})
    made = told(monkeypatch, Port(kept={("uid-p", DIGEST): binary}), DIGEST)
    assert (made["found"], made["written"]) == (True, b"{}\x00\xff")
    assert made["said"] == ["In the binary form: send it with inference-header-content-length: 2"]


def test_what_nobody_has_kept_says_how_it_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    made = told(monkeypatch, Port(), DIGEST)
    assert (made["found"], made["written"]) == (False, b"")
    assert "keepInputs: Worst" in made["said"][0]


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=500),
        lambda: web.Response(status=302, headers={"Location": "/v1/split"}),
        lambda: web.Response(body=bytes(LONGEST_INPUTS + 1)),
    ],
)
def test_a_pod_that_answers_otherwise_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[], web.Response]
) -> None:
    port = Port(kept={("uid-p", DIGEST): answer(), ("uid-q", DIGEST): web.Response(body=BODY)})
    assert told(monkeypatch, port, DIGEST)["written"] == BODY


def test_the_worst_copies_of_all_stable_pods_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(digest: str, error: float) -> Object:
        return {"digest": digest, "output": "y", "maxAbsoluteError": error, "at": "2026-11-28T21:00:07Z"}

    made = told(monkeypatch, Port(worst={"uid-p": [copy(DIGEST, 0.31)], "uid-q": [copy(OTHER, 1.5)]}))
    assert made["written"].decode().splitlines() == [
        f"{OTHER}  y  1.5  2026-11-28T21:00:07Z",
        f"{DIGEST}  y  0.31  2026-11-28T21:00:07Z",
    ]
    assert told(monkeypatch, Port())["found"] is False


def test_a_model_that_is_not_there_or_serves_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = told(monkeypatch, Port(), memory=Memory())
    assert made["said"] == ["There is no model team/digits with a stable revision that has ready pods."]


def test_no_key_is_made_to_ask_with() -> None:
    memory = Memory()
    with pytest.raises(RefusedError, match="--signing-secret"):
        asyncio.run(read_signer(memory, *SECRET_NAME))
    assert (SECRET, *SECRET_NAME) not in memory.objects
    memory.objects[SECRET, *SECRET_NAME] = {"data": {KEY_FIELD: base64.b64encode(b"none").decode()}}
    with pytest.raises(RefusedError, match="has no Ed25519 key"):
        asyncio.run(read_signer(memory, *SECRET_NAME))


@pytest.mark.parametrize("arguments", [["digits"], ["team/"], ["team/digits", "sha256:../facts"], ["team/digits", "x"]])
def test_what_is_no_model_or_digest_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["worst", *arguments])


def test_the_command_ends_with_1_if_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def fetch(key: tuple[str, str], digest: str, secret: tuple[str, str], *_: object) -> Awaitable[bool]:
        seen.append((key, digest, secret))

        async def nothing() -> bool:
            return False

        return nothing()

    monkeypatch.setattr(cli, "fetch", fetch)
    assert cli.main(["worst", "team/digits", DIGEST, "--own-namespace", "ops", "--signing-secret", "k"]) == 1
    assert seen == [(("team", "digits"), DIGEST, ("ops", "k"))]
