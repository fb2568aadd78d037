"""What is written down of the machine is what is restored; locks, groups and missing programs are told apart."""

import os
import threading
from pathlib import Path

import pytest

from tests.cluster import cgroups, programs
from tests.cluster.errors import MissingProgramsError
from tests.cluster.lock import locked
from tests.cluster.machine import Before
from tests.cluster.paths import RunDir
from tests.cluster.progress import seconds


def test_directories_that_were_made_go_unless_somebody_uses_them(tmp_path: Path) -> None:
    used, unused = tmp_path / "used", tmp_path / "unused" / "below"
    before = Before(made_directories=[str(used), str(unused.parent), str(unused)])
    used.mkdir()
    unused.mkdir(parents=True)
    (used / "file").touch()

    before.restore()
    assert [path.name for path in tmp_path.iterdir()] == ["used"]


def test_what_is_written_down_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    assert Before.read(file) is None
    before = Before.observe("some tools")
    before.write(file)
    assert Before.read(file) == before
    assert before.sysctls["net/ipv4/ip_forward"] in ("0\n", "1\n")


V1 = "30 22 0:26 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
V2 = "29 22 0:25 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
BOUND = "31 22 0:26 /inner /elsewhere rw - cgroup cgroup rw,memory\n"


def test_hierarchies_of_both_versions_are_found_the_second_version_last() -> None:
    assert cgroups.hierarchies(V2 + V1 + BOUND + "1 0 8:1 / / rw - ext4 /dev/sda rw\n") == [
        Path("/sys/fs/cgroup/memory"),
        Path("/sys/fs/cgroup/unified"),
    ]


def test_who_waits_for_a_lock_whose_directory_goes_makes_it_anew(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    entered = threading.Event()

    def wait() -> None:
        with locked(run) as lock:
            assert os.path.samestat(os.fstat(lock), run.root.stat())
            entered.set()

    with locked(run):
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not entered.wait(0.2)
        run.root.rmdir()
    waiter.join(5)
    assert entered.is_set()


def test_all_missing_programs_are_named_at_once_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "search_path", lambda: "/nowhere")
    with pytest.raises(MissingProgramsError) as raised:
        programs.check(programs.NODE, programs.IMAGES)
    said = str(raised.value)
    assert all(name in said for name in ("etcd", "runc", "buildah", "make setup", "apt-get install"))
    assert said.count("iproute2") == 1


@pytest.mark.parametrize(("value", "said"), [(0.04, "0.0s"), (9.4, "9.4s"), (59.6, "1m00s"), (272, "4m32s")])
def test_durations_are_said_as_people_do(value: float, said: str) -> None:
    assert seconds(value) == said
