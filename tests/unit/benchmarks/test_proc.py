"""What /proc says is read by the whole name of a line."""

from pathlib import Path

import pytest

from benchmarks.proc import kibibytes

ROLLUP = """55d0c3a00000-7ffc8a3f9000 ---p 00000000 00:00 0                          [rollup]
Rss:               10240 kB
Pss_Dirty:          5000 kB
Pss:                7168 kB
"""


def test_a_line_is_found_by_its_whole_name(tmp_path: Path) -> None:
    file = tmp_path / "rollup"
    file.write_text(ROLLUP)
    assert (kibibytes(file, "Pss"), kibibytes(file, "Rss")) == (7168, 10240)
    with pytest.raises(ValueError, match="has no Swap"):
        kibibytes(file, "Swap")
