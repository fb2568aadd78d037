"""Header blocks in (RFC 7541, by hpack, behind a cache of whole blocks), and constant header blocks out."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from hpack import Decoder
from hpack.exceptions import HPACKError, OversizedHeaderListError
from hpack.table import table_entry_size

from .frames import ConnectionFailure, ErrorCode
from .request import Field, Malformed, Method, Request
from .status import StatusCode

CACHED_BLOCKS: Final = 64
CACHED_BYTES: Final = 8192
"""Decoded size of a block that is worth keeping: so a connection's cache is bounded by half a megabyte."""
MAX_TEXT: Final = 2048
"""Characters of grpc-message, so that the trailers fit into one frame of any size."""


class Requests:
    """A connection's header blocks, decoded.

    A client's calls of one method repeat their block byte for byte, so blocks are looked up whole. That is sound
    while the dynamic table is as it was: a block is kept only if it left the table alone, and all are dropped when
    one changes it.
    """

    def __init__(self, methods: Mapping[bytes, Method], max_bytes: int) -> None:
        self._methods = methods
        self._max_bytes = max_bytes
        # Up to four times the limit the call gets a status; then the decoder stops, and with it the connection.
        self._decoder = Decoder(max_header_list_size=4 * max_bytes)
        self._cache: dict[bytes, Request] = {}
        self.find: Callable[[bytes], Request | None] = self._cache.get

    def fields(self, block: bytes) -> tuple[list[Field], bool]:
        """Return a block's fields, and whether the dynamic table is still as it was. Raises ConnectionFailure."""
        table = self._decoder.header_table
        entries = table.dynamic_entries
        before = (len(entries), entries[0] if entries else None, table.maxsize)
        try:
            fields: list[Field] = list(self._decoder.decode(block, raw=True))
        except OversizedHeaderListError:
            limit = 4 * self._max_bytes
            raise ConnectionFailure(ErrorCode.ENHANCE_YOUR_CALM, f"headers of over {limit} bytes") from None
        except HPACKError:
            raise ConnectionFailure(ErrorCode.COMPRESSION_ERROR, "a header block is damaged") from None
        # Each insertion makes a new tuple: the same object at the head means that nothing was inserted.
        same = before[0] == len(entries) and before[2] == table.maxsize
        same = same and (not entries or entries[0] is before[1])
        if not same:
            self._cache.clear()
        return fields, same

    def read(self, block: bytes) -> Request:
        """Return what a block says that `find` does not know. Raises Malformed and ConnectionFailure."""
        fields, same = self.fields(block)
        size = sum(table_entry_size(name, value) for name, value in fields)
        request = Request(fields, self._methods)
        if size > self._max_bytes:
            text = f"the headers have {size} bytes: at most {self._max_bytes} are taken (maxHeaderBytes)"
            request.refuse(StatusCode.RESOURCE_EXHAUSTED, text)
        if same and size <= CACHED_BYTES:
            if len(self._cache) >= CACHED_BLOCKS:
                del self._cache[next(iter(self._cache))]
            self._cache[block] = request
        return request

    def trailers(self, block: bytes) -> None:
        """Read a request's trailers, which gRPC gives no meaning. Raises Malformed and ConnectionFailure."""
        fields, _ = self.fields(block)
        if any(name[:1] == b":" for name, _ in fields):
            raise Malformed("trailers have no pseudo-header fields")


def literal(name: bytes, value: bytes) -> bytes:
    """Return a field that is never put into a table and not Huffman coded (RFC 7541 §6.2.2): always the same bytes."""
    return b"\x00" + _string(name) + _string(value)


def _string(text: bytes) -> bytes:
    rest = len(text) - 127
    if rest < 0:
        return bytes([len(text)]) + text
    length = bytearray([127])
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    length.append(rest)
    return bytes(length) + text


ENCODINGS_TAKEN: Final = literal(b"grpc-accept-encoding", b"identity,deflate,gzip")
ANSWER: Final = b"\x88" + literal(b"content-type", b"application/grpc") + ENCODINGS_TAKEN
"""The headers of every answer; 0x88 is `:status 200` of the static table."""
OK: Final = literal(b"grpc-status", b"0")


def status(code: StatusCode, text: str) -> bytes:
    """Return the trailers of a call that failed; the text is percent-encoded (PROTOCOL-HTTP2, "Status-Message")."""
    message = quote(text[:MAX_TEXT].encode("utf-8", "replace"), safe=" !\"#$&'()*+,/:;<=>?@[]^_`{|}~")
    return literal(b"grpc-status", b"%d" % code) + literal(b"grpc-message", message.encode())


def http_error(code: int) -> bytes:
    """Return the headers of an HTTP error with a text."""
    allow = literal(b"allow", b"POST") if code == 405 else b""
    return literal(b":status", b"%d" % code) + allow + literal(b"content-type", b"text/plain; charset=utf-8")
