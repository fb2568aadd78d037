"""docs/contract.md and the code name the same reasons and settings."""

import json
import re
from pathlib import Path
from typing import Any

import onnx_server
from onnx_server.control.split import ShadowRequest, SplitRequest
from onnx_server.failures import Reason
from onnx_server.settings import server as settings
from onnx_server.traffic.mirror.copier import Copier
from onnx_server.traffic.traffic import Traffic

PAGE = Path(onnx_server.__file__).parents[2] / "docs" / "contract.md"


def test_every_reason_is_on_the_page_and_no_other() -> None:
    table = re.findall(r"^\| `([A-Za-z]+)` \| (?:fetch|serve|both) \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(table) == sorted(Reason)


def test_the_pages_example_is_valid(tmp_path: Path) -> None:
    example = re.search(r"server\.yaml`.*?```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    path = tmp_path / "server.yaml"
    path.write_text(example[1])
    loaded = settings.load(path)
    assert set(settings.schema()["properties"]) == set(loaded.model_dump(by_alias=True))


def test_the_split_on_the_page_is_the_servers() -> None:
    section = PAGE.read_text().partition("## The split")[2]
    pushed, state = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    assert set(json.loads(pushed)) == {field.alias for field in SplitRequest.model_fields.values()}
    traffic = Traffic("digits-a", mirror=Copier(b"digits-a"))
    traffic.apply(SplitRequest.model_validate_json(pushed).split())
    described: Any = traffic.describe()
    document = json.loads(state)
    # What there is of outputs and durations is only in what has seen some; tests/contract compares those.
    for evidence in (document["evidence"], described["evidence"]):
        evidence.update(dict.fromkeys(("compute", "work", "outputs", "worst")))
    of_the_pod = dict.fromkeys(("podUid", "bootId", "openConnections", "memory"), "")
    assert _names(document | of_the_pod) == _names(described | of_the_pod)


def test_the_shadow_on_the_page_is_the_servers() -> None:
    section = PAGE.read_text().partition("## The split")[2]
    pushed = json.loads(re.findall(r"```json\n(.*?)```", section, re.DOTALL)[0])
    assert set(pushed["shadow"]) == {field.alias for field in ShadowRequest.model_fields.values()}


def _names(value: object) -> object:
    """Return the names in a document, without its values."""
    if isinstance(value, dict):
        return {name: _names(each) for name, each in value.items()}
    return [_names(each) for each in value] if isinstance(value, list) else None
