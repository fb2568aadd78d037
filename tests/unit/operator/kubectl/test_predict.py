"""``predict``: what is sent to the model for a file, and what is said about it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from onnx_operator.kubectl.layout import image_input
from onnx_operator.kubectl.payload import request_of
from onnx_operator.kubectl.picture import picture_tensor
from onnx_operator.kubectl.problems import ProblemError
from tests.unit.operator.kubectl.api_stand_in import SERVICES, Api
from tests.unit.operator.kubectl.commands import run

Captured = pytest.CaptureFixture[str]


def signature(*shape: int, datatype: str = "FP32", more: tuple[str, ...] = ()) -> dict[str, object]:
    names = ("image", *more)
    return {"inputs": [{"name": name, "datatype": datatype, "shape": list(shape)} for name in names]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a picture of 4x2 pixels: left half red, right half blue."""
    picture = Image.new("RGB", (4, 2), (255, 0, 0))
    picture.paste((0, 0, 255), (2, 0, 4, 2))
    picture.save(tmp_path / "flag.png")
    return tmp_path / "flag.png"


def test_nchw(file: Path) -> None:
    tensor, told = picture_tensor(file, image_input(signature(-1, 3, 2, 4)))
    assert tensor["shape"] == [1, 3, 2, 4]
    assert tensor["data"] == [1, 1, 0, 0, 1, 1, 0, 0, *[0] * 8, 0, 0, 1, 1, 0, 0, 1, 1]
    assert (
        told
        == "flag.png: 4x2 RGB, kept at its size, RGB, NCHW, FP32 from 0 to 1; not standardised by mean or deviation."
    )


def test_nhwc_of_bytes(file: Path) -> None:
    tensor, told = picture_tensor(file, image_input(signature(-1, 2, 4, 3, datatype="UINT8")))
    assert tensor["shape"] == [1, 2, 4, 3]
    assert tensor["data"] == ([255, 0, 0] * 2 + [0, 0, 255] * 2) * 2
    assert "NHWC, UINT8 from 0 to 255" in told


def test_a_size_that_the_model_leaves_open_is_the_pictures(file: Path) -> None:
    assert picture_tensor(file, image_input(signature(-1, 3, -1, -1)))[0]["shape"] == [1, 3, 2, 4]


def test_a_row_of_grey_pixels_with_its_own_range(file: Path) -> None:
    tensor, told = picture_tensor(file, image_input(signature(-1, 64), brightest=16))
    assert tensor["shape"] == [1, 64]
    assert len(tensor["data"]) == 64
    assert 0 < max(tensor["data"]) < 16
    assert told == (
        "flag.png: 4x2 RGB, stretched to 8x8 (bilinear), L, a row of pixels, FP32 from 0 to 16; not standardised by "
        "mean or deviation."
    )


@pytest.mark.parametrize(
    ("shape", "layout", "size"),
    [
        ((-1, 1, 28, 28), "NCHW", (28, 28)),
        ((1, 224, 320, 3), "NHWC", (320, 224)),
        ((3, 10, 20), "CHW", (20, 10)),
        ((10, 20, 4), "HWC", (20, 10)),
        ((-1, 10, 20), "NHW", (20, 10)),
        ((-1, 784), "flat", (28, 28)),
    ],
)
def test_layouts(shape: tuple[int, ...], layout: str, size: tuple[int, int]) -> None:
    found = image_input(signature(*shape))
    assert (found.layout, (found.width, found.height)) == (layout, size)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (signature(-1, 3, 8, 8, more=("mask",)), "The model has 2 inputs"),
        (signature(-1, 3, 8, 8, datatype="INT64"), "'image' is INT64"),
        (signature(-1, 65), "that is no image"),
        (signature(-1, -1), "that is no image"),
        (signature(-1, 2, 8, 8), "that is no image"),
    ],
)
def test_a_model_that_takes_no_picture(wanted: dict[str, object], said: str) -> None:
    with pytest.raises(ProblemError, match=said) as problem:
        image_input(wanted)
    assert "--json" in problem.value.remedy


def test_a_file_that_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("a letter")
    with pytest.raises(ProblemError, match=r"a\.png is no image"):
        picture_tensor(tmp_path / "a.png", image_input(signature(-1, 64)))
    with pytest.raises(ProblemError, match="cannot be read"):
        picture_tensor(tmp_path / "b.png", image_input(signature(-1, 64)))


def test_a_request_goes_as_it_is() -> None:
    request = {"inputs": [{"name": "x", "datatype": "INT8", "shape": [1], "data": [1]}], "id": "7"}
    assert request_of(request, signature(-1)) == request


