"""Find the test data that lies beside a model, as ONNX's backend tests and its model zoo lay it out.

`test_data_set_0/input_0.pb`, …, `output_0.pb`, …: https://github.com/onnx/onnx/blob/main/docs/OnnxBackendTest.md.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from onnx_server.repository.locate import LocatedModel

SETS = 10
TOTAL_BYTES = 64 << 20
"""What is read at most: so many sets, with so many bytes of files in all."""

FOLDERS = "test_data_set_*"
_FILE = re.compile(r"(input|output)_([0-9]{1,4})\.pb")


@dataclass(frozen=True)
class GoldenFolder:
    """One set: the files of its inputs and outputs by their numbers, ascending."""

    name: str
    inputs: dict[int, Path]
    outputs: dict[int, Path]


def find(located: LocatedModel) -> tuple[list[GoldenFolder], list[str]]:
    """Return the sets beside the model by their numbers, and the names of those that are too many or too large.

    Of what `fetch` brought only verified files count. Raises OSError where a folder cannot be read.
    """
    found = [_folder(path, located.files) for path in located.path.parent.glob(FOLDERS) if path.is_dir()]
    found.sort(key=lambda folder: _order(folder.name))
    taken: list[GoldenFolder] = []
    left_out = []
    total = 0
    for folder in found:
        size = sum(path.stat().st_size for path in (*folder.inputs.values(), *folder.outputs.values()))
        if len(taken) == SETS or total + size > TOTAL_BYTES:
            left_out.append(folder.name)
            continue
        total += size
        taken.append(folder)
    return taken, left_out


def _folder(path: Path, verified: frozenset[Path] | None) -> GoldenFolder:
    folder = GoldenFolder(path.name, {}, {})
    for file in sorted(path.iterdir()):
        matched = _FILE.fullmatch(file.name)
        if matched and file.is_file() and (verified is None or file in verified):
            kept = folder.inputs if matched[1] == "input" else folder.outputs
            kept[int(matched[2])] = file
    return GoldenFolder(path.name, dict(sorted(folder.inputs.items())), dict(sorted(folder.outputs.items())))


def _order(name: str) -> tuple[int, str]:
    number = name.rpartition("_")[2]
    return (int(number) if number.isascii() and number.isdigit() else SETS**9, name)
