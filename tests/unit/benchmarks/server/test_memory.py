"""Memory is that of a process and of all that it started."""

import subprocess
import sys

from benchmarks.proc import descendants
from benchmarks.server.memory import memory


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
