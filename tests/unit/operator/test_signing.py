import base64
import hashlib
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onnx_operator.kube.errors import ConflictError, KubeError, RefusedError
from onnx_operator.signing import Signer, load_signer
from tests.unit.operator.one_model import at_once

Object = dict[str, Any]


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer(Ed25519PrivateKey.generate())


def verified(token: str, signer: Signer, audience: str) -> Object:
    keys = jwt.PyJWKSet.from_json(signer.public_keys())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: Object = jwt.decode(token, key.key, algorithms=["EdDSA"], audience=audience, issuer="onnx-operator")
    return claims


def test_a_token_is_verified_with_the_published_keys(signer: Signer) -> None:
    claims = verified(signer.token("pod-1"), signer, "pod-1")
    assert claims["iss"] == "onnx-operator"
    assert 0 < claims["exp"] - claims["iat"] <= 300, "the contract's limit"
    assert abs(claims["iat"] - time.time()) < 5


def test_a_token_opens_one_pod_only(signer: Signer) -> None:
    with pytest.raises(jwt.InvalidAudienceError):
        verified(signer.token("pod-1"), signer, "pod-2")


def test_another_operators_token_is_not_taken(signer: Signer) -> None:
    other = Signer(Ed25519PrivateKey.generate())
    with pytest.raises(KeyError):
        verified(other.token("pod-1"), signer, "pod-1")


def test_a_keys_id_is_its_thumbprint(signer: Signer) -> None:
    (key,) = json.loads(signer.public_keys())["keys"]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
    required = json.dumps({name: key[name] for name in ("crv", "kty", "x")}, separators=(",", ":"), sort_keys=True)
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(required.encode()).digest()).rstrip(b"=").decode()
    assert key["kid"] == thumbprint, "RFC 7638"


def test_what_is_published_holds_no_private_part_and_does_not_change() -> None:
    key = Ed25519PrivateKey.generate()
    assert "d" not in json.loads(Signer(key).public_keys())["keys"][0]
    assert Signer(key).public_keys() == Signer(key).public_keys(), "or the pods' ConfigMaps were written at each start"


class Secrets:
    """One Secret's place. ``rival`` is made by another replica between our look and our write."""

    def __init__(self, secret: Object | None = None, rival: Object | None = None) -> None:
        self.secret, self.rival, self.created = secret, rival, 0

    async def get(self, kind: object, namespace: str, name: str) -> Object | None:
        return self.secret

    async def create(self, manifest: Object) -> Object:
        if self.rival:
            self.secret = self.rival
            raise ConflictError(409, "already exists")
        self.created += 1
        self.secret = manifest
        return manifest


def secret_with(pem: bytes) -> Object:
    return {"data": {"private.pem": base64.b64encode(pem).decode()}}


def pem_of(key: Any, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return pem


def load(secrets: Secrets) -> Signer:
    return at_once(load_signer(secrets, "ns", "key"))  # type: ignore[arg-type]  # the two verbs that it needs


def test_the_key_is_made_once_and_kept() -> None:
    secrets = Secrets()
    first = load(secrets)
    assert secrets.created == 1
    assert load(secrets).public_keys() == first.public_keys()
    assert secrets.created == 1


def test_of_two_replicas_that_make_a_key_both_use_the_first() -> None:
    theirs = Ed25519PrivateKey.generate()
    assert load(Secrets(rival=secret_with(pem_of(theirs)))).public_keys() == Signer(theirs).public_keys()


@pytest.mark.parametrize(
    "secret",
    [
        {},
        {"data": {"other": ""}},
        {"data": {"private.pem": "not base64!"}},
        secret_with(b"not a key"),
        secret_with(pem_of(generate_private_key(SECP256R1()))),
        secret_with(pem_of(Ed25519PrivateKey.generate(), b"password")),
    ],
)
def test_a_secret_without_a_usable_key_is_named_with_the_remedy(secret: Object) -> None:
    with pytest.raises(RefusedError, match=r"Secret ns/key .* delete it"):
        load(Secrets(secret))


def test_a_secret_that_may_not_be_read_is_an_error_of_its_own() -> None:
    class Forbidden(Secrets):
        async def get(self, kind: object, namespace: str, name: str) -> Object | None:
            raise RefusedError(403, "secrets is forbidden")

    with pytest.raises(KubeError, match="forbidden"):
        load(Forbidden())
