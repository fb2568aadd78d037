"""What the process says of its memory, from files as kernels lay them out and from this process itself."""

import itertools
import os
import random
from pathlib import Path

import numpy as np

from onnx_server import memory
from onnx_server.memory import FIRST_INTERVAL, SAMPLES, Memory

V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNT = "35 31 0:31 /kubepods/pod1/c1 /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n"


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def v2(root: Path, cgroup: str, limits: dict[str, str]) -> Path:
    files = {"proc/self/cgroup": f"0::{cgroup}\n", "proc/self/mountinfo": V2_MOUNT}
    return lay_out(root, files | {f"sys/fs/cgroup/{path}memory.max": text for path, text in limits.items()})


def test_memory_that_belongs_to_files_is_not_counted(tmp_path: Path) -> None:
    # size, resident, shared, text, lib, data, dt, in pages.
    root = lay_out(tmp_path, {"proc/self/statm": "90000 30000 12000 800 0 40000 0\n"})
    assert memory.held_bytes(root) == 18000 * os.sysconf("SC_PAGE_SIZE")


def test_this_process_holds_what_it_takes() -> None:
    before = memory.held_bytes()
    taken = np.ones(64 << 17)  # 64 MiB, written
    grown = memory.held_bytes() - before
    assert 60 << 20 < grown < 80 << 20, taken.size


def test_no_proc(tmp_path: Path) -> None:
    assert memory.held_bytes(tmp_path) == 0
    assert memory.limit_bytes(tmp_path) is None


def test_the_tightest_limit_of_v2(tmp_path: Path) -> None:
    root = v2(tmp_path, "/pod/main", {"pod/": "536870912\n", "pod/main/": "max\n", "": "max\n"})
    assert memory.limit_bytes(root) == 512 << 20


def test_no_limit_of_v2(tmp_path: Path) -> None:
    assert memory.limit_bytes(v2(tmp_path, "/", {"": "max\n"})) is None


def test_v1_in_a_container(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "9:memory:/kubepods/pod1/c1\n3:cpu,cpuacct:/kubepods/pod1/c1\n",
        "proc/self/mountinfo": V1_MOUNT,
    }
    limit = tmp_path / "sys/fs/cgroup/memory/memory.limit_in_bytes"
    lay_out(tmp_path, files | {"sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n"})
    assert memory.limit_bytes(tmp_path) == 256 << 20
    limit.write_text("9223372036854771712\n")  # none
    assert memory.limit_bytes(tmp_path) is None


def samples(held: Memory) -> list[list[int]]:
    found = held.describe()["samples"]
    assert isinstance(found, list)
    return found


def test_the_first_sample_is_taken_after_warm_up_and_once() -> None:
    reads = iter([100, 200, 300])
    held = Memory(read=lambda: next(reads))
    held.begin()
    held.begin()
    assert samples(held) == [[0, 100]]


def test_samples_are_taken_by_requests_and_thin_out() -> None:
    requests = 0
    held = Memory(read=lambda: requests, dice=random.Random(1))
    held.begin()
    for count in range(1, 10_001):
        requests = count
        held.ran(1)
        kept = samples(held)
        assert kept[0] == [0, 0]
        assert len(kept) <= SAMPLES
        if count >= SAMPLES * FIRST_INTERVAL:
            assert len(kept) > SAMPLES // 2 - 1
            steps = [after[0] - before[0] for before, after in itertools.pairwise(kept)]
            usual = sum(steps) / len(steps)
            assert 0.3 * usual < min(steps) < max(steps) < 3 * usual
            assert len(set(steps)) > 1, "what is periodic shows"
            assert count - kept[-1][0] <= 2 * usual


def test_a_batch_counts_its_requests() -> None:
    held = Memory(read=lambda: 1)
    held.begin()
    held.ran(2 * FIRST_INTERVAL)
    assert samples(held) == [[0, 1], [2 * FIRST_INTERVAL, 1]]


def test_the_document(tmp_path: Path) -> None:
    lay_out(v2(tmp_path, "/", {"": "536870912\n"}), {"proc/self/statm": "9 5 2 0 0 0 0\n"})
    held = Memory(tmp_path)
    held.begin()
    page = os.sysconf("SC_PAGE_SIZE")
    assert held.describe() == {"bytes": 3 * page, "limitBytes": 512 << 20, "samples": [[0, 3 * page]]}


def test_what_is_free_below_the_tightest_limit(tmp_path: Path) -> None:
    root = v2(tmp_path, "/pod/main", {"pod/": "1000\n", "pod/main/": "900\n", "": "max\n"})
    used = {"pod/": (800, 100), "pod/main/": (650, 50), "": (5000, 0)}
    for path, (held, inactive) in used.items():
        stat = f"anon 10\ninactive_file {inactive}\nactive_file 7\n"
        lay_out(root, {f"sys/fs/cgroup/{path}memory.current": f"{held}\n", f"sys/fs/cgroup/{path}memory.stat": stat})
    assert memory.free_bytes(root) == 300


def test_what_is_free_of_v1_and_without_a_limit(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "9:memory:/kubepods/pod1/c1\n", "proc/self/mountinfo": V1_MOUNT}
    of_v1 = {
        "limit_in_bytes": "1000\n",
        "usage_in_bytes": "1100\n",
        "stat": "inactive_file 1\ntotal_inactive_file 20\n",
    }
    files |= {f"sys/fs/cgroup/memory/memory.{name}": text for name, text in of_v1.items()}
    assert memory.free_bytes(lay_out(tmp_path / "v1", files)) == 0
    assert memory.free_bytes(v2(tmp_path / "v2", "/", {"": "max\n"})) is None
    assert memory.free_bytes(tmp_path / "none") is None
