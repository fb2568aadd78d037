import stat
from pathlib import Path

import pytest

from demo.current_place import CurrentPlace
from demo.errors import DemoError
from demo.store import Store, read_environment, write_environment

GIVEN = {
    "IMAGE_REGISTRY": "registry.example/team",
    "DEMO_BUCKET": "s3://bucket/some/prefix/",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "a=b/c+d",
}


def test_credentials_are_kept_as_they_are_and_only_for_their_owner(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "store.env"
    for _ in range(2):
        write_environment(file, {"AWS_SECRET_ACCESS_KEY": "a=b/c+d", "AWS_REGION": "x"})
        assert read_environment(file) == {"AWS_SECRET_ACCESS_KEY": "a=b/c+d", "AWS_REGION": "x"}
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_versions_lie_below_the_prefix() -> None:
    assert Store("s3://bucket/some/prefix", {}).uri(2) == "s3://bucket/some/prefix/digits/2/model.onnx"


def test_a_store_that_nobody_answers_for_is_named(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"model")
    address = "http://127.0.0.1:9"
    given = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "very-secret", "AWS_ENDPOINT_URL": address}
    with pytest.raises(DemoError, match=r"cannot write s3://models/digits/1/model\.onnx") as caught:
        Store("s3://models", given).put(1, file)
    assert "very-secret" not in str(caught.value)


def test_all_that_is_missing_for_another_cluster_is_named_at_once() -> None:
    with pytest.raises(DemoError, match="IMAGE_REGISTRY") as caught:
        CurrentPlace({"AWS_ACCESS_KEY_ID": "key"})
    assert "DEMO_BUCKET" in str(caught.value)
    assert "AWS_SECRET_ACCESS_KEY" in str(caught.value)
    assert "AWS_ACCESS_KEY_ID" not in str(caught.value)


@pytest.mark.parametrize("bucket", ["bucket", "https://bucket", "s3://"])
def test_a_bucket_that_is_none_is_refused(bucket: str) -> None:
    with pytest.raises(DemoError, match="s3://bucket/prefix"):
        CurrentPlace({**GIVEN, "DEMO_BUCKET": bucket})
