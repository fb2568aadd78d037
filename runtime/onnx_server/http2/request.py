"""A request's header fields, read: what HTTP/2 (RFC 9113 §8) and gRPC ask of them, and what they say."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .status import StatusCode, StatusError

if TYPE_CHECKING:
    from .call import Call

Field = tuple[bytes, bytes]
UnaryHandler = Callable[["Call", bytes], None]
StreamHandler = Callable[["Call"], Awaitable[None]]

NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch
VALUE: Final = re.compile(rb"(?:[^\0\r\n\t ](?:[^\0\r\n]*[^\0\r\n\t ])?)?", re.DOTALL).fullmatch
CONNECTION_SPECIFIC: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
# What is the transport's own; all else is the caller's metadata.
RESERVED: Final = frozenset(
    (
        b"content-length",
        b"content-type",
        b"grpc-accept-encoding",
        b"grpc-encoding",
        b"grpc-message-type",
        b"grpc-timeout",
        b"te",
    )
)
TIMEOUT: Final = re.compile(rb"([0-9]{1,8})([HMSmun])").fullmatch
SECONDS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
FOREVER: Final = 30 * 86400.0
"""Time-outs from here on, in seconds, are none: clients send the largest number for "no deadline"."""
ENCODINGS: Final = (b"identity", b"gzip", b"deflate")


@dataclass(frozen=True, slots=True)
class Method:
    """What serves a method: `handler(call, message)`, which answers later, or with `streaming` a coroutine."""

    handler: UnaryHandler | StreamHandler
    streaming: bool = False


class Malformed(Exception):  # noqa: N818 -- RFC 9113's word (§8.1.1)
    """A request that ends with a stream error of type PROTOCOL_ERROR."""


class Request:
    """What a header block says; the calls whose header blocks have the same bytes share it.

    `refusal` is the status with which the call ends at once; `http_status` is set where no
    gRPC client asks, and the refusal is then an HTTP error. `special` are calls that do not begin with waiting for
    the first DATA.
    """

    __slots__ = (
        "_metadata",
        "custom",
        "encoding",
        "handler",
        "http_status",
        "length",
        "refusal",
        "special",
        "streaming",
    )

    def __init__(self, fields: Iterable[Field], methods: Mapping[bytes, Method]) -> None:
        """Read the fields; raises Malformed."""
        pseudo, regular = split(fields)
        verb, path = check(pseudo)
        self.encoding = b"identity"
        self.length: int | None = None
        self.refusal: tuple[StatusCode, str] | None = None
        self.http_status: int | None = None
        self.custom: list[Field] = []
        self._metadata: list[tuple[str, str | bytes]] | None = None
        content = b""
        for name, value in regular:
            if name not in RESERVED:
                self.custom.append((name, value))
            elif name == b"content-type":
                content = value
            elif name == b"grpc-encoding":
                self.encoding = value
            elif name == b"te" and value != b"trailers":
                raise Malformed("te may only be trailers")
            elif name == b"content-length":
                self._read_length(value)
        method = methods.get(path)
        self.handler: Any = None if method is None else method.handler
        self.streaming = method is not None and method.streaming
        self._check_grpc(verb, path, content)
        self.special = self.streaming or self.refusal is not None or self.length is not None

    def _read_length(self, value: bytes) -> None:
        if not value.isdigit() or len(value) > 18 or self.length is not None:
            raise Malformed("content-length is one number")
        self.length = int(value)

    def _check_grpc(self, verb: bytes, path: bytes, content: bytes) -> None:
        kind = content.split(b";")[0].strip()
        if verb != b"POST":
            self.http_status = 405
            self.refusal = (StatusCode.INTERNAL, "this port speaks gRPC: every call is a POST")
        elif kind not in (b"application/grpc", b"application/grpc+proto"):
            self.http_status = 415
            self.refusal = (StatusCode.INTERNAL, "this port speaks gRPC: content-type application/grpc is expected")
        elif self.handler is None:
            self.refusal = (StatusCode.UNIMPLEMENTED, f"no method {path[:256].decode('latin-1')} is served here")
        elif self.encoding not in ENCODINGS:
            shown = self.encoding[:32].decode("latin-1")
            self.refusal = (StatusCode.UNIMPLEMENTED, f"grpc-encoding {shown!r}: expected identity, gzip or deflate")
        elif any(name.endswith(b"-bin") for name, _ in self.custom):
            try:
                self._metadata = decoded(self.custom)
            except ValueError as error:
                self.refusal = (StatusCode.INTERNAL, str(error))

    def refuse(self, code: StatusCode, text: str) -> None:
        """Say that calls end at once with this status, unless there is another reason already."""
        if self.refusal is None:
            self.refusal = (code, text)
        self.special = True

    @property
    def metadata(self) -> list[tuple[str, str | bytes]]:
        """The caller's metadata; values of names that end with -bin are bytes."""
        if self._metadata is None:
            self._metadata = decoded(self.custom)
        return self._metadata


def seconds(timeout: bytes) -> float | None:
    """Return a grpc-timeout in seconds, None for one that is as good as none; raises StatusError."""
    parts = TIMEOUT(timeout)
    if parts is None:
        shown = timeout[:32].decode("latin-1")
        text = f"grpc-timeout {shown!r}: expected 1 to 8 digits and one of HMSmun"
        raise StatusError(StatusCode.INTERNAL, text)
    value = int(parts[1]) * SECONDS[parts[2]]
    if not value:
        raise StatusError(StatusCode.DEADLINE_EXCEEDED, "the deadline passed before the call came")
    return value if value < FOREVER else None


def split(fields: Iterable[Field]) -> tuple[dict[bytes, bytes], list[Field]]:
    """Return the pseudo-header fields and the others of a block; raises Malformed (RFC 9113 §8.2, §8.3)."""
    pseudo: dict[bytes, bytes] = {}
    regular: list[Field] = []
    for name, value in fields:
        if not VALUE(value):
            raise Malformed("a field's value has control characters or white space around it")
        if name[:1] == b":":
            if regular or name in pseudo:
                raise Malformed("a pseudo-header field comes late or twice")
            pseudo[name] = value
        elif name in CONNECTION_SPECIFIC or not NAME(name):
            raise Malformed("a field's name is not for HTTP/2")
        else:
            regular.append((name, value))
    return pseudo, regular


def check(pseudo: dict[bytes, bytes]) -> Field:
    """Return a request's method and path; raises Malformed (RFC 9113 §8.3.1)."""
    if not pseudo.keys() <= {b":method", b":scheme", b":path", b":authority"}:
        raise Malformed("a pseudo-header field is unknown")
    verb, path = pseudo.get(b":method"), pseudo.get(b":path")
    if not verb or not path or not pseudo.get(b":scheme"):
        raise Malformed("a request has :method, :scheme and :path")
    return verb, path


def decoded(fields: Iterable[Field]) -> list[tuple[str, str | bytes]]:
    """Return metadata as handlers see it; raises ValueError for a -bin value that is no base64.

    Padding may be absent, and several values may be joined with commas (PROTOCOL-HTTP2, "Custom-Metadata").
    """
    result: list[tuple[str, str | bytes]] = []
    for raw_name, value in fields:
        name = raw_name.decode("ascii")
        if not name.endswith("-bin"):
            result.append((name, value.decode("latin-1")))
            continue
        for part in value.split(b","):
            try:
                result.append((name, base64.b64decode(part.strip() + b"=" * (-len(part.strip()) % 4), validate=True)))
            except binascii.Error:
                raise ValueError(f"metadata {name}: expected base64") from None
    return result
