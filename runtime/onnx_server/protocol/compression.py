"""gzip and deflate of bodies, bounded: a small body may unpack to a huge one."""

import zlib

from onnx_server.protocol.errors import RequestError, bad_request

# zlib's window bits: 31 is gzip, 15 zlib's own format (what HTTP calls deflate), -15 raw deflate (what some send).
_GZIP, _ZLIB, _RAW = 31, 15, -15
SUPPORTED = ("gzip", "deflate")


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Unpack `body`. Raises RequestError: 415 for an unknown encoding, 413 over `limit` bytes, 400 for broken data."""
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in SUPPORTED:
        message = f"Content-Encoding must be one of gzip, deflate, identity; got '{encoding}'"
        raise RequestError(415, message, ((b"accept-encoding", b"gzip, deflate"),))
    if encoding == "gzip":
        window = _GZIP
    else:
        # A zlib header's low nibble is 8 and its first two bytes are a multiple of 31.
        is_zlib = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
        window = _ZLIB if is_zlib else _RAW
    unpacker = zlib.decompressobj(window)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise bad_request(f"the body is not {encoding} data: {error}") from error
    if len(unpacked) > limit:
        raise too_large(limit)
    if not unpacker.eof:
        raise bad_request(f"the {encoding} data of the body is cut off")
    return unpacked


def choose(accept_encoding: str) -> str | None:
    """Return the encoding that the client's Accept-Encoding prefers, of those we have; None for identity."""
    best, best_quality = None, 0.0
    for entry in accept_encoding.lower().split(","):
        name, *options = (part.strip() for part in entry.split(";"))
        quality = 1.0
        for option in options:
            if option.startswith("q="):
                try:
                    quality = float(option[2:])
                except ValueError:
                    quality = 0.0
        if name in SUPPORTED and quality > best_quality:
            best, best_quality = name, quality
    return best


def compress(body: bytes, encoding: str) -> bytes:
    """Pack `body` as gzip or deflate, fast rather than small."""
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP if encoding == "gzip" else _ZLIB)
    return packer.compress(body) + packer.flush()


def too_large(limit: int) -> RequestError:
    """Return the 413 for a body of more than `limit` bytes."""
    return RequestError(413, f"the request body may have {limit} bytes (maxBodyBytes): send less, or in parts")
