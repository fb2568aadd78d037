"""`server.yaml`: defaults, strictness, and errors that name the field."""

from pathlib import Path

import jsonschema
import pytest

from onnx_server.failures import Failure, Reason
from onnx_server.settings import server as settings

FULL = """
model: {name: digits, version: 7f9c4d2bxk}
executionProviders: [CUDA, CPU]
maxBatchSize: 32
drainSeconds: 5
maxBodyBytes: 104857600
"""


def load(tmp_path: Path, text: str) -> settings.ServerSettings:
    path = tmp_path / "server.yaml"
    path.write_text(text)
    return settings.load(path)


def test_the_contracts_example(tmp_path: Path) -> None:
    loaded = load(tmp_path, FULL)
    assert loaded.model.name == "digits"
    assert loaded.model.version == "7f9c4d2bxk"
    assert loaded.execution_providers == ["CUDA", "CPU"]
    assert loaded.max_batch_size == 32
    assert loaded.drain_seconds == 5
    assert loaded.max_body_bytes == 104857600


def test_everything_has_a_default(tmp_path: Path) -> None:
    loaded = load(tmp_path, "")
    assert loaded.model.version == "1"
    assert loaded.execution_providers == ["CPU"]
    assert loaded.max_batch_size is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batchSize: 3", "batchSize: no such setting"),
        ("model: {nmae: x}", "model.nmae: no such setting"),
        ("maxBatchSize: 0", "maxBatchSize: Input should be greater than or equal to 1, got 0"),
        ("maxBatchSize: '32'", "maxBatchSize: Input should be a valid integer, got '32'"),
        ("model: {version: 3}", "model.version: Input should be a valid string, got 3"),
        ("model: {name: a/b}", "model.name"),
        ("executionProviders: [ROCm]", "executionProviders.0"),
        ("executionProviders: []", "executionProviders"),
        ("executionProviders: [CPU, CPU]", "executionProviders: Value error, each execution provider"),
        ("drainSeconds: 1.5", "drainSeconds"),
        ("threads: {intraOp: 0}", "threads.intraOp"),
        ("threads: {spinning: Yes}", "threads.spinning"),
        ("batching: {preferredSizes: [0]}", "batching.preferredSizes.0"),
        ("instances: 0", "instances"),
        ("- 1", "expected a mapping"),
        ("a: [", "is not YAML"),
        ("drainSeconds: -1\nmaxBodyBytes: x", "maxBodyBytes"),
    ],
)
def test_an_error_names_the_field(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Failure) as failed:
        load(tmp_path, text)
    assert failed.value.reason == Reason.INVALID_CONFIG
    assert words in failed.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"cannot read .*absent\.yaml"):
        settings.load(tmp_path / "absent.yaml")


def test_the_schema_accepts_what_the_server_accepts() -> None:
    schema = settings.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"model": {"name": "digits", "version": "a"}, "executionProviders": ["CPU"]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"batchSize": 3}, schema)


@pytest.mark.parametrize("text", ["grpc: {mode: Off}\n", "grpc: {mode: 'Off'}\n"])
def test_off_is_a_word_in_the_file_and_in_variables(text: str, tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text(text)
    assert settings.load(tmp_path / "server.yaml", {}).grpc.mode == "Off"
    assert settings.load(None, {"ONNX_SERVER_GRPC__MODE": "Off"}).grpc.mode == "Off"
    assert settings.load(None, {"ONNX_SERVER_TRACING__ENABLED": "false"}).tracing.enabled is False
