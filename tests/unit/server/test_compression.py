"""Compressed bodies: both ways, bounded, and typed refusals."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.protocol import compression
from onnx_server.protocol.errors import RequestError


@given(st.binary(max_size=2000), st.sampled_from(compression.SUPPORTED))
def test_round_trip(body: bytes, encoding: str) -> None:
    assert compression.decompress(compression.compress(body, encoding), encoding, len(body)) == body


def test_clients_deflate_in_two_ways() -> None:
    packer = zlib.compressobj(wbits=-15)
    raw = packer.compress(b"body") + packer.flush()
    assert compression.decompress(zlib.compress(b"body"), "deflate", 10) == b"body"
    assert compression.decompress(raw, "Deflate", 10) == b"body"


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"\0" * 1_000_000, mtime=0), "gzip", 413),
        (b"not gzip", "gzip", 400),
        (gzip.compress(b"abc", mtime=0)[:-4], "gzip", 400),
        (b"", "deflate", 400),
        (b"x", "br", 415),
        (b"x", "gzip, gzip", 415),
    ],
)
def test_refusals(body: bytes, encoding: str, status: int) -> None:
    with pytest.raises(RequestError) as refused:
        compression.decompress(body, encoding, 1000)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", None),
        ("br", None),
        ("gzip", "gzip"),
        ("br, gzip;q=0.5", "gzip"),
        ("gzip;q=0.1, deflate", "deflate"),
        ("gzip;q=0", None),
        ("gzip;q=x", None),
    ],
)
def test_the_clients_preference_decides(accepted: str, chosen: str | None) -> None:
    assert compression.choose(accepted) == chosen
