"""What an order for copies leaves out."""

from onnx_server.control.split import ShadowRequest
from onnx_server.traffic.room import Room
from onnx_server.traffic.split import Shadowing


def test_a_usual_batch_of_images_may_be_copied() -> None:
    asked = ShadowRequest.model_validate({"percent": 100})
    assert Shadowing(**asked.model_dump()) == Shadowing(percent=100)
    room = Room()
    room.max_in_flight, room.max_bytes = asked.max_in_flight, asked.max_bytes
    assert room.take(64 * 3 * 224 * 224 * 4, 1.0, 0.0)
