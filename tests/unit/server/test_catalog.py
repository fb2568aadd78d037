"""A model repository on disk: which folders are models and versions, and whether a folder is a repository at all."""

from pathlib import Path

import pytest

from onnx_server.failures import Failure, Reason
from onnx_server.repository import record
from onnx_server.repository.catalog import ModelRepository
from onnx_server.repository.record import FetchRecord
from onnx_server.repository.structure import is_repository


def tree(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(b"")
    return root


def test_versions_are_positive_integers_in_the_order_of_numbers(tmp_path: Path) -> None:
    names = ("10", "9", "0", "01", "-1", "v2", "1.5", "٣", "9" * 19)
    tree(tmp_path, *(f"m/{name}/model.onnx" for name in names), "m/config.pbtxt", "m/3")
    (folder,) = ModelRepository(tmp_path).scan().values()
    assert list(folder.versions) == ["9", "10"]
    assert set(folder.ignored) == {*names} - {"9", "10"}
    assert folder.has_triton_config


def test_models_are_folders_with_versions(tmp_path: Path) -> None:
    tree(tmp_path, "a/1/model.onnx", "b c/2/x", ".git/1/model.onnx", "docs/index.html", "new\nline/1/model.onnx", "f")
    repository = ModelRepository(tmp_path)
    assert list(repository.scan()) == ["a", "b c"]
    assert repository.other_folders() == ["'docs'", "'new\\nline'"]


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot read the folder"):
        ModelRepository(tmp_path / "gone").scan()


@pytest.mark.parametrize(
    ("files", "repository"),
    [
        (["model.onnx"], False),
        (["a.onnx", "weights/1/w.bin"], False),
        (["sub/model.onnx"], False),
        (["1/model.onnx"], False),
        (["m/v1/model.onnx"], False),
        (["m/1/model.onnx"], True),
        (["m/1/sub/any.onnx"], True),
        (["m/1/model.plan", "n/2/any.onnx"], True),
        (["m/1/a.onnx", "m/1/b.onnx"], True),
        (["m/1/model.onnx", "loose/model.onnx", "README.md"], True),
    ],
)
def test_structure(files: list[str], repository: bool, tmp_path: Path) -> None:
    for may_be_empty in (False, True):
        assert is_repository(tree(tmp_path, *files), may_be_empty=may_be_empty) is repository


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            ["model.onnx", "m/1/model.onnx"],
            "a model of its own (model.onnx) and models of a repository (m/1/model.onnx)",
        ),
        (["1/model.onnx", "2/model.onnx"], "holds versions of one model (1, 2): serve the folder above it"),
        ([], "expected a model file, a directory that holds one, or a model repository of NAME/VERSION/model.onnx"),
        (["m/1/model.plan"], "the versions of m hold no .onnx file"),
    ],
)
def test_neither_or_both(files: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(Failure) as failed:
        is_repository(tree(tmp_path, *files), may_be_empty=False)
    assert failed.value.reason == Reason.NOT_AN_ONNX_MODEL
    assert words in failed.value.message


def test_an_empty_repository_is_one_where_it_may_be(tmp_path: Path) -> None:
    assert is_repository(tmp_path, may_be_empty=True)
    assert is_repository(tree(tmp_path, "m/1/model.plan"), may_be_empty=True)


def test_what_was_fetched_is_one_model(tmp_path: Path) -> None:
    tree(tmp_path, "m/1/model.onnx")
    fetched = FetchRecord(
        uri_sha256="0", digest="sha256:0", single=False, model="m/1/model.onnx", files={"m/1/model.onnx": "0"}, bytes=0
    )
    record.write(tmp_path, fetched)
    assert not is_repository(tmp_path, may_be_empty=True)
