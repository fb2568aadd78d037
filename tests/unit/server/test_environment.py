"""Settings from the environment: over the file, as strict as it, and errors that name the variable."""

from pathlib import Path

import pytest

from onnx_server.failures import Failure, Reason
from onnx_server.settings import server as settings


def loaded(**environ: str) -> settings.ServerSettings:
    return settings.load(None, {f"ONNX_SERVER_{name}": value for name, value in environ.items()})


def test_scalars_lists_and_parts() -> None:
    found = loaded(
        EXECUTION_PROVIDERS="[CUDA, CPU]",
        DRAIN_SECONDS="7",
        QUEUE="{size: 1, priorityLevels: 3}",
        QUEUE__SIZE="64",
        MODEL__NAME="digits",
        MODEL__VERSION="'3'",
        MODELS__Digits__MAX_BATCH_SIZE="4",
        MODELS__Digits__QUEUE__SIZE="9",
    )
    assert found.execution_providers == ["CUDA", "CPU"]
    assert found.drain_seconds == 7
    assert (found.queue.size, found.queue.priority_levels) == (64, 3)
    assert (found.model.name, found.model.version) == ("digits", "3")
    own = found.for_model("Digits")
    assert (own.max_batch_size, own.queue.size, own.execution_providers) == (4, 9, ["CUDA", "CPU"])


def test_a_variable_comes_before_the_file_and_leaves_the_rest_of_it(tmp_path: Path) -> None:
    path = tmp_path / "server.yaml"
    path.write_text("drainSeconds: 1\nmaxBatchSize: 2\nqueue: {size: 3, priorityLevels: 4}\n")
    found = settings.load(path, {"ONNX_SERVER_QUEUE__SIZE": "30", "ONNX_SERVER_DRAIN_SECONDS": "10"})
    assert (found.drain_seconds, found.max_batch_size) == (10, 2)
    assert (found.queue.size, found.queue.priority_levels) == (30, 4)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"FOO": "1"}, "ONNX_SERVER_FOO: no such setting"),
        ({"drain_seconds": "1"}, "ONNX_SERVER_drain_seconds: no such setting"),
        ({"QUEUE__SIEZ": "1"}, "ONNX_SERVER_QUEUE__SIEZ: no such setting"),
        ({"DRAIN_SECONDS__X": "1"}, "ONNX_SERVER_DRAIN_SECONDS__X: no such setting"),
        ({"MODELS__m__maxBatchSize": "1"}, "ONNX_SERVER_MODELS__m__maxBatchSize: no such setting"),
        ({"QUEUE": "{siez: 1}"}, "ONNX_SERVER_QUEUE: siez: no such setting"),
        ({"QUEUE__SIZE": "many"}, "ONNX_SERVER_QUEUE__SIZE: Input should be a valid integer, got 'many'"),
        ({"QUEUE__SIZE": "'3'"}, "ONNX_SERVER_QUEUE__SIZE: Input should be a valid integer, got '3'"),
        ({"MODEL__VERSION": "3"}, "ONNX_SERVER_MODEL__VERSION: Input should be a valid string, got 3"),
        ({"DRAIN_SECONDS": ""}, "ONNX_SERVER_DRAIN_SECONDS: Input should be a valid integer, got None"),
        ({"EXECUTION_PROVIDERS": "[CPU"}, "ONNX_SERVER_EXECUTION_PROVIDERS is not YAML"),
        ({"VERSION_POLICY__MODE": "Specific"}, "ONNX_SERVER_VERSION_POLICY__MODE: Value error, 'versions' goes with"),
        ({"MODELS__a/b__MAX_BATCH_SIZE": "1"}, "ONNX_SERVER_MODELS__a/b__MAX_BATCH_SIZE"),
    ],
)
def test_an_error_names_the_variable(environ: dict[str, str], words: str) -> None:
    with pytest.raises(Failure) as failed:
        loaded(**environ)
    assert failed.value.reason == Reason.INVALID_CONFIG
    assert words in failed.value.message


def test_an_error_of_the_file_beside_variables_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "server.yaml"
    path.write_text("queue: {size: 0}\n_env_file: x\n")
    with pytest.raises(Failure) as failed:
        settings.load(path, {"ONNX_SERVER_QUEUE__PRIORITY_LEVELS": "0"})
    assert f"{path}: queue.size: Input should be greater" in failed.value.message
    assert f"{path}: _env_file: no such setting" in failed.value.message
    assert "ONNX_SERVER_QUEUE__PRIORITY_LEVELS: Input should be greater" in failed.value.message


def test_what_kubernetes_says_of_services_with_our_name_is_no_setting() -> None:
    of_services = {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "8000",
        "SERVICE_PORT_HTTP": "8000",
        "PORT": "tcp://10.0.0.1:8000",
        "PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "PORT_8000_TCP_ADDR": "10.0.0.1",
        "B_SERVICE_HOST": "10.0.0.1",
        "B_PORT_8000_TCP_PROTO": "tcp",
    }
    assert loaded(**of_services) == loaded()
