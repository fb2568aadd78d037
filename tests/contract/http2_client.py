"""A client of HTTP/2 that says what a test wants it to: frames as they are, right or wrong."""

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence

import hpack
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Fields = Sequence[tuple[str, str]]


def request(path: str = "/test.Echo/Echo", *more: tuple[str, str]) -> Fields:
    pseudo = ((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test"))
    return (*pseudo, ("content-type", "application/grpc"), ("te", "trailers"), *more)


def message(data: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + len(data).to_bytes(4, "big") + data


CONNECTIONS: list[socket.socket] = []


def close_all() -> None:
    """Close what clients opened."""
    while CONNECTIONS:
        CONNECTIONS.pop().close()


class Client:
    """One connection; the preface and SETTINGS are sent unless a test has its own."""

    def __init__(self, port: int, settings: dict[int, int] | None = None, greet: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        CONNECTIONS.append(self.socket)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.stream = -1
        self.buffer = b""
        self.closed = False
        if greet:
            self.socket.sendall(PREFACE)
            self.send(SettingsFrame(0, settings=settings or {}))

    def send(self, *frames: Frame) -> None:
        self.socket.settimeout(10)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(b"".join(frame.serialize() for frame in frames))

    def open(self, fields: Fields, *flags: str) -> int:
        """Send HEADERS of a new stream; return its number."""
        self.stream += 2
        block = self.encoder.encode(fields, huffman=True)
        self.send(HeadersFrame(self.stream, block, flags=["END_HEADERS", *flags]))
        return self.stream

    def call(self, data: bytes, path: str = "/test.Echo/Echo", *more: tuple[str, str]) -> int:
        stream = self.open(request(path, *more))
        self.send(DataFrame(stream, message(data), flags=["END_STREAM"]))
        return stream

    def frames(self, seconds: float = 5) -> Iterator[Frame]:
        """Yield what comes until the server ends the connection or nothing came for so long."""
        while True:
            while len(self.buffer) >= 9:
                frame, size = Frame.parse_frame_header(memoryview(self.buffer[:9]))
                if len(self.buffer) < 9 + size:
                    break
                frame.parse_body(memoryview(self.buffer[9 : 9 + size]))
                self.buffer = self.buffer[9 + size :]
                yield frame
            self.socket.settimeout(seconds)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return
            except ConnectionResetError:
                data = b""
            if not data:
                self.closed = True
                return
            self.buffer += data

    def fields(self, block: bytes) -> dict[str, str]:
        return {str(name): str(value) for name, value in self.decoder.decode(block)}

    def answer(self, stream: int, seconds: float = 5) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers and trailers of a call; a reset shows as `reset`."""
        body = b""
        fields: dict[str, str] = {}
        for frame in self.frames(seconds):
            if isinstance(frame, HeadersFrame):
                decoded = self.fields(frame.data)
                fields |= decoded if frame.stream_id == stream else {}
            if frame.stream_id == stream and isinstance(frame, RstStreamFrame):
                return body, fields | {"reset": str(frame.error_code)}
            if frame.stream_id == stream and isinstance(frame, DataFrame):
                body += frame.data
            if frame.stream_id == stream and "END_STREAM" in frame.flags:
                return body, fields
            if isinstance(frame, GoAwayFrame) and frame.error_code:
                return body, fields | {"goaway": str(frame.error_code)}
        raise AssertionError(f"no end of stream {stream}: {fields}, {len(body)} bytes")

    def goaway(self, seconds: float = 5) -> GoAwayFrame:
        """Return the GOAWAY frame with which the server ends the connection."""
        last = None
        for frame in self.frames(seconds):
            if isinstance(frame, PingFrame) and "ACK" not in frame.flags:
                self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]))
            last = frame if isinstance(frame, GoAwayFrame) else last
        assert last is not None, "the connection goes on"
        assert self.closed
        return last

    def echoes(self, data: bytes = b"still here") -> bool:
        """Return whether a good call works on this connection."""
        body, fields = self.answer(self.call(data))
        return body == message(data) and fields["grpc-status"] == "0"

    def wait(self, seconds: float) -> None:
        """Read and drop for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.closed:
            for _ in self.frames(max(0.01, end - time.monotonic())):
                pass

    def close(self) -> None:
        self.socket.close()
