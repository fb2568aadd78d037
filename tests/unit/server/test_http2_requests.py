"""What a connection makes of header blocks: the same as HPACK says, whatever was looked up instead of decoded."""

import contextlib

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.http2.call import Call
from onnx_server.http2.frames import ConnectionFailure, ErrorCode
from onnx_server.http2.headers import Requests, status
from onnx_server.http2.request import Malformed, Method
from onnx_server.http2.status import StatusCode


def never(call: Call, message: bytes) -> None:
    raise AssertionError


METHODS = {b"/a.B/C": Method(never), b"/a.B/D": Method(never, streaming=True)}
PSEUDO = [(":method", "POST"), (":scheme", "http"), (":authority", "a")]
TYPE = [("content-type", "application/grpc")]

names = st.sampled_from(["x-a", "x-b", "x-c"])
fields = st.lists(st.tuples(names, st.sampled_from(["", "1", "22", "v" * 900])), max_size=4)
timeouts = st.one_of(st.none(), st.integers(1, 99_999_999))
calls = st.tuples(
    st.sampled_from(["/a.B/C", "/a.B/D", "/no/E"]), fields, timeouts, st.sampled_from([None, 0, 200, 4096])
)


@given(st.lists(calls, min_size=1, max_size=30), st.booleans())
def test_blocks_mean_what_hpack_says(
    history: list[tuple[str, list[tuple[str, str]], int | None, int | None]], huffman: bool
) -> None:
    encoder, requests = hpack.Encoder(), Requests(METHODS, 16384)
    for path, more, timeout, size in history:
        if size is not None:
            encoder.header_table_size = size
        timed = [] if timeout is None else [("grpc-timeout", f"{timeout}u")]
        block = encoder.encode([*PSEUDO, (":path", path), *TYPE, *timed, *more], huffman=huffman)
        request, seconds = requests.find(block) or requests.read(block)
        assert request.metadata == more
        assert request.streaming == (path == "/a.B/D")
        assert (request.refusal is None) == (path != "/no/E")
        assert seconds == (None if timeout is None else pytest.approx(timeout * 1e-6))


@given(st.binary(max_size=200))
def test_no_block_does_more_than_fail(block: bytes) -> None:
    requests = Requests(METHODS, 16384)
    with contextlib.suppress(Malformed, ConnectionFailure):
        requests.read(block)


@pytest.mark.parametrize(
    "wrong",
    [
        [(":method", "POST"), (":scheme", "http"), *TYPE],
        [*PSEUDO, *TYPE, (":path", "/a.B/C")],
        [*PSEUDO, ("grpc-timeout", "1S"), (":path", "/a.B/C"), *TYPE],
        [*PSEUDO, (":path", "/a.B/C"), (":path", "/a.B/D"), *TYPE],
        [*PSEUDO, (":path", "/a.B/C"), (":status", "200"), *TYPE],
        [*PSEUDO, (":path", "/a.B/C"), *TYPE, ("Upper", "a")],
        [*PSEUDO, (":path", "/a.B/C"), *TYPE, ("transfer-encoding", "chunked")],
        [*PSEUDO, (":path", "/a.B/C"), *TYPE, ("te", "gzip")],
        [*PSEUDO, (":path", "/a.B/C"), *TYPE, ("x-a", " 1")],
        [*PSEUDO, (":path", "/a.B/C"), *TYPE, ("x-a", "1\n2")],
        [*PSEUDO, (":path", "/a.B/C"), *TYPE, ("content-length", "1"), ("content-length", "1")],
        [*PSEUDO, (":path", "/a.B/C"), *TYPE, ("content-length", "-1")],
    ],
)
def test_a_malformed_request_is_known(wrong: list[tuple[str, str]]) -> None:
    requests = Requests(METHODS, 16384)
    for _ in range(2):
        with pytest.raises(Malformed):
            requests.read(hpack.Encoder().encode(wrong))


def test_a_table_size_update_comes_first() -> None:
    with pytest.raises(ConnectionFailure) as caught:
        Requests(METHODS, 16384).read(b"\x82\x20\x84")
    assert caught.value.code == ErrorCode.COMPRESSION_ERROR


@pytest.mark.parametrize(
    ("timeout", "seconds"), [("1H", 3600), ("2M", 120), ("3S", 3), ("4m", 0.004), ("5n", 5e-9), ("99999999H", None)]
)
def test_units_of_time(timeout: str, seconds: float | None) -> None:
    block = hpack.Encoder().encode([*PSEUDO, (":path", "/a.B/C"), *TYPE, ("grpc-timeout", timeout)])
    assert Requests(METHODS, 16384).read(block)[1] == seconds


def test_binary_metadata_with_and_without_padding() -> None:
    sent = [("k-bin", "AAE"), ("k-bin", "AAE="), ("k-bin", "AA==,/w"), ("k-bin", "")]
    block = hpack.Encoder().encode([*PSEUDO, (":path", "/a.B/C"), *TYPE, *sent])
    values = [value for _, value in Requests(METHODS, 16384).read(block)[0].metadata]
    assert values == [b"\0\1", b"\0\1", b"\0", b"\xff", b""]


def test_a_long_text_fits_into_one_frame() -> None:
    for text in ("値" * 10_000, "a" * 10_000, "a" * 4000 + "値" * 1000):
        assert 3000 < len(status(StatusCode.INTERNAL, text)) < 4200
    decoded = dict(hpack.Decoder().decode(status(StatusCode.INTERNAL, "a%\n"), raw=True))
    assert decoded == {b"grpc-status": b"13", b"grpc-message": b"a%25%0A"}
