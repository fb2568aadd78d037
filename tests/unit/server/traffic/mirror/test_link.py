"""Messages over a real pair of sockets, in whatever pieces they come."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import numpy as np
import pytest

from onnx_server.preparation import bfloat16
from onnx_server.traffic.mirror.contention import Contended
from onnx_server.traffic.mirror.link import Link, framed
from onnx_server.traffic.mirror.messages import Copy, Told, Twice
from onnx_server.traffic.mirror.packing import INLINE_BYTES, packed, unpacked
from tests.unit.server.scheduling import until


class End:
    """One end, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.lost = 0
        self.link = Link(lambda number, message: self.heard.append((number, message)), self._gone)

    def _gone(self) -> None:
        self.lost += 1

    async def open(self, ours: socket.socket) -> None:
        ours.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self.link, sock=ours)


def play(story: Callable[[End, End], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        sockets = socket.socketpair()
        ends = End(), End()
        ends[0].link.send(1, "early")
        for end, ours in zip(ends, sockets, strict=True):
            await end.open(ours)
        await story(*ends)
        ends[0].link.close()
        await until(lambda: ends[1].lost)

    asyncio.run(main())


TENSORS = {
    "aligned": np.arange(6, dtype=np.float64).reshape(2, 3),
    "odd": np.arange(5, dtype=np.uint8),
    "columns": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
    "every second": np.arange(10, dtype=np.int16)[::2],
    "texts": np.array([["a", b"\xff"]], object),
    "many texts": np.array([f"text {number}" for number in range(3000)], object).reshape(3, 1000),
    "a text": np.array("text", object),
    "large columns": np.asfortranarray(np.arange(40000, dtype=np.int32).reshape(200, 200)),
    "large bits": np.zeros(INLINE_BYTES, bfloat16.SENT.dtype),
    "other order": np.arange(3, dtype=">i4"),
    "none": np.empty((0, 4), np.float32),
    "scalar": np.array(7.0, np.float32),
    "half": np.array([1.5], np.float16),
    "yes": np.array([True, False]),
    "bits": np.array([(1,), (2,)], bfloat16.SENT.dtype),
    "read only": np.frombuffer(b"12345678", np.int64),
    "large": np.arange(INLINE_BYTES + 3, dtype=np.uint8),
    "large too": np.random.default_rng(0).random((1000, 2000)),
}


def same(got: Any, sent: Mapping[str, Any]) -> None:
    assert got.keys() == sent.keys()
    for name, array in sent.items():
        np.testing.assert_array_equal(got[name], array)
        assert got[name].dtype == array.dtype, name
        assert got[name].shape == array.shape, name


def test_messages_arrive_as_they_were_sent() -> None:
    async def story(one: End, other: End) -> None:
        one.link.send(2, Copy(3, TENSORS, {}, 1000, 2.5))
        one.link.send(0, Twice(4, {"texts": TENSORS["texts"]}, TENSORS))
        held = Contended(0.5, 0.125, 3)
        other.link.send(2, Told("compared", ran=b"rows=1", seconds=0.25, contended=held, described=b"{}", bug="no"))
        other.link.send(3, None)
        await until(lambda: len(other.heard) == 3 and len(one.heard) == 2)
        told = Told("compared", late=False, ran=b"rows=1", seconds=0.25, contended=held, described=b"{}", bug="no")
        assert one.heard == [(2, told), (3, None)]
        (early, (number, copy), (none, twice)) = other.heard
        assert (early, number, none) == ((1, "early"), 2, 0)
        assert (copy.comparisons, copy.outputs, copy.limit, copy.patience) == (3, {}, 1000, 2.5)
        same(copy.inputs, TENSORS)
        assert copy.inputs["large too"].flags.aligned
        assert twice.comparisons == 4
        same(twice.first, {"texts": TENSORS["texts"]})
        same(twice.second, TENSORS)

    play(story)


@pytest.mark.parametrize("piece", [1, 7, 8, 64, 1000])
def test_messages_in_pieces(piece: int) -> None:
    small = {name: array for name, array in TENSORS.items() if array.nbytes < 100}
    messages = ["a", Copy(1, small, {}, 1, 1.0), Twice(2, {"x": TENSORS["large"]}, {}), ""]
    data = b"".join(bytes(part) for number, each in enumerate(messages) for part in framed(number, packed(each)))
    heard: list[Any] = []
    link = Link(lambda number, message: heard.append((number, message)), lambda: None)
    for begin in range(0, len(data), piece):
        link.data_received(data[begin : begin + piece])
    assert [heard[0], heard[3]] == [(0, "a"), (3, "")]
    same(heard[1][1].inputs, small)
    same(heard[2][1].first, {"x": TENSORS["large"]})


def test_small_arrays_are_in_the_message_and_large_ones_beside_it() -> None:
    ready = packed(Copy(1, {"small": np.zeros(8)}, {"large": np.zeros(INLINE_BYTES)}, 1, 1.0))
    assert packed(ready) is ready
    assert len(ready.message) < 1000
    assert [len(part) for part in ready.parts] == [8 * INLINE_BYTES]
    copy = unpacked(ready.message, ready.parts)
    assert isinstance(copy, Copy)
    np.testing.assert_array_equal(copy.inputs["small"], np.zeros(8))


def test_a_link_that_is_closed_before_it_is_open_ends_at_once() -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        one, other = End(), End()
        one.link.close()
        await one.open(ours)
        await other.open(theirs)
        await until(lambda: one.lost and other.lost)
        assert (one.lost, other.lost) == (1, 1)

    asyncio.run(main())
