"""docs/contract.md and the code name the same reasons and settings."""

import re
from pathlib import Path

import onnx_server
from onnx_server.failures import Reason
from onnx_server.settings import server as settings

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
