"""The digest rule against the real command that docs/contract.md gives."""

import hashlib
import subprocess
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onnx_server.repository import digest

COMMAND = r"find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum"
# A name that starts with a dash would be an option of sha256sum; a line break would be two names.
NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0\n", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: name not in {".", ".."} and not name.startswith("-"))
TREES = st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.binary(max_size=64), min_size=1)


def command(directory: Path) -> str:
    printed = subprocess.run(["bash", "-c", COMMAND], cwd=directory, check=True, capture_output=True).stdout
    return hashlib.sha256(printed).hexdigest()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES, st.integers())
def test_a_directory_hashes_as_the_command_says(tmp_path: Path, tree: dict[tuple[str, ...], bytes], salt: int) -> None:
    root = tmp_path / hashlib.sha256(repr((sorted(tree.items()), salt)).encode()).hexdigest()
    for parts, content in tree.items():
        path = root.joinpath(*parts)
        if any(parent.is_file() for parent in path.parents) or path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert digest.of_directory(root) == command(root)


def test_sorting_is_by_bytes_of_the_whole_path(tmp_path: Path) -> None:
    for name in ("a/b", "a.b", "a-b", "B", "é", "z", "back\\slash"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    assert digest.of_directory(tmp_path) == command(tmp_path)


def test_what_fetch_keeps_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"m")
    before = digest.of_directory(tmp_path)
    (tmp_path / digest.RECORD_NAME).write_text("{}")
    (tmp_path / digest.STAGING_NAME).mkdir()
    (tmp_path / digest.STAGING_NAME / "half").write_bytes(b"h")
    assert digest.of_directory(tmp_path) == before


def test_a_file_is_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"abc")
    assert digest.of_file(tmp_path / "model.onnx") == hashlib.sha256(b"abc").hexdigest()
