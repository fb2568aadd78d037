"""`onnx-server fetch` against a real S3 server, a web server and files: each result and reason by a real run."""

import hashlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract import onnx_models, server_process
from tests.contract.s3_server import S3, s3_server
from tests.contract.server_process import fetch
from tests.contract.web_server import web_server

RULE = r"find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    root = tmp_path_factory.mktemp("s3") / "buckets"
    root.mkdir()
    with s3_server(root) as server:
        yield server


@pytest.fixture
def bucket(s3: S3) -> Iterator[Path]:
    folder = s3.bucket("models")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def digits(bucket: Path) -> Path:
    """s3://models/digits/1/ with a model and a file in a folder beside it."""
    folder = bucket / "digits" / "1"
    (folder / "extra").mkdir(parents=True)
    onnx_models.linear(folder / "model.onnx")
    (folder / "extra" / "labels ä+%20.json").write_text('["zero"]')
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def by_the_rule(folder: Path) -> str:
    listing = subprocess.run(["bash", "-c", RULE], cwd=folder, check=True, capture_output=True).stdout
    return hashlib.sha256(listing).hexdigest()


def failed(ended: server_process.Ended, reason: str) -> str:
    """Check that the run ended with `reason` everywhere it is told; return the message."""
    assert ended.status == 1, ended.stderr
    assert ended.message["result"] == "Failed"
    assert ended.message["reason"] == reason, ended.message
    last = json.loads(ended.stderr.splitlines()[-1])
    assert (last["message"], last["reason"]) == (ended.message["message"], reason)
    return str(ended.message["message"])


def test_a_directory_from_s3(s3: S3, digits: Path, tmp_path: Path) -> None:
    target = tmp_path / "model"
    ended = fetch("s3://models/digits/1/", target, tmp_path=tmp_path, env=s3.env)
    assert ended.status == 0, ended.stderr
    assert ended.message["result"] == "Fetched"
    assert ended.message["digest"] == "sha256:" + by_the_rule(digits)
    assert ended.message["files"] == 2
    assert ended.message["bytes"] == sum(path.stat().st_size for path in digits.rglob("*") if path.is_file())
    assert json.loads(ended.stdout) == ended.message
    assert (target / "extra" / "labels ä+%20.json").read_text() == '["zero"]'
    assert sorted(path.name for path in target.iterdir()) == [".onnx-server-fetch.json", "extra", "model.onnx"]


def test_a_single_file_from_s3(s3: S3, digits: Path, tmp_path: Path) -> None:
    digest = sha256(digits / "model.onnx")
    arguments = ("s3://models/digits/1/model.onnx", tmp_path / "model", "--sha256", digest.upper())
    ended = fetch(*arguments, tmp_path=tmp_path, env=s3.env)
    assert ended.message["digest"] == "sha256:" + digest
    assert ended.message["files"] == 1


def test_a_restarted_fetch_verifies_again_without_a_download(s3: S3, digits: Path, tmp_path: Path) -> None:
    arguments = ("s3://models/digits/1/", tmp_path / "model")
    first = fetch(*arguments, tmp_path=tmp_path, env=s3.env)
    shutil.rmtree(digits)
    second = fetch(*arguments, tmp_path=tmp_path, env=s3.env)
    assert second.status == 0, second.stderr
    assert second.message["digest"] == first.message["digest"]


def test_files_that_rotted_on_the_volume_are_fetched_again(s3: S3, digits: Path, tmp_path: Path) -> None:
    arguments = ("s3://models/digits/1/", tmp_path / "model")
    first = fetch(*arguments, tmp_path=tmp_path, env=s3.env)
    (tmp_path / "model" / "model.onnx").write_bytes(b"rotten")
    second = fetch(*arguments, tmp_path=tmp_path, env=s3.env)
    assert second.message["digest"] == first.message["digest"]
    assert sha256(tmp_path / "model" / "model.onnx") == sha256(digits / "model.onnx")


def test_another_uri_replaces_the_files_of_the_first(s3: S3, digits: Path, tmp_path: Path) -> None:
    target = tmp_path / "model"
    fetch("s3://models/digits/1/", target, tmp_path=tmp_path, env=s3.env)
    (digits / "other.onnx").write_bytes((digits / "model.onnx").read_bytes())
    assert fetch("s3://models/digits/1/other.onnx", target, tmp_path=tmp_path, env=s3.env).status == 0
    assert sorted(path.name for path in target.rglob("*") if path.is_file()) == [
        ".onnx-server-fetch.json",
        "other.onnx",
    ]


