"""Header blocks in (RFC 7541, by hpack, behind a cache of whole blocks), and constant header blocks out."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote

from hpack import Decoder
from hpack.exceptions import HPACKDecodingError, HPACKError, OversizedHeaderListError
from hpack.table import table_entry_size

from .frames import ConnectionFailure, ErrorCode
from .request import Field, Malformed, Method, Request, seconds
from .status import StatusCode, StatusError

Key = TypeVar("Key")
Value = TypeVar("Value")
Timed = tuple[Request, float | None]
"""What a call asks, and within how many seconds."""

CACHED: Final = 64
CACHED_BYTES: Final = 8192
"""Decoded size of what is worth keeping: so a connection's cache is bounded by half a megabyte."""
MAX_INDEXED: Final = 128
MAX_TEXT: Final = 4096
"""Bytes of grpc-message: trailers have to fit into one frame, and clients refuse headers of over 8 KiB."""


class Requests:
    """A connection's header blocks, decoded.

    A client's calls of one method repeat their block byte for byte, so blocks are looked up whole. That is sound
    while the dynamic table is as it was: a block is kept only if it left the table alone, and all are dropped when
    one changes it. A deadline that is another number in each call changes it each time; then what the other fields
    say is found by these.
    """

    def __init__(self, methods: Mapping[bytes, Method], max_bytes: int) -> None:
        self._methods = methods
        self._max_bytes = max_bytes
        # Up to four times the limit the call gets a status; then the decoder stops, and with it the connection.
        self._decoder = Decoder(max_header_list_size=4 * max_bytes)
        self._blocks: dict[bytes, Timed] = {}
        self._requests: dict[tuple[Field, ...], Request] = {}
        self.find: Callable[[bytes], Timed | None] = self._blocks.get

    def fields(self, block: bytes) -> tuple[list[Field], bool]:
        """Return a block's fields, and whether the dynamic table is still as it was. Raises ConnectionFailure."""
        table = self._decoder.header_table
        entries = table.dynamic_entries
        before = (len(entries), entries[0] if entries else None, table.maxsize)
        fields: list[Field] = []
        try:
            # Of a client's later calls most fields are one byte, the index of an entry (RFC 7541 §6.1).
            for byte in block[:MAX_INDEXED]:
                if not 0x80 < byte < 0xFF:
                    break
                fields.append(table.get_by_index(byte & 0x7F))
            if rest := block[len(fields) :]:
                if fields and rest[0] & 0xE0 == 0x20:  # RFC 7541 §4.2; the decoder sees the rest only
                    raise HPACKDecodingError("a table size update after a field")
                fields += self._decoder.decode(rest, raw=True)
        except OversizedHeaderListError:
            limit = 4 * self._max_bytes
            raise ConnectionFailure(ErrorCode.ENHANCE_YOUR_CALM, f"headers of over {limit} bytes") from None
        except HPACKError:
            raise ConnectionFailure(ErrorCode.COMPRESSION_ERROR, "a header block is damaged") from None
        # Each insertion makes a new tuple: the same object at the head means that nothing was inserted.
        same = before[0] == len(entries) and before[2] == table.maxsize
        same = same and (not entries or entries[0] is before[1])
        if not same:
            self._blocks.clear()
        return fields, same

    def read(self, block: bytes) -> Timed:
        """Return what a block says that `find` does not know. Raises Malformed and ConnectionFailure."""
        fields, same = self.fields(block)
        timeout: bytes | None = None
        for index, (name, value) in enumerate(fields):
            if name == b"grpc-timeout":
                if any(later[:1] == b":" for later, _ in fields[index:]):
                    raise Malformed("a pseudo-header field comes late")
                timeout = value
                del fields[index]
                break
        key = tuple(fields)
        request = self._requests.get(key)
        if request is None:
            request = self._request(key)
        timed: Timed = (request, None)
        if timeout is not None:
            try:
                timed = (request, seconds(timeout))
            except StatusError as error:
                request = Request(fields, self._methods)
                request.refuse(error.code, error.text)
                return request, None
        if same and key in self._requests:
            keep(self._blocks, block, timed)
        return timed

    def _request(self, fields: tuple[Field, ...]) -> Request:
        request = Request(fields, self._methods)
        size = sum(table_entry_size(name, value) for name, value in fields)
        if size > self._max_bytes:
            text = f"the headers have {size} bytes: at most {self._max_bytes} are taken (maxHeaderBytes)"
            request.refuse(StatusCode.RESOURCE_EXHAUSTED, text)
        if size <= CACHED_BYTES:
            keep(self._requests, fields, request)
        return request

    def trailers(self, block: bytes) -> None:
        """Read a request's trailers, which gRPC gives no meaning. Raises Malformed and ConnectionFailure."""
        fields, _ = self.fields(block)
        if any(name[:1] == b":" for name, _ in fields):
            raise Malformed("trailers have no pseudo-header fields")


def keep(cache: dict[Key, Value], key: Key, value: Value) -> None:
    """Put a value into a cache; the oldest makes room."""
    if len(cache) >= CACHED:
        del cache[next(iter(cache))]
    cache[key] = value


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
    text = text[:MAX_TEXT]
    while len(message := quote(text.encode("utf-8", "replace"), safe=" !\"#$&'()*+,/:;<=>?@[]^_`{|}~")) > MAX_TEXT:
        text = text[: len(text) * MAX_TEXT // len(message)]
    return literal(b"grpc-status", b"%d" % code) + literal(b"grpc-message", message.encode())


def http_error(code: int) -> bytes:
    """Return the headers of an HTTP error with a text."""
    allow = literal(b"allow", b"POST") if code == 405 else b""
    return literal(b":status", b"%d" % code) + allow + literal(b"content-type", b"text/plain; charset=utf-8")