def test_names_and_lists_become_a_request() -> None:
    found = request_of({"image": [[1, 2], [3, 4]]}, signature(-1, 2))
    assert found == {"inputs": [{"name": "image", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]}]}


def test_one_row_may_be_written_as_one() -> None:
    assert request_of([1, 2], signature(-1, 2))["inputs"][0]["shape"] == [1, 2]
    assert request_of(3, signature(-1))["inputs"][0] == {
        "name": "image",
        "datatype": "FP32",
        "shape": [1],
        "data": [3],
    }


def test_an_input_called_inputs_is_an_input() -> None:
    wanted = {"inputs": [{"name": "inputs", "datatype": "FP32", "shape": [-1]}]}
    assert request_of({"inputs": [1, 2]}, wanted)["inputs"][0]["data"] == [1, 2]


@pytest.mark.parametrize(
    ("document", "wanted", "said"),
    [
        ([[1, 2], [3]], signature(-1, 2), "ragged"),
        ([[[1]]], signature(-1), r"has 1 dimensions, \[-1\]; what is given has 3"),
        ({"picture": [1]}, signature(-1), "The model has no input picture; it has image."),
        ([1], signature(-1, more=("mask",)), "The model has 2 inputs: write an object with image, mask."),
        ([1], signature(-1, datatype="FP16"), "FP16, which has no form in JSON"),
    ],
)
def test_what_does_not_fit(document: object, wanted: dict[str, object], said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        request_of(document, wanted)


def test_the_command(api: Api, capsys: Captured, file: Path) -> None:
    answer = {
        "model_name": "digits",
        "model_version": "1",
        "outputs": [{"name": "label", "datatype": "INT64", "shape": [1], "data": [7]}],
    }
    api.proxied = {
        "digits:http/proxy/v2/models/digits": (200, signature(-1, 3, 2, 4)),
        "digits:http/proxy/v2/models/digits/infer": (200, answer),
    }
    assert run("predict", "digits", "--image", str(file)) == 0
    captured = capsys.readouterr()
    assert captured.out == "digits version 1\nlabel  INT64 [1]\n  7\n"
    assert "flag.png: 4x2 RGB, kept at its size, RGB, NCHW, FP32 from 0 to 1" in captured.err
    method, path, sent = api.seen[-1]
    assert (method, path) == ("POST", f"{SERVICES}/digits:http/proxy/v2/models/digits/infer")
    assert sent["inputs"][0]["shape"] == [1, 3, 2, 4]
    assert run("predict", "digits", "--image", str(file), "-o", "json") == 0
    assert json.loads(capsys.readouterr().out) == answer


def test_a_revision_is_asked_at_its_own_service(api: Api, tmp_path: Path) -> None:
    service = "digits-bq24cmd5fz:http/proxy/v2/models/digits"
    api.proxied = {
        service: (200, signature(-1)),
        f"{service}/infer": (200, {"model_name": "digits", "outputs": []}),
    }
    (tmp_path / "x.json").write_text("[1]")
    assert run("predict", "digits", "--json", str(tmp_path / "x.json"), "--revision", "digits-bq24cmd5fz") == 0


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (400, {"error": "input 'x' is missing"}, "The model answers 400: input 'x' is missing"),
        (403, {"kind": "Status", "message": "no services/proxy"}, "You may not use the proxy to Services"),
        (404, {"kind": "Status", "message": "not found"}, "There is no Service 'digits'"),
        (503, {"kind": "Status", "message": "no endpoints available"}, "No pod answers behind the Service 'digits'"),
        (502, {"kind": "Status", "message": "broken"}, "The API server's proxy answers 502: broken"),
        (500, "a page", "The model answers 500"),
    ],
)
def test_what_goes_wrong(api: Api, capsys: Captured, tmp_path: Path, status: int, answer: object, said: str) -> None:
    api.proxied = {"digits:http/proxy/v2/models/digits": (status, answer)}
    (tmp_path / "x.json").write_text("[1]")
    assert run("predict", "digits", "--json", str(tmp_path / "x.json")) == 1
    assert said in capsys.readouterr().err


def test_a_file_that_is_no_json(api: Api, capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1")
    assert run("predict", "digits", "--json", str(tmp_path / "x.json")) == 1
    assert "is no JSON that can be read" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("--json", "a", "--image", "b")])
def test_one_file_is_needed(capsys: Captured, arguments: tuple[str, ...]) -> None:
    assert run("predict", "digits", *arguments) == 2
    assert "give one of --json and --image" in capsys.readouterr().err
