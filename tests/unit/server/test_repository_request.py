"""Bodies of the model repository extension."""

import pytest

from onnx_server.protocol import repository_request
from onnx_server.protocol.errors import RequestError


@pytest.mark.parametrize(("body", "ready"), [(b"", False), (b"{}", False), (b" ", False), (b'{"ready":true}', True)])
def test_the_index_request(body: bytes, ready: bool) -> None:
    assert repository_request.ready_only(body) is ready


@pytest.mark.parametrize("body", [b"", b"{}", b'{"parameters":{}}'])
def test_a_load_needs_nothing(body: bytes) -> None:
    repository_request.check_load(body)


@pytest.mark.parametrize("value", [b"true", b"false"])
def test_unload_dependents_is_accepted(value: bytes) -> None:
    repository_request.check_unload(b'{"parameters":{"unload_dependents":' + value + b"}}")


def test_long_values_are_shown_in_part() -> None:
    with pytest.raises(RequestError) as refused:
        repository_request.check_load(b'["' + b"a" * 10_000 + b'"]')
    assert refused.value.status == 400
    assert len(refused.value.message) < 200
