"""Requests and answers as they go between pods: HTTP/1.1, without what belongs to one connection only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FORWARDED = b"onnx-forwarded"
"""The header of a forwarded request: the revision that sent it. Who gets it never forwards it again."""

RAN = b"onnx-ran"
"""The header of an answer to one: how the request ran (traffic/ran.py). Clients do not get it."""

Headers = Iterable[tuple[bytes, bytes]]

# What is about one connection (RFC 9110 §7.6.1), or made anew for the next one.
_OF_CONNECTION = frozenset(
    {
        b"connection",
        b"content-length",
        b"date",
        b"expect",
        b"host",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        FORWARDED,
        RAN,
    }
)


def end_to_end(headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers (names in lower case) that go on with a message."""
    return tuple(pair for pair in headers if pair[0] not in _OF_CONNECTION)


def head(target: bytes, headers: Headers) -> bytes:
    """Return a request's first line and the headers that go on with it, for `Request`."""
    lines = [b"%b: %b\r\n" % pair for pair in end_to_end(headers)]
    return b"".join((b"POST %b HTTP/1.1\r\n" % target, *lines))


@dataclass(frozen=True, slots=True)
class Request:
    """A request to forward: what `head` made, and the body. An answer of more bytes than `limit` is none."""

    head: bytes
    body: bytes | memoryview
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its end-to-end headers, its body in the parts in which it came.

    `ran` is the value of the header RAN.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    parts: Sequence[bytes]
    ran: bytes | None = None

    @property
    def body(self) -> bytes:
        """The body in one piece."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
