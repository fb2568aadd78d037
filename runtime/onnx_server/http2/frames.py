"""HTTP/2 frames (RFC 9113 §4, §6): bytes to frames and back.

DATA, HEADERS and WINDOW_UPDATE are read where they arrive, in `connection` and `control`, for they are on every
call's way. hyperframe reads the others.
"""

import struct
from enum import IntEnum
from typing import Final

from hyperframe.exceptions import HyperframeError, InvalidFrameError
from hyperframe.frame import FRAMES, Frame

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_FRAME_SIZE: Final = 16384
"""The largest payload taken: the protocol's initial value, which is never changed."""
MAX_WINDOW: Final = (1 << 31) - 1
MAX_STREAM: Final = (1 << 31) - 1
DEFAULT_WINDOW: Final = 65535

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM: Final = 0x01
ACK: Final = 0x01
END_HEADERS: Final = 0x04
PADDED: Final = 0x08
PRIORITISED: Final = 0x20

HEAD: Final = struct.Struct(">IBI")
"""A frame's head: length << 8 | type, flags, stream."""

SETTINGS_ENABLE_PUSH: Final = 2
SETTINGS_MAX_CONCURRENT_STREAMS: Final = 3
SETTINGS_INITIAL_WINDOW_SIZE: Final = 4
SETTINGS_MAX_FRAME_SIZE: Final = 5
SETTINGS_MAX_HEADER_LIST_SIZE: Final = 6


class ErrorCode(IntEnum):
    """Why a stream or connection ended (RFC 9113 §7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12


class ConnectionFailure(Exception):  # noqa: N818 -- it is the protocol's "connection error"; Python's is an OSError
    """What ends a connection with GOAWAY (RFC 9113 §5.4.1)."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame."""
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def settings(values: dict[int, int]) -> bytes:
    """Return a SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in values.items()))


def goaway(last_stream: int, code: ErrorCode, text: str = "") -> bytes:
    """Return a GOAWAY frame: streams above `last_stream` were not looked at."""
    return frame(GOAWAY, 0, 0, struct.pack(">II", last_stream, code) + text.encode())


def rst_stream(stream: int, code: ErrorCode) -> bytes:
    """Return a RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def window_update(stream: int, increment: int) -> bytes:
    """Return a WINDOW_UPDATE frame."""
    return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def parse(kind: int, flags: int, stream: int, payload: bytes) -> Frame:
    """Return a frame of a type that RFC 9113 defines; raise ConnectionFailure when it breaks that type's rules."""
    if kind == SETTINGS and flags & ACK and payload:
        raise ConnectionFailure(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS with ACK has no payload (RFC 9113 §6.5)")
    try:
        parsed = FRAMES[kind](stream)
        parsed.parse_flags(flags)
        parsed.parse_body(memoryview(payload))
    except InvalidFrameError as error:
        raise ConnectionFailure(ErrorCode.FRAME_SIZE_ERROR, str(error)) from None
    except HyperframeError as error:
        raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, str(error)) from None
    return parsed


def unpad(payload: bytes) -> bytes:
    """Return the payload of a DATA or HEADERS frame without its padding (RFC 9113 §6.1, §6.2)."""
    if not payload:
        raise ConnectionFailure(ErrorCode.FRAME_SIZE_ERROR, "a padded frame says how long its padding is")
    if payload[0] >= len(payload):
        raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "the padding is as long as the frame, or longer")
    return payload[1 : len(payload) - payload[0]]
