import pytest

from onnx_operator.kube.errors import ConflictError, KubeError, RefusedError, TransientError, error_of


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (409, ConflictError),
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
        (400, RefusedError),
        (401, TransientError),
        (403, RefusedError),
        (410, TransientError),
        (408, TransientError),
        (422, RefusedError),
    ],
)
def test_an_http_status_has_one_of_three_meanings(status: int, kind: type[KubeError]) -> None:
    error = error_of(status, {"message": "its words"}, 7.0)
    assert type(error) is kind
    assert "its words" in str(error)
    assert str(status) in str(error)


def test_when_to_come_back_is_kept() -> None:
    error = error_of(429, {"message": "too many requests"}, 7.0)
    assert isinstance(error, TransientError)
    assert error.retry_after == 7.0


@pytest.mark.parametrize(
    "message",
    [
        # What a real API server (1.34) answers with HTTP 500 to a Deployment with a user's mistake in it.
        "failed to create typed patch object (ns/d; apps/v1, Kind=Deployment): "
        ".spec.template.spec.tolerations[0].bogus: field not declared in schema",
        "failed to convert new object (ns/d; apps/v1, Kind=Deployment) to proper version: "
        "quantities must match the regular expression",
    ],
)
def test_a_malformed_manifest_is_refused_though_the_api_server_takes_the_blame(message: str) -> None:
    assert type(error_of(500, {"message": message})) is RefusedError
