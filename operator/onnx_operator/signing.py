"""The operator's Ed25519 key: tokens for the pods' control port, and the public half that pods check them with."""

import base64
import hashlib
import json
import time
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onnx_operator import names
from onnx_operator.kube.errors import ConflictError, RefusedError
from onnx_operator.kube.kinds import SECRET
from onnx_operator.kube.protocol import Kube

KEY_FIELD = "private.pem"
TOKEN_LIFETIME = 60  # seconds
ISSUER = "onnx-operator"


class Signer:
    """Signs tokens as docs/contract.md has them."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        public = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
        # The thumbprint of RFC 7638: it depends on nothing but the key.
        thumbprint = hashlib.sha256(json.dumps(public, sort_keys=True, separators=(",", ":")).encode()).digest()
        self._jwk = {**public, "kid": _base64url(thumbprint), "alg": "EdDSA", "use": "sig"}

    def public_keys(self) -> str:
        """Return the JWK Set that the pods get."""
        return json.dumps({"keys": [self._jwk]}, sort_keys=True)

    def token(self, pod_uid: str) -> str:
        """Return a token that this pod alone takes, for a minute."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": pod_uid, "iat": now, "exp": now + TOKEN_LIFETIME}
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self._jwk["kid"]})


async def load_signer(kube: Kube, namespace: str, secret: str) -> Signer:
    """Return the signer whose key is in a Secret; make key and Secret the first time.

    Raises:
        KubeError: the Secret can neither be read nor made, or does not hold an Ed25519 key.
    """
    found = await kube.get(SECRET, namespace, secret)
    if found is None:
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            found = await kube.create(_secret_manifest(namespace, secret, pem))
        except ConflictError:  # another replica was first; its key is as good
            found = await kube.get(SECRET, namespace, secret)
    return _signer(found, namespace, secret)


async def read_signer(kube: Kube, namespace: str, secret: str) -> Signer:
    """Return the signer whose key is in a Secret.

    Raises:
        KubeError: the Secret cannot be read, is not there, or does not hold an Ed25519 key.
    """
    found = await kube.get(SECRET, namespace, secret)
    if found is None:
        raise RefusedError(0, f"there is no Secret {namespace}/{secret}: --signing-secret names the running operator's")
    return _signer(found, namespace, secret)


def _signer(found: dict[str, Any] | None, namespace: str, secret: str) -> Signer:
    data = (found or {}).get("data", {}).get(KEY_FIELD)
    try:
        key = serialization.load_pem_private_key(base64.b64decode(data or ""), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: it is encrypted
        raise RefusedError(0, _unusable(namespace, secret)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise RefusedError(0, _unusable(namespace, secret))
    return Signer(key)


def _unusable(namespace: str, secret: str) -> str:
    return f"Secret {namespace}/{secret} has no Ed25519 key in {KEY_FIELD}; delete it, and a new one is made"


def _secret_manifest(namespace: str, name: str, pem: bytes) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": {names.LABEL_MANAGED_BY: names.MANAGED_BY}},
        "type": "Opaque",
        "data": {KEY_FIELD: base64.b64encode(pem).decode()},
    }


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
