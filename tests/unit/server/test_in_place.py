"""Requests received in place: what is offered to the transport, what is handed on, and what is held by who is idle."""

from typing import Any

import numpy as np

from onnx_server.http.in_place import InPlace

HEAD = b"POST / HTTP/1.1\r\n\r\n"
LENGTH, TENSORS = 300, 44


class Transport:
    """Notes who hears of it."""

    def __init__(self) -> None:
        self.protocol: object = None

    def set_protocol(self, protocol: object) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return False


class Connection:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.transport = Transport()
        self.bodies: list[memoryview] = []
        self.other: list[bytes] = []

    def head_came_again(self) -> bool:
        return True

    def body_received(self, body: memoryview) -> None:
        self.bodies.append(body)

    def data_received(self, data: bytes) -> None:
        self.other.append(data)


def in_place() -> tuple[Any, InPlace]:
    connection: Any = Connection()
    made = InPlace(connection, HEAD, LENGTH, TENSORS)
    made.take_place()
    return connection, made


def receive(made: InPlace, data: bytes) -> None:
    room = made.get_buffer(-1)
    room[: len(data)] = data
    made.buffer_updated(len(data))


def test_tensors_lie_at_an_aligned_address_and_no_more_than_a_request_is_taken() -> None:
    connection, made = in_place()
    request = HEAD + bytes(range(250)) + bytes(50)
    assert len(made.get_buffer(-1)) == len(request)
    receive(made, request[:100])
    assert len(made.get_buffer(-1)) == len(request) - 100
    receive(made, request[100:])
    (body,) = connection.bodies
    assert bytes(body) == request[len(HEAD) :]
    assert body.readonly
    assert np.frombuffer(body[TENSORS:], np.uint8).ctypes.data % 64 == 0


def test_idle_connections_share_the_room_that_is_offered_to_them() -> None:
    rooms = [np.frombuffer(in_place()[1].get_buffer(-1), np.uint8).ctypes.data for _ in range(3)]
    assert len(set(rooms)) == 1


def test_a_piece_of_a_head_is_not_taken_for_one_that_lay_there_before() -> None:
    connection, made = in_place()
    made.get_buffer(-1)[: len(HEAD)] = HEAD
    receive(made, HEAD[:5])
    assert connection.other == [HEAD[:5]]
    assert connection.bodies == []
    assert connection.transport.protocol is connection


def test_another_head_is_handed_on_whole() -> None:
    connection, made = in_place()
    receive(made, b"GET / HTTP/1.1\r\n\r\nmore")
    assert connection.other == [b"GET / HTTP/1.1\r\n\r\nmore"]
    assert connection.transport.protocol is connection
