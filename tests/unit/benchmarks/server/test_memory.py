"""Memory is that of a process and of all that it started."""

import subprocess
import sys

from benchmarks.server.memory import descendants, kilobytes, memory

ROLLUP = """55d0c3a00000-7ffc8a3f9000 ---p 00000000 00:00 0                          [rollup]
Rss:               10240 kB
Pss:                7168 kB
Pss_Dirty:          5000 kB
"""


def test_a_line_is_found_by_its_whole_name() -> None:
    assert (kilobytes(ROLLUP, "Pss"), kilobytes(ROLLUP, "Rss"), kilobytes(ROLLUP, "Swap")) == (7168, 10240, 0)


def test_children_count() -> None:
    held = "import sys; x = bytearray(50_000_000); print('held', flush=True); sys.stdin.read()"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {held!r}])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"held\n"
        found = descendants(parent.pid)
        assert found[0] == parent.pid
        assert len(found) == 2
        whole = memory(parent.pid)
        assert whole.rss >= whole.pss > 50
