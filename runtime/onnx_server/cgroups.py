"""The directories in /sys that say what this process may use, of cgroup v1 and v2."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/")


def directories(controller: str, root: Path = ROOT) -> Iterator[Path]:
    """Yield this process's directory and its ancestors' in each hierarchy that has `controller`, such as cpu.

    `root` is where /proc and /sys are looked for.
    """
    for own, top in _hierarchies(controller, root):
        for directory in (own, *own.parents):
            yield directory
            if directory == top:
                break


def _hierarchies(controller: str, root: Path) -> list[tuple[Path, Path]]:
    """Return (this process's directory, its hierarchy's mount point) for each hierarchy."""
    try:
        memberships = (root / "proc/self/cgroup").read_text().splitlines()
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    paths: dict[str, str] = {}
    for line in memberships:
        _, controllers, cgroup = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), cgroup)
    found = []
    for line in mounts:
        before, _, after = line.partition(" - ")
        mount_root, mount_point = before.split()[3:5]
        kind, _, options = [*after.split(), "", "", ""][:3]
        if kind == "cgroup2":
            path = paths.get("")
        elif kind == "cgroup" and controller in options.split(","):
            path = paths.get(controller)
        else:
            continue
        if path is not None:
            top = root / mount_point.lstrip("/")
            found.append((_inside(top, path, mount_root), top))
    return found


def _inside(top: Path, path: str, mount_root: str) -> Path:
    """Return the directory of cgroup `path` in a mount whose root is the cgroup `mount_root` (a container's own)."""
    try:
        directory = top / PurePosixPath(path).relative_to(mount_root)
    except ValueError:
        return top
    return directory if directory.is_dir() and ".." not in directory.parts else top