@pytest.mark.parametrize("kind", ["file", "path"])
def test_local_directories(kind: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    onnx_models.linear(source / "m.onnx", external="weights.bin")
    uri = f"{source}/" if kind == "path" else f"file://{source}/"
    ended = fetch(uri, tmp_path / "model", tmp_path=tmp_path)
    assert ended.message["digest"] == "sha256:" + by_the_rule(source)


def test_a_web_server(tmp_path: Path) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx")
    with web_server(model) as web:
        ended = fetch(f"{web.url}/ok/m.onnx?token=abc", tmp_path / "model", tmp_path=tmp_path)
        assert ended.message["digest"] == "sha256:" + sha256(model)
        assert web.seen == ["/ok/m.onnx?token=abc"]


@pytest.mark.parametrize("kind", ["breaks", "resumes"])
def test_a_broken_connection_is_no_failure(kind: str, tmp_path: Path) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx")
    with web_server(model) as web:
        ended = fetch(f"{web.url}/{kind}", tmp_path / "model", tmp_path=tmp_path)
        assert len(web.seen) == 2
    assert ended.message.get("digest") == "sha256:" + sha256(model), ended.message
    assert ended.message["bytes"] == model.stat().st_size


@pytest.mark.parametrize("uri", ["hf://org/model", "https://host/directory/", "https://u:secret@host/m.onnx"])
def test_invalid_uri(uri: str, tmp_path: Path) -> None:
    message = failed(fetch(uri, tmp_path / "model", tmp_path=tmp_path), "InvalidURI")
    assert "secret" not in message


@pytest.mark.parametrize(
    "uri", ["s3://models/nothing.onnx", "s3://models/nothing/", "s3://no-such-bucket/m.onnx", "s3://no-such-bucket/m/"]
)
@pytest.mark.usefixtures("digits")
def test_model_not_found(uri: str, s3: S3, tmp_path: Path) -> None:
    assert uri in failed(fetch(uri, tmp_path / "model", tmp_path=tmp_path, env=s3.env), "ModelNotFound")


@pytest.mark.usefixtures("digits")
def test_a_directory_without_its_slash_is_found_out(s3: S3, tmp_path: Path) -> None:
    ended = fetch("s3://models/digits/1", tmp_path / "model", tmp_path=tmp_path, env=s3.env)
    assert "end the URI with '/'" in failed(ended, "ModelNotFound")


@pytest.mark.parametrize("status", [404, 410])
def test_nothing_on_the_web_server(status: int, tmp_path: Path) -> None:
    with web_server(onnx_models.linear(tmp_path / "m.onnx")) as web:
        ended = fetch(f"{web.url}/{status}", tmp_path / "model", tmp_path=tmp_path)
    failed(ended, "ModelNotFound")


def test_no_local_file(tmp_path: Path) -> None:
    failed(fetch(tmp_path / "absent.onnx", tmp_path / "model", tmp_path=tmp_path), "ModelNotFound")


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("uri", ["s3://models/digits/1/", "s3://models/digits/1/model.onnx"])
@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_refused_credentials(uri: str, wrong: str, s3: S3, tmp_path: Path) -> None:
    ended = fetch(uri, tmp_path / "model", tmp_path=tmp_path, env={**s3.env, wrong: "wrong"})
    message = failed(ended, "AccessDenied")
    assert "spec.model.credentials" in message
    assert "Signature=" not in ended.stderr


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("uri", ["s3://models/digits/1/", "s3://models/digits/1/model.onnx"])
def test_no_credentials_at_all(uri: str, s3: S3, tmp_path: Path) -> None:
    ended = fetch(uri, tmp_path / "model", tmp_path=tmp_path, env=s3.anonymous)
    assert "AWS_ACCESS_KEY_ID" in failed(ended, "AccessDenied")


@pytest.mark.parametrize("status", [401, 403])
def test_a_web_server_that_wants_a_login(status: int, tmp_path: Path) -> None:
    with web_server(onnx_models.linear(tmp_path / "m.onnx")) as web:
        ended = fetch(f"{web.url}/{status}", tmp_path / "model", tmp_path=tmp_path)
    failed(ended, "AccessDenied")


def test_digest_mismatch(s3: S3, digits: Path, tmp_path: Path) -> None:
    arguments = ("s3://models/digits/1/", tmp_path / "model", "--sha256", "0" * 64)
    message = failed(fetch(*arguments, tmp_path=tmp_path, env=s3.env), "DigestMismatch")
    assert by_the_rule(digits) in message
    assert not (tmp_path / "model" / "model.onnx").exists()


def test_content_changed(s3: S3, digits: Path, tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    arguments = ("s3://models/digits/1/", tmp_path / "model", "--live", live)
    first = fetch(*arguments, tmp_path=tmp_path, env=s3.env)
    (live / "digest").write_text(first.message["digest"] + "\n")
    (digits / "extra" / "more.txt").write_text("overwritten in the bucket")
    # This pod has verified files already; a new pod gets the other ones.
    assert fetch(*arguments, tmp_path=tmp_path, env=s3.env).status == 0
    later = ("s3://models/digits/1/", tmp_path / "later", "--live", live)
    message = failed(fetch(*later, tmp_path=tmp_path, env=s3.env), "ContentChanged")
    assert first.message["digest"] in message
    assert list((tmp_path / "later").iterdir()) == []


def test_an_absent_live_directory_pins_nothing(s3: S3, digits: Path, tmp_path: Path) -> None:
    arguments = ("s3://models/digits/1/", tmp_path / "model", "--live", tmp_path / "absent")
    assert fetch(*arguments, tmp_path=tmp_path, env=s3.env).message["digest"] == "sha256:" + by_the_rule(digits)


@pytest.mark.usefixtures("digits")
def test_model_too_large_before_the_download(s3: S3, tmp_path: Path) -> None:
    arguments = ("s3://models/digits/1/", tmp_path / "model", "--max-bytes", "100")
    assert "--max-bytes" in failed(fetch(*arguments, tmp_path=tmp_path, env=s3.env), "ModelTooLarge")


def test_model_too_large_while_it_comes(tmp_path: Path) -> None:
    with web_server(onnx_models.linear(tmp_path / "m.onnx")) as web:
        arguments = (f"{web.url}/ok", tmp_path / "model", "--max-bytes", "100")
        failed(fetch(*arguments, tmp_path=tmp_path), "ModelTooLarge")


def test_fetch_timeout(tmp_path: Path) -> None:
    with web_server(onnx_models.linear(tmp_path / "m.onnx")) as web:
        arguments = (f"{web.url}/stalls", tmp_path / "model", "--timeout", "1")
        assert "no data for 1 s" in failed(fetch(*arguments, tmp_path=tmp_path), "FetchTimeout")


def test_sigterm_ends_a_download_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    with web_server(onnx_models.linear(tmp_path / "m.onnx")) as web:
        command = [*server_process.COMMAND, "fetch", f"{web.url}/stalls", str(tmp_path / "model")]
        with subprocess.Popen(command) as running:
            for _ in range(200):
                if web.seen:
                    break
                time.sleep(0.05)
            running.terminate()
            assert running.wait(5) == 128 + signal.SIGTERM
    assert list((tmp_path / "model").iterdir()) == []


def test_store_unreachable(s3: S3, tmp_path: Path) -> None:
    env = {**s3.env, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    ended = fetch("s3://models/digits/1/", tmp_path / "model", tmp_path=tmp_path, env=env)
    assert "no connection" in failed(ended, "StoreUnreachable")


def test_a_store_with_troubles_of_its_own(tmp_path: Path) -> None:
    with web_server(onnx_models.linear(tmp_path / "m.onnx")) as web:
        ended = fetch(f"{web.url}/500", tmp_path / "model", "--timeout", "5", tmp_path=tmp_path)
    assert "500" in failed(ended, "StoreUnreachable")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"model.onnx": b"<html>please log in</html>"}, "web page"),
        ({"weights.bin": b"w"}, "no file that ends in .onnx"),
        ({"a.onnx": b"a", "b.onnx": b"b"}, "2 .onnx files"),
    ],
)
def test_not_an_onnx_model(files: dict[str, bytes], words: str, s3: S3, bucket: Path, tmp_path: Path) -> None:
    (bucket / "m").mkdir()
    for name, content in files.items():
        (bucket / "m" / name).write_bytes(content)
    ended = fetch("s3://models/m/", tmp_path / "model", tmp_path=tmp_path, env=s3.env)
    assert words in failed(ended, "NotAnONNXModel")
