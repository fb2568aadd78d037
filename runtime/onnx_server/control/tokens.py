"""Verify the operator's tokens: short-lived JWTs signed with Ed25519, for this pod alone.

The public keys come from the live directory, read at each use: the operator may change them at any time.
"""

from pathlib import Path

import jwt
from jwt import InvalidTokenError, PyJWKSet, PyJWTError

from onnx_server.protocol.errors import RequestError

ISSUER = "onnx-operator"
KEYS_FILE = "operator-keys.json"
MAX_LIFETIME_SECONDS = 300
# Clocks of two nodes differ a little.
LEEWAY_SECONDS = 10


def verify(authorization: str | None, live: Path, pod_uid: str | None) -> None:
    """Return if `authorization`, the header's value, is a valid token for the pod `pod_uid`.

    Raises RequestError: 403 where no public keys are there, 401 for anything else.
    """
    keys = _keys(live)
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthorized("the header Authorization: Bearer <token> is missing")
    if not pod_uid:
        raise _unauthorized("POD_UID is not in the environment, so no token can be meant for this server")
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = next((key for key in keys.keys if key.key_id == kid), None)
        if key is None:
            raise _unauthorized(f"the token's kid {kid!r} is none of the operator's keys")
        claims = jwt.decode(
            token,
            key.key,
            algorithms=["EdDSA"],
            audience=pod_uid,
            issuer=ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "iat", "exp"], "strict_aud": True},
        )
    except InvalidTokenError as error:
        raise _unauthorized(f"the token is not valid: {error}") from error
    if claims["exp"] - claims["iat"] > MAX_LIFETIME_SECONDS:
        raise _unauthorized(f"the token lives longer than {MAX_LIFETIME_SECONDS} s")


def _keys(live: Path) -> PyJWKSet:
    path = live / KEYS_FILE
    try:
        return PyJWKSet.from_json(path.read_text())
    except OSError as error:
        raise RequestError(403, f"there are no public keys to check a token with: {path}: {error.strerror}") from error
    except (ValueError, PyJWTError) as error:
        raise RequestError(403, f"{path} holds no usable public keys: {error}") from error


def _unauthorized(problem: str) -> RequestError:
    return RequestError(401, problem, ((b"www-authenticate", b"Bearer"),))
