"""Model URIs: what they mean, and refusals that tell no secret."""

import pytest

from onnx_server.failures import Failure, Reason
from onnx_server.repository import uri


@pytest.mark.parametrize(
    ("text", "kind", "container", "key", "directory", "file_name"),
    [
        ("s3://models/digits/1/", "s3", "models", "digits/1", True, "model.onnx"),
        ("s3://models/digits/a.onnx", "s3", "models", "digits/a.onnx", False, "a.onnx"),
        ("s3://models", "s3", "models", "", True, "model.onnx"),
        ("gs://b/a%20b.onnx", "gs", "b", "a b.onnx", False, "a b.onnx"),
        ("az://c/m", "az", "c", "m", False, "model.onnx"),
        ("https://h/a/m.onnx?sig=1", "http", "https://h/a/m.onnx?sig=1", "a/m.onnx", False, "m.onnx"),
        ("file:///a/b/", "file", "", "/a/b", True, "model.onnx"),
        ("file:///a/b.onnx", "file", "", "/a/b.onnx", False, "b.onnx"),
        ("a/b.onnx", "file", "", "a/b.onnx", False, "b.onnx"),
        ("/a/b/", "file", "", "/a/b", True, "model.onnx"),
    ],
)
def test_parse(text: str, kind: str, container: str, key: str, directory: bool, file_name: str) -> None:
    parsed = uri.parse(text)
    assert (parsed.kind, parsed.container, parsed.key, parsed.directory) == (kind, container, key, directory)
    assert parsed.file_name == file_name


def test_a_signed_urls_query_is_not_shown() -> None:
    assert uri.parse("https://h/m.onnx?X-Amz-Signature=secret").shown == "https://h/m.onnx"


@pytest.mark.parametrize(
    "text",
    ["", "hf://a/b", "oci://a/b", "s3://", "https://", "https://h", "https://h/dir/", "file://host/a", "s3://b/k?x"],
)
def test_refusals(text: str) -> None:
    with pytest.raises(Failure) as failed:
        uri.parse(text)
    assert failed.value.reason == Reason.INVALID_URI


def test_a_password_in_a_uri_is_refused_and_not_repeated() -> None:
    with pytest.raises(Failure) as failed:
        uri.parse("https://user:hunter2@h/m.onnx")
    assert "hunter2" not in failed.value.message
