"""Thread counts from cgroup files as kernels and container runtimes really lay them out."""

from pathlib import Path

import pytest

from onnx_server.engine import cpus
from onnx_server.settings.batching import ThreadSettings

V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNT = "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct\n"


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def v2(root: Path, cgroup: str, **quotas: str) -> Path:
    files = {"proc/self/cgroup": f"0::{cgroup}\n", "proc/self/mountinfo": V2_MOUNT}
    return lay_out(root, files | {f"sys/fs/cgroup/{key}cpu.max": value for key, value in quotas.items()})


def test_v2_in_a_container_is_its_own_root(tmp_path: Path) -> None:
    root = v2(tmp_path, "/", **{"": "250000 100000\n"})
    assert cpus.quota_cpus(root) == 2.5
    assert cpus.plan(8, root) == cpus.Threads(intra_op=2, inter_op=1, spinning=False)


def test_v2_the_tightest_ancestor_counts(tmp_path: Path) -> None:
    quotas = {"pod/": "150000 100000\n", "pod/main/": "400000 100000\n", "": "max 100000\n"}
    assert cpus.quota_cpus(v2(tmp_path, "/pod/main", **quotas)) == 1.5


def test_v2_without_quota(tmp_path: Path) -> None:
    root = v2(tmp_path, "/", **{"": "max 100000\n"})
    assert cpus.quota_cpus(root) is None
    assert cpus.plan(8, root) == cpus.Threads(intra_op=8, inter_op=1, spinning=True)


@pytest.mark.parametrize("mount_root", ["/", "/kubepods/pod1/container1"])
def test_v1_on_the_host_and_in_a_container(tmp_path: Path, mount_root: str) -> None:
    inside = "kubepods/pod1/container1/" if mount_root == "/" else ""
    files = {
        "proc/self/cgroup": "9:name=systemd:/x\n3:cpu,cpuacct:/kubepods/pod1/container1\n0::/\n",
        "proc/self/mountinfo": V1_MOUNT.format(root=mount_root),
        f"sys/fs/cgroup/cpu,cpuacct/{inside}cpu.cfs_quota_us": "50000\n",
        f"sys/fs/cgroup/cpu,cpuacct/{inside}cpu.cfs_period_us": "100000\n",
    }
    root = lay_out(tmp_path, files)
    assert cpus.quota_cpus(root) == 0.5
    assert cpus.plan(4, root).intra_op == 1


def test_v1_without_quota(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "1:cpu:/\n",
        "proc/self/mountinfo": V1_MOUNT.format(root="/"),
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    assert cpus.quota_cpus(lay_out(tmp_path, files)) is None


def test_no_cgroups_at_all(tmp_path: Path) -> None:
    assert cpus.plan(3, tmp_path) == cpus.Threads(intra_op=3, inter_op=1, spinning=True)


def test_a_quota_above_the_affinity_gives_the_affinity(tmp_path: Path) -> None:
    root = v2(tmp_path, "/", **{"": "1600000 100000\n"})
    assert cpus.plan(4, root).intra_op == 4


def test_this_machine_has_an_answer() -> None:
    assert cpus.plan().intra_op >= 1


@pytest.mark.parametrize(("instances", "each"), [(1, 8), (2, 4), (3, 2), (16, 1)])
def test_instances_share_the_cores(instances: int, each: int) -> None:
    plan = cpus.Threads(intra_op=8, inter_op=1, spinning=True)
    assert cpus.share(plan, instances, ThreadSettings()) == cpus.Threads(each, 1, spinning=True)


def test_what_is_asked_for_overrides_the_plan() -> None:
    plan = cpus.Threads(intra_op=8, inter_op=1, spinning=False)
    asked = ThreadSettings.model_validate({"intraOp": 3, "interOp": 2, "spinning": "On"})
    assert cpus.share(plan, 4, asked) == cpus.Threads(3, 2, spinning=True)
    off = ThreadSettings.model_validate({"spinning": "Off"})
    assert not cpus.share(cpus.Threads(8, 1, spinning=True), 1, off).spinning
