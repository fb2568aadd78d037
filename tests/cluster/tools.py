"""Builds the cluster's Go programs, once for each set of versions, and finds them.

The versions are those of `tools/<module>/go.mod`; the binaries lie in the cache under a key over everything that
decides what is built.
"""

import functools
import hashlib
import platform
import re
import shutil
from pathlib import Path
from typing import Final

from . import programs
from .commands import run
from .errors import ClusterError
from .lock import only_one
from .paths import cache_dir
from .progress import step

SOURCES: Final = Path(__file__).parent / "tools"
FLAGS: Final = ("-trimpath", "-buildvcs=false")
TAGS: Final = {"prometheus": "remove_all_sd"}
"""Build tags of modules: Prometheus without the clients of all clouds, in which it could look for what to scrape."""

MODULES: Final[dict[str, tuple[str, ...]]] = {
    "kubernetes": (
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "kubectl",
    ),
    "helm": ("helm",),
    "coredns": ("coredns",),
    "versitygw": ("versitygw",),
    "kwok": ("kwok",),
    "metrics-server": ("metrics-server",),
    "h2spec": ("h2spec",),
    "prometheus": ("prometheus",),
}
"""The programs that each module of `tools/` builds."""

VERSIONED: Final = {
    "kubernetes": "k8s.io/kubernetes",
    "helm": "helm.sh/helm/v4",
    "coredns": "github.com/coredns/coredns",
    "versitygw": "github.com/versity/versitygw",
    "kwok": "sigs.k8s.io/kwok",
    "metrics-server": "sigs.k8s.io/metrics-server",
    "h2spec": "github.com/summerwind/h2spec",
    "prometheus": "github.com/prometheus/prometheus",
}
"""The Go module whose version is the version of a module's programs."""


def version(module: str) -> str:
    """Return the version of a module's programs, such as `v1.34.4`."""
    text = (SOURCES / module / "go.mod").read_text()
    found = re.search(rf"^\s*(?:require\s+)?{re.escape(VERSIONED[module])}\s+(v\S+)", text, re.MULTILINE)
    if found is None:
        raise ClusterError(f"{SOURCES / module / 'go.mod'} does not require {VERSIONED[module]}")
    return found[1]


def linker_flags(module: str) -> str:
    """Return the linker's flags: without debug information, and with the version that a release build would show."""
    shown = version(module)
    major, minor = shown.removeprefix("v").split(".")[:2]
    variables = {
        "kubernetes": {
            "k8s.io/component-base/version.gitVersion": shown,
            "k8s.io/component-base/version.gitMajor": major,
            "k8s.io/component-base/version.gitMinor": minor,
        },
        "helm": {"helm.sh/helm/v4/internal/version.version": shown},
        "coredns": {},
        "versitygw": {"main.Version": shown},
        "kwok": {},
        "metrics-server": {"k8s.io/client-go/pkg/version.gitVersion": shown},
        "h2spec": {"main.VERSION": shown},
        "prometheus": {"github.com/prometheus/common/version.Version": shown},
    }[module]
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in variables.items())])


def flags(module: str) -> tuple[str, ...]:
    """Return the flags of `go build`."""
    return (*FLAGS, f"-tags={TAGS[module]}") if module in TAGS else FLAGS


@functools.cache
def go_version() -> str:
    """Return the version of Go that builds."""
    return run([programs.go(), "env", "GOVERSION"]).strip()


def key(module: str, go: str) -> str:
    """Return what names a build: it changes with the module's versions, the flags, Go, and the machine's kind."""
    digest = hashlib.sha256()
    for file in ("go.mod", "go.sum"):
        digest.update((SOURCES / module / file).read_bytes())
    digest.update("\0".join([go, platform.machine(), linker_flags(module), *flags(module)]).encode())
    return f"{module}-{version(module)}-{digest.hexdigest()[:12]}"


def folder(module: str) -> Path:
    """Return where a module's programs lie, built or not."""
    return cache_dir() / "tools" / key(module, go_version())


def binary(name: str) -> Path:
    """Return a program such as `kubectl` or `versitygw`; it is built first where it is not in the cache."""
    for module, names in MODULES.items():
        if name in names:
            return build(module) / name
    known = ", ".join(name for names in MODULES.values() for name in names)
    raise ClusterError(f"no tool is called {name!r}; there are {known}")


def build(module: str) -> Path:
    """Build a module's programs unless the cache has them; return their folder."""
    target = folder(module)
    if target.is_dir():
        return target
    with only_one(target.parent, "building tools"):
        if target.is_dir():  # another process built it while we waited
            return target
        partial = target.with_name(f"{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        names = MODULES[module]
        with step(f"building {module} {version(module)}: {', '.join(names)} (once; minutes)"):
            run(
                [programs.go(), "build", *flags(module), "-ldflags", linker_flags(module), "-o", f"{partial}/", "tool"],
                cwd=SOURCES / module,
                environment={"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "PATH": programs.search_path()},
                what=f"go build of {module}",
            )
        if absent := [name for name in names if not (partial / name).exists()]:
            raise ClusterError(f"{SOURCES / module / 'go.mod'} has no tool line for {', '.join(absent)}")
        partial.rename(target)
    return target


def build_all() -> None:
    """Build every module that the cache lacks."""
    for module in MODULES:
        build(module)
